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

var _ = Describe("A named pipe", func() {
	var directory, file string
	BeforeEach(func() {
		directory = GinkgoT().TempDir()
		file = filepath.Join(directory, "m.yml")
	})

	It("is rejected as a web configuration file", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		config := emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", WebConfigFile: file}
		_, err := config.NewEmitter(nil)
		Expect(err).To(MatchError(And(HavePrefix("--prometheus-web-config-file: "), ContainSubstring(file+" is a named pipe"))))
	})

	It("is rejected as a mapping file, at the start and when it is reloaded", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		want := MatchError(And(HavePrefix("--mapping-file: "), ContainSubstring(file+" is a named pipe")))
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
