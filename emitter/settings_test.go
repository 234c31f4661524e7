package emitter_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
)

var _ = DescribeTable("A setting that is shown",
	func(name, value, shown string) {
		Expect(emitter.MaskSecret(name, value)).To(Equal(shown))
		Expect(emitter.MaskSecret(name, shown)).To(Equal(shown), "the second time")
	},
	Entry("as it is", "intake-bind-port", "19391", "19391"),
	Entry("a password", "influxdb-password", "hunter2", "<secret>"),
	Entry("a short one", "smtp-pass", "hunter2", "<secret>"),
	Entry("a token", "newrelic-insert-token", "abc", "<secret>"),
	Entry("an API key", "datadog-api-key", "abc", "<secret>"),
	Entry("an API key in one word", "DATADOG_APIKEY", "abc", "<secret>"),
	Entry("another key", "signing-key", "abc", "<secret>"),
	Entry("credentials", "gcp.credentials", "{}", "<secret>"),
	Entry("authentication", "basic-auth", "a:b", "<secret>"),
	Entry("authorization", "authorization", "Bearer x", "<secret>"),
	Entry("an author", "author", "alice", "alice"),
	Entry("none", "api-key", "", ""),
	Entry("a switch", "enable-token-auth", "true", "true"),
	Entry("where a secret is", "token-file", "/run/token", "/run/token"),
	Entry("whom to ask for one", "auth-url", "https://login.example/x", "https://login.example/x"),
	Entry("the same with a password", "auth-url", "https://u:p@login.example/x", "https://u:<secret>@login.example/x"),
	Entry("a URL with a port", "url", "http://db:8086/write?db=ci", "http://db:8086/write?db=ci"),
	Entry("a URL with a password", "url", "http://ci:hunter2@db:8086/", "http://ci:<secret>@db:8086/"),
	Entry("a URL with a password with @ and /", "url", "http://ci:h@un/ter2@db:8086/", "http://ci:<secret>@db:8086/"),
	Entry("a URL with a token alone", "url", "https://abc@errors.example/1", "https://<secret>@errors.example/1"),
	Entry("two URLs", "urls", "redis://:one@a redis://u:two@b", "redis://:<secret>@a redis://u:<secret>@b"),
	Entry("a query", "url", "https://x/?db=a&token=b&u=c", "https://x/?db=a&token=<secret>&u=c"),
	Entry("a query within a pair", "dsn", "dsn=https://x/?password=b", "dsn=https://x/?password=<secret>"),
	Entry("a DSN", "dsn", "host=db password='a b' user=ci", "host=db password=<secret> user=ci"),
	Entry("a header", "header", "Authorization: Bearer abc", "Authorization: <secret>"),
	Entry("JSON", "extra", `{"region": "eu", "api_key": "abc"}`, `{"region": "eu", "api_key": <secret>}`),
	Entry("JSON with an escaped quote", "extra", `{"password": "a \" b"}`, `{"password": <secret>}`),
	Entry("other words for a password", "db-pwd", "abc", "<secret>"),
	Entry("other words for credentials", "gcs-creds", "abc", "<secret>"),
	Entry("a passcode", "passcode", "abc", "<secret>"),
	Entry("a one-time password", "otp", "123456", "<secret>"),
	Entry("keys", "signing-keys", "abc", "<secret>"),
	Entry("a signed URL", "url", "https://h/x?sv=1&sig=abc&X-Amz-Signature=def", "https://h/x?sv=1&sig=<secret>&X-Amz-Signature=<secret>"),
	Entry("a DSN without a scheme", "dsn", "ci:hunter2@tcp(db:3306)/ci", "ci:<secret>@tcp(db:3306)/ci"),
	Entry("a DSN with a short word", "dsn", "Server=db;Uid=ci;Pwd=hunter2;", "Server=db;Uid=ci;Pwd=<secret>;"),
	Entry("a web token", "extra", "eyJhbGciOi.eyJzdWIiOi.c2ln", "<secret>"),
	Entry("a token that tells by its beginning", "extra", "use ghp_abcdefghijklmnopqrst", "use <secret>"),
	Entry("a header's value", "extra", "Basic dXNlcjpwYXNz", "Basic <secret>"),
	Entry("a private key", "extra", "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "<secret>"),
	Entry("URLs with ports, and somebody's address", "urls", "https://ci:8080/x,https://b:1/y,me@example.org", "https://ci:8080/x,https://b:1/y,me@example.org"),
	Entry("a keyboard", "keyboard-layout", "de", "de"),
	Entry("a host of that name", "address", "auth.example.com:8080", "auth.example.com:8080"),
)
