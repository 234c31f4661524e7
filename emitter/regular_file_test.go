//go:build unix

package emitter_test

import (
	"os"
	"path/filepath"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
)

var _ = Describe("A regular file", func() {
	var directory, file string
	BeforeEach(func() {
		directory = GinkgoT().TempDir()
		file = filepath.Join(directory, "m.yml")
	})

	It("is what a web configuration file must be", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		want := file + " is a named pipe, expected a regular file"
		config := emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", WebConfigFile: file}
		_, err := config.NewEmitter(nil)
		Expect(err).To(MatchError("--prometheus-web-config-file: " + want))
	})

	It("is what a mapping file must be, at the start and reloaded", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		want := MatchError("--mapping-file: " + file + " is a named pipe, expected a regular file")
		config := &emitter.PrometheusConfig{MappingFile: file, BindIP: "127.0.0.1", BindPort: "0"}
		_, err := config.NewEmitter(nil)
		Expect(err).To(want)

		Expect(os.Remove(file)).To(Succeed())
		Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
		p := start(config, nil)
		Expect(os.Remove(file)).To(Succeed())
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		Expect(p.Reload()).To(want)
	})
})
