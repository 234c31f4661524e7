package webconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

func TestWebConfig(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Web configuration files")
}

var _ = Describe("A web configuration file", func() {
	const hash = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"

	// check returns the error text for a file with the given content.
	check := func(content string) string {
		GinkgoHelper()
		directory := GinkgoT().TempDir()
		file := filepath.Join(directory, "web.yml")
		Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
		err := webconfig.Check(file)
		if err == nil {
			return ""
		}
		return strings.NewReplacer(file, "web.yml", directory, "DIR").Replace(err.Error())
	}

	It("is optional, but must exist if it is configured", func() {
		Expect(webconfig.Check("")).To(Succeed())
		Expect(webconfig.Check(filepath.Join(GinkgoT().TempDir(), "missing"))).To(MatchError(os.ErrNotExist))
	})

	It("passes the check if it is valid", func() {
		Expect(check("basic_auth_users:\n  alice: " + hash + "\n")).To(BeEmpty())
	})

	DescribeTable("is rejected with the line and the field",
		func(content string, want ...string) { Expect(check(content)).To(Equal(strings.Join(want, "\n"))) },
		Entry("a misspelled field", "basic_auth_user: {}\n", "web.yml:1: basic_auth_user: unknown field: did you mean \"basic_auth_users\"?"),
		Entry("an unknown nested field", "tls_server_config:\n  certfile: a\n  x: b\n",
			"web.yml:2: certfile: unknown field: did you mean \"cert_file\"?",
			"web.yml:3: x: unknown field: expected one of cert, key, client_ca, cert_file, key_file, client_auth_type, client_ca_file, "+
				"cipher_suites, curve_preferences, min_version, max_version, prefer_server_cipher_suites, client_allowed_sans"),
		Entry("a value with a colon", "tls_server_config:\n  cert_file: a: b\n",
			"web.yml:2: mapping values are not allowed in this context: quote values that contain \": \", and indent fields of the same level equally"),
		Entry("a duplicate user, once for each repetition", "basic_auth_users:\n  bob: "+hash+"\n  bob: "+hash+"\n  bob: "+hash+"\n",
			"web.yml:3: \"bob\" is duplicated: it is already set on line 2",
			"web.yml:4: \"bob\" is duplicated: it is already set on line 2"),
		Entry("a duplicate field", "rate_limit: {}\nrate_limit: {}\n", "web.yml:2: \"rate_limit\" is duplicated: it is already set on line 1"),
		Entry("too many users", "basic_auth_users:\n"+strings.Repeat("  bob: x\n", 10_001),
			"web.yml:2: got 10001 keys in a mapping, expected at most 10000"),
		Entry("values of the wrong type", "rate_limit:\n  burst: many\n  interval: 1d\n",
			"web.yml:2: cannot unmarshal !!str … into int",
			"web.yml:3: cannot unmarshal !!str … into time.Duration"),
		Entry("invalid YAML", "rate_limit:\n  burst: 1\n\tinterval: 3s\n", "web.yml:2: found a tab character that violates indentation"),
		Entry("a value that exporter-toolkit rejects", "tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS14\n",
			"web.yml: unknown TLS version: TLS14"),
		Entry("a missing file", "tls_server_config:\n  key_file: a\n  cert_file: b\n",
			"web.yml: failed to read cert_file (DIR/b): open DIR/b: no such file or directory"),
		Entry("plain-text passwords and a short hash", "basic_auth_users:\n  alice: "+hash+"\n  bob: hunter2\n  c d: '$2y$10$short'\n",
			"web.yml:3: basic_auth_users: user \"bob\": not a bcrypt hash, expected the part after the colon in the output of `htpasswd -nBC 10 USER`",
			"web.yml:4: basic_auth_users: user \"c d\": not a bcrypt hash, expected the part after the colon in the output of `htpasswd -nBC 10 USER`"),
		Entry("a hash of another kind", "basic_auth_users: {bob: $1$"+strings.Repeat("a", 56)+"}\n",
			"web.yml:1: basic_auth_users: user \"bob\": not a bcrypt hash, expected the part after the colon in the output of `htpasswd -nBC 10 USER`"),
		Entry("a hash with an invalid character", "basic_auth_users: {bob: "+strings.Replace(hash, "X", "!", 1)+"}\n",
			"web.yml:1: basic_auth_users: user \"bob\": not a bcrypt hash, expected the part after the colon in the output of `htpasswd -nBC 10 USER`"),
		Entry("a hash with an invalid cost", "basic_auth_users:\n  bob: $2y$99"+hash[6:]+"\n",
			"web.yml:2: basic_auth_users: user \"bob\": not a bcrypt hash, expected the part after the colon in the output of `htpasswd -nBC 10 USER`"),
	)

	DescribeTable("never reveals a password in an error",
		func(content string) { Expect(check(content)).To(And(Not(BeEmpty()), Not(ContainSubstring("5ecret")))) },
		Entry("in plain text", "basic_auth_users: {bob: 5ecret}\n"),
		Entry("in place of the users", "basic_auth_users: 5ecret\n"),
		Entry("that looks like an alias", "basic_auth_users:\n  bob: *5ecret\n"),
		Entry("that looks like a tag", "basic_auth_users:\n  bob: !5ecret\n"),
		Entry("with a tag", "basic_auth_users:\n  bob: !!int 5ecret\n"),
		Entry("with several lines", "basic_auth_users: \"a\\n5ecret\"\n"),
		Entry("with lines that look like errors", "basic_auth_users: \"a\\n  line 3: 5ecret\"\n"),
		Entry("in a list", "basic_auth_users: [5ecret]\n"),
		Entry("as a nested field", "basic_auth_users: {bob: {5ecret: 5ecret}}\n"),
		Entry("as the whole file", "5ecret"),
		Entry("in place of a section", "tls_server_config: 5ecret\n"),
		Entry("with an unclosed quote", "basic_auth_users: {bob: '5ecret\n"),
		Entry("with an invalid escape", "basic_auth_users: {bob: \"5ecret\\z\"}\n"),
	)
})
