//go:build unix

package regularfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/internal/regularfile"
)

func TestRegularFile(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Regular files")
}

var _ = Describe("Read", func() {
	var directory, file string
	BeforeEach(func() {
		directory = GinkgoT().TempDir()
		file = filepath.Join(directory, "m.yml")
	})

	It("follows symbolic links", func() {
		Expect(os.WriteFile(filepath.Join(directory, "target"), []byte("a: b"), 0o600)).To(Succeed())
		Expect(os.Symlink("target", file)).To(Succeed())
		Expect(regularfile.Read(file)).To(BeEquivalentTo("a: b"))
	})

	It("rejects named pipes, devices, and directories", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		_, err := regularfile.Read(file)
		Expect(err).To(MatchError(file + " is a named pipe, expected a regular file"))
		_, err = regularfile.Read("/dev/zero")
		Expect(err).To(MatchError("/dev/zero is a device, expected a regular file"))
		_, err = regularfile.Read(directory)
		Expect(err).To(MatchError(directory + " is a directory, expected a regular file"))
	})

	It("limits the size of the file", func() {
		Expect(os.WriteFile(file, bytes.Repeat([]byte("#\n"), 4<<20), 0o600)).To(Succeed())
		Expect(regularfile.Read(file)).To(HaveLen(8 << 20))
		Expect(os.WriteFile(file, bytes.Repeat([]byte("#\n"), 4<<20+1), 0o600)).To(Succeed())
		_, err := regularfile.Read(file)
		Expect(err).To(MatchError(file + " is too large, expected at most 8 MiB"))
	})
})
