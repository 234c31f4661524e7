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

	// check returns what is wrong with a file of that content.
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

	It("need not exist, but must if it is configured", func() {
		Expect(webconfig.Check("")).To(Succeed())
		Expect(webconfig.Check(filepath.Join(GinkgoT().TempDir(), "missing"))).To(MatchError(os.ErrNotExist))
	})

	It("may be right", func() {
		Expect(check("basic_auth_users:\n  alice: " + hash + "\n")).To(BeEmpty())
	})

	DescribeTable("is refused with the line and the field",
		func(content string, want ...string) { Expect(check(content)).To(Equal(strings.Join(want, "\n"))) },
		Entry("a misspelled field", "basic_auth_user: {}\n", "web.yml:1: field basic_auth_user not found in type web.Config"),
		Entry("values of other types", "rate_limit:\n  burst: many\n  interval: 1d\n",
			"web.yml:2: cannot unmarshal !!str … into int",
			"web.yml:3: cannot unmarshal !!str … into time.Duration"),
		Entry("invalid YAML", "rate_limit:\n  burst: 1\n\tinterval: 3s\n", "web.yml:2: found a tab character that violates indentation"),
		Entry("what exporter-toolkit refuses", "tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS14\n",
			"web.yml: unknown TLS version: TLS14"),
		Entry("a missing file", "tls_server_config:\n  key_file: a\n  cert_file: b\n",
			"web.yml: failed to read cert_file (DIR/b): open DIR/b: no such file or directory"),
		Entry("passwords", "basic_auth_users:\n  alice: "+hash+"\n  bob: hunter2\n  c d: '$2y$10$short'\n",
			"web.yml:3: basic_auth_users: user \"bob\": not a bcrypt hash, expected what `htpasswd -nBC 10 USER` prints after the colon",
			"web.yml:4: basic_auth_users: user \"c d\": not a bcrypt hash, expected what `htpasswd -nBC 10 USER` prints after the colon"),
		Entry("a hash of another kind", "basic_auth_users: {bob: $1$"+strings.Repeat("a", 56)+"}\n",
			"web.yml:1: basic_auth_users: user \"bob\": not a bcrypt hash, expected what `htpasswd -nBC 10 USER` prints after the colon"),
		Entry("a hash with other characters", "basic_auth_users: {bob: "+strings.Replace(hash, "X", "!", 1)+"}\n",
			"web.yml:1: basic_auth_users: user \"bob\": not a bcrypt hash, expected what `htpasswd -nBC 10 USER` prints after the colon"),
		Entry("a hash of an invalid cost", "basic_auth_users:\n  bob: $2y$99"+hash[6:]+"\n",
			"web.yml:2: basic_auth_users: user \"bob\": not a bcrypt hash, expected what `htpasswd -nBC 10 USER` prints after the colon"),
	)

	DescribeTable("never has a password shown",
		func(content string) { Expect(check(content)).To(And(Not(BeEmpty()), Not(ContainSubstring("5ecret")))) },
		Entry("as it is", "basic_auth_users: {bob: 5ecret}\n"),
		Entry("for all users", "basic_auth_users: 5ecret\n"),
		Entry("that looks like an alias", "basic_auth_users:\n  bob: *5ecret\n"),
		Entry("that looks like a tag", "basic_auth_users:\n  bob: !5ecret\n"),
		Entry("with a tag", "basic_auth_users:\n  bob: !!int 5ecret\n"),
		Entry("of several lines", "basic_auth_users: \"a\\n5ecret\"\n"),
		Entry("of lines that look like faults", "basic_auth_users: \"a\\n  line 3: 5ecret\"\n"),
		Entry("in a list", "basic_auth_users: [5ecret]\n"),
		Entry("in a list of fields", "basic_auth_users: {bob: {5ecret: 5ecret}}\n"),
		Entry("as the whole file", "5ecret"),
		Entry("as a section", "tls_server_config: 5ecret\n"),
		Entry("with a quote", "basic_auth_users: {bob: '5ecret\n"),
		Entry("with an escape", "basic_auth_users: {bob: \"5ecret\\z\"}\n"),
	)
})
