package access_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-ci/signalbox/internal/access"
)

var _ = Describe("A token file", func() {
	DescribeTable("is rejected with the line, without the token",
		func(content string, want ...string) {
			_, err := access.ParseTokens("f", []byte(content))
			Expect(err).To(HaveOccurred())
			lines := strings.Split(err.Error(), "\n")
			Expect(lines).To(HaveLen(len(want)))
			for i, w := range want {
				Expect(lines[i]).To(And(HavePrefix(w), ContainSubstring("openssl rand -hex 32"), Not(ContainSubstring("5ecret"))))
			}
		},
		Entry("empty", "", "f: the file contains no tokens"),
		Entry("only comments", "\n# 5ecret-0123456789abcdef\n \r\n", "f: the file contains no tokens"),
		Entry("a short token", "0123456789abcdef\n\n5ecret\n", "f:3: the token has 6 characters, expected at least 16"),
		Entry("spaces", "5ecret 0123456789abcdef\n# x\n5ecret0123456789abcdef # old\n", "f:1: the token contains", "f:3: the token contains"),
		Entry("not ASCII", "5ecret-0123456789-äöü\n", "f:1: the token contains"),
		Entry("binary", "\x00\x01\x025ecret0123456789abcdef", "f:1: the token contains"),
	)

	It("contains one token per line, besides blank lines and comments", func() {
		hashes, err := access.ParseTokens("f", []byte("\uFEFF0123456789abcdef\r\n\r\n  # old\n\t0123456789abcdeg  \n0123456789abcdeh"))
		Expect(err).NotTo(HaveOccurred())
		Expect(hashes).To(HaveLen(3))
	})

	It("must be a readable file", func() {
		_, err := access.NewTokens(filepath.Join(GinkgoT().TempDir(), "missing"), time.Now, nil)
		Expect(err).To(MatchError(os.ErrNotExist))
		Expect(access.CheckTokens(GinkgoT().TempDir())).To(MatchError(ContainSubstring("directory")))
	})

	Describe("that changes", func() {
		const first, second = "first-0123456789", "second-0123456789"
		var (
			file   string
			now    time.Time
			logger *lagertest.TestLogger
			t      *access.Tokens
		)
		write := func(content string) { Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed()) }
		accepts := func(token string) bool {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			return t.Authenticate(r)
		}
		BeforeEach(func() {
			file, now, logger = filepath.Join(GinkgoT().TempDir(), "tokens"), time.Unix(1e9, 0), lagertest.NewTestLogger("test")
			write(first)
			var err error
			t, err = access.NewTokens(file, func() time.Time { return now }, func() lager.Logger { return logger })
			Expect(err).NotTo(HaveOccurred())
		})

		It("is read again after a second, so that tokens can be rotated", func() {
			write(first + "\n" + second)
			now = now.Add(time.Second - 1)
			Expect(accepts(second)).To(BeFalse())
			now = now.Add(1)
			Expect(accepts(second)).To(BeTrue())
			Expect(accepts(first)).To(BeTrue())
			write(second)
			now = now.Add(time.Second)
			Expect(accepts(first)).To(BeFalse())
			Expect(logger.LogMessages()).To(Equal([]string{"test.tokens-reloaded", "test.tokens-reloaded"}))
		})

		It("is read again even if the clock was set back", func() {
			write(second)
			now = now.Add(-time.Hour)
			Expect(accepts(second)).To(BeTrue())
		})

		DescribeTable("stays in force as it was if it gets an error, which is reported until it is fixed",
			func(damage func()) {
				damage()
				for range 3 {
					now = now.Add(time.Second)
					Expect(accepts(first)).To(BeTrue())
					Expect(accepts("")).To(BeFalse())
				}
				Expect(t.Err()).To(HaveOccurred())
				Expect(testutil.ToFloat64(t)).To(BeZero())
				Expect(logger.LogMessages()).To(Equal([]string{"test.tokens-not-reloaded"}))
				Expect(string(logger.Buffer().Contents())).To(And(ContainSubstring(file), Not(ContainSubstring("5ecret"))))

				os.RemoveAll(file)
				write(first)
				now = now.Add(time.Second)
				Expect(testutil.ToFloat64(t)).To(Equal(1.0))
				Expect(logger.LogMessages()).To(HaveLen(2))
			},
			Entry("empty", func() { write("") }),
			Entry("only a comment", func() { write("# " + first) }),
			Entry("missing", func() { os.Remove(file) }),
			Entry("a directory", func() { os.Remove(file); os.Mkdir(file, 0o700) }),
			Entry("an invalid token after a valid one", func() { write(second + "\n5ecret") }),
		)
	})
})
