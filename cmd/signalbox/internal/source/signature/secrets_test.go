package signature_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

var _ = Describe("ReadFiles", func() {
	var directory string
	BeforeEach(func() { directory = GinkgoT().TempDir() })
	write := func(name, content string) string {
		file := filepath.Join(directory, name)
		Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
		return file
	}

	It("reads a secret from each line of each file", func() {
		found, err := signature.ReadFiles([]string{
			write("github.secret", "current\n"),
			write("next.secret", "\n  next one \r\n\ncurrent\nthird"),
			write("windows.secret", "\ufefffourth\r\n"),
			write("comments.secret", "# a comment\n  #former\nfifth # with a hash\n"),
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(HaveLen(5))
		for _, text := range []string{"current", "next one", "third", "fourth", "fifth # with a hash"} {
			Expect(signature.Token(found, http.Header{"X-Token": {text}}, "X-Token")).To(Succeed())
		}
	})

	DescribeTable("refuses", func(content, expected string) {
		file := write("github.secret", content)
		_, err := signature.ReadFiles([]string{write("other", "other"), file})
		Expect(err).To(MatchError(HavePrefix(file)))
		Expect(err).To(MatchError(ContainSubstring(expected)))
		if content != "" {
			Expect(err.Error()).NotTo(ContainSubstring("abc"))
		}
	},
		Entry("an empty file", "", "contains no secret, expected one on a line"),
		Entry("blank lines", " \n\t\r\n\n", "contains no secret, expected one on a line"),
		Entry("only comments", "#abc\n", "contains no secret, expected one on a line"),
		Entry("a control character", "x\nabc\x00\n", ":2: got a secret with control characters"),
		Entry("UTF-16", "\xff\xfea\x00b\x00c\x00\n", ":1: got a secret with control characters"),
		Entry("bytes that are not UTF-8", "abc\xff", "invalid UTF-8"),
		Entry("too many secrets", strings.Join(strings.Split(strings.Repeat("abc ", 9)+"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", " "), "\n"), "more than 20 secrets"),
	)

	It("returns an error for a file that does not exist", func() {
		_, err := signature.ReadFiles([]string{filepath.Join(directory, "missing")})
		Expect(err).To(MatchError(os.ErrNotExist))
	})
})

var _ = Describe("A secret", func() {
	It("is not empty", func() {
		_, err := signature.New("")
		Expect(err).To(HaveOccurred())
	})

	It("is not shown in any format, not even in the unexported fields of another struct", func() {
		const text = "do-not-show"
		secret := secrets(text)[0]
		key, err := signature.ParseKey(secrets("whsec_" + strings.Repeat("QUFB", 8))[0])
		Expect(err).NotTo(HaveOccurred())
		holder := struct {
			secret  signature.Secret
			secrets []signature.Secret
			key     signature.Key
		}{secret, secrets(text), key}
		var shown strings.Builder
		for _, value := range []any{secret, &secret, key, &key, holder, &holder, holder.secrets} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&shown, verb+"\n", value)
			}
			encoded, err := json.Marshal(value)
			Expect(err).NotTo(HaveOccurred())
			shown.Write(encoded)
			slog.New(slog.NewTextHandler(&shown, nil)).Info("configured", "secret", value)
			slog.New(slog.NewJSONHandler(&shown, nil)).Info("configured", "secret", value)
		}
		for _, part := range []string{text, fmt.Sprintf("%x", text), fmt.Sprint([]byte(text)[:4])[1:15], "AAAA", "65 65 65", "414141"} {
			Expect(shown.String()).NotTo(ContainSubstring(part))
		}
		Expect(shown.String()).To(ContainSubstring("(secret)"))
	})
})
