package emitter_test

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
)

var _ = Describe("A web configuration file", func() {
	const hash = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"

	// check tells what is wrong with a file of that content.
	check := func(content string) string {
		GinkgoHelper()
		directory := GinkgoT().TempDir()
		file := filepath.Join(directory, "web.yml")
		Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
		err := emitter.CheckWebConfig(file)
		config := emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", WebConfigFile: file}
		if err == nil {
			return ""
		}
		_, startErr := config.NewEmitter(nil)
		Expect(startErr).To(MatchError("--prometheus-web-config-file: " + err.Error()))

		return strings.NewReplacer(file, "web.yml", directory, "DIR").Replace(err.Error())
	}

	It("may be right", func() {
		Expect(check("basic_auth_users:\n  alice: " + hash + "\n")).To(BeEmpty())
	})

	DescribeTable("that is wrong is told so with line and field, at the start too",
		func(content string, want ...string) { Expect(check(content)).To(Equal(strings.Join(want, "\n"))) },
		Entry("a password", "basic_auth_users:\n  alice: "+hash+"\n  bob: hunter2\n  c d: '$2y$10$short'\n",
			"web.yml:3: basic_auth_users.bob: this is no bcrypt hash: want what `htpasswd -nBC 10 bob` prints after the colon",
			"web.yml:4: basic_auth_users.\"c d\": this is no bcrypt hash: want what `htpasswd -nBC 10 alice` prints after the colon"),
		Entry("a hash of another kind", "basic_auth_users: {bob: $1$"+strings.Repeat("a", 56)+"}\n",
			"web.yml:1: basic_auth_users.bob: this is no bcrypt hash: want what `htpasswd -nBC 10 bob` prints after the colon"),
		Entry("a hash that is none", "basic_auth_users: {bob: "+strings.Replace(hash, "X", "!", 1)+"}\n",
			"web.yml:1: basic_auth_users.bob: this is no bcrypt hash: want what `htpasswd -nBC 10 bob` prints after the colon"),
		Entry("a list that does not end", "basic_auth_users: {bob: hunter2\n", "web.yml:1: not YAML: did not find expected ',' or '}'"),
		Entry("a password for all", "basic_auth_users: hunter2\n", "web.yml:1: want fields and their values, got another value"),
		Entry("a list of passwords", "basic_auth_users: {bob: [hunter2]}\n", "web.yml:1: want a text, got a list"),
		Entry("misspelt fields", "basic_auth_user: {}\nrate_limit:\n  brust: 1\n  xyz: 1\n",
			`web.yml:1: basic_auth_user: unknown field: did you mean "basic_auth_users"?`,
			`web.yml:3: rate_limit.brust: unknown field: did you mean "burst"?`,
			`web.yml:4: rate_limit.xyz: unknown field: want one of burst, interval`),
		Entry("a field that is there twice", "rate_limit: {}\nrate_limit: {}\n", `web.yml:2: field "rate_limit" is there twice`),
		Entry("values of other types", "rate_limit:\n  burst: many\n  interval: 1d\nhttp_server_config: {http2: maybe}\n",
			`web.yml:2: want a number, got another value`,
			`web.yml:3: want a duration like 30s, got another value`,
			`web.yml:4: want true or false, got another value`),
		Entry("a version that there is none", "tls_server_config:\n  cert_file: a\n  min_version: TLS14\n",
			"web.yml:3: tls_server_config.min_version: unknown TLS version: TLS14"),
		Entry("a cipher that there is none", "tls_server_config:\n  cipher_suites:\n  - ROT13\n",
			"web.yml:3: tls_server_config.cipher_suites[0]: unknown cipher: ROT13"),
		Entry("a key without a certificate", "rate_limit: {burst: 1}\ntls_server_config: {key_file: a}\n",
			"web.yml:2: tls_server_config: missing one of cert or cert_file"),
		Entry("a certificate that is nowhere", "tls_server_config:\n  key_file: a\n  cert_file: b\n",
			"web.yml:3: tls_server_config.cert_file: failed to read cert_file (DIR/b): open DIR/b: no such file or directory"),
		Entry("a header", "http_server_config:\n  headers:\n    Server: mine\n",
			`web.yml:3: http_server_config.headers.Server: HTTP header "Server" can not be configured`),
		Entry("what is not YAML", "rate_limit:\n  burst: 1\n\tinterval: 3s\n",
			"web.yml:3: not YAML: found a tab character that violates indentation: the line begins with a tab, want spaces"),
		Entry("an alias of nothing", "rate_limit:\n  burst: *name\n", "web.yml:2: not YAML: unknown anchor … referenced"),
		Entry("a hash of no cost that there is", "basic_auth_users:\n  bob: $2y$99"+hash[6:]+"\n",
			"web.yml:2: basic_auth_users.bob: this is no bcrypt hash: want what `htpasswd -nBC 10 bob` prints after the colon"),
		Entry("a version of the value that another field has", "tls_server_config:\n  cert: TLS14\n  key: a\n  max_version: TLS14\n",
			"web.yml:4: tls_server_config.max_version: unknown TLS version: TLS14"),
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

	It("that is a single text is told what is wanted", func() {
		Expect(check("hello")).To(Equal("web.yml:1: want fields and their values, got another value"))
	})
})
