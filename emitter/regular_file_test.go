//go:build unix

package emitter_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
)

var _ = Describe("A file that is read as a whole", func() {
	var directory, file string
	BeforeEach(func() {
		directory = GinkgoT().TempDir()
		file = filepath.Join(directory, "m.yml")
	})

	It("may be the target of a link", func() {
		Expect(os.WriteFile(filepath.Join(directory, "target"), []byte("a: b"), 0o600)).To(Succeed())
		Expect(os.Symlink("target", file)).To(Succeed())
		Expect(emitter.ReadRegularFile(file)).To(BeEquivalentTo("a: b"))
	})

	It("is nothing that could keep its reader waiting, or never end", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		_, err := emitter.ReadRegularFile(file)
		Expect(err).To(MatchError(file + " is a named pipe, want a regular file"))
		_, err = emitter.ReadRegularFile("/dev/zero")
		Expect(err).To(MatchError("/dev/zero is a device, want a regular file"))
		_, err = emitter.ReadRegularFile(directory)
		Expect(err).To(MatchError(directory + " is a directory, want a regular file"))
	})

	It("is not larger than any that makes sense", func() {
		Expect(os.WriteFile(file, bytes.Repeat([]byte("#\n"), 4<<20), 0o600)).To(Succeed())
		Expect(emitter.ReadRegularFile(file)).To(HaveLen(8 << 20))
		Expect(os.WriteFile(file, bytes.Repeat([]byte("#\n"), 4<<20+1), 0o600)).To(Succeed())
		_, err := emitter.ReadRegularFile(file)
		Expect(err).To(MatchError(file + " has more than 8 MiB, want a smaller file"))
	})

	It("is what a web configuration file must be", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		want := file + " is a named pipe, want a regular file"
		Expect(emitter.CheckWebConfig(file)).To(MatchError(want))
		config := emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", WebConfigFile: file}
		_, err := config.NewEmitter(nil)
		Expect(err).To(MatchError("--prometheus-web-config-file: " + want))
		Expect(emitter.CheckWebConfig(filepath.Join(directory, "missing"))).To(MatchError(os.ErrNotExist))
		Expect(emitter.CheckWebConfig("")).To(Succeed())
	})

	It("is what a mapping file must be, at the start and reloaded", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		want := MatchError("--mapping-file: " + file + " is a named pipe, want a regular file")
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
