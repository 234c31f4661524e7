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

var _ = Describe("A file that is read as a whole", func() {
	var directory, file string
	BeforeEach(func() {
		directory = GinkgoT().TempDir()
		file = filepath.Join(directory, "m.yml")
	})

	It("may be the target of a link", func() {
		Expect(os.WriteFile(filepath.Join(directory, "target"), []byte("a: b"), 0o600)).To(Succeed())
		Expect(os.Symlink("target", file)).To(Succeed())
		Expect(regularfile.Read(file)).To(BeEquivalentTo("a: b"))
	})

	It("is nothing that could keep its reader waiting, or never end", func() {
		Expect(syscall.Mkfifo(file, 0o600)).To(Succeed())
		_, err := regularfile.Read(file)
		Expect(err).To(MatchError(file + " is a named pipe, expected a regular file"))
		_, err = regularfile.Read("/dev/zero")
		Expect(err).To(MatchError("/dev/zero is a device, expected a regular file"))
		_, err = regularfile.Read(directory)
		Expect(err).To(MatchError(directory + " is a directory, expected a regular file"))
	})

	It("is not larger than any that makes sense", func() {
		Expect(os.WriteFile(file, bytes.Repeat([]byte("#\n"), 4<<20), 0o600)).To(Succeed())
		Expect(regularfile.Read(file)).To(HaveLen(8 << 20))
		Expect(os.WriteFile(file, bytes.Repeat([]byte("#\n"), 4<<20+1), 0o600)).To(Succeed())
		_, err := regularfile.Read(file)
		Expect(err).To(MatchError(file + " is larger than 8 MiB, which is the limit"))
	})
})
