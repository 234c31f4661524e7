package signature_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

var _ = Describe("HMAC", func() {
	const name, prefix = "X-Signature", "v1="
	check := func(body string, secrets []signature.Secret, values ...string) error {
		header := http.Header{}
		for _, value := range values {
			header.Add(name, value)
		}
		return signature.HMAC(secrets, header, name, prefix, []byte(body))
	}

	// CircleCI documents these values.
	DescribeTable("accepts documented signatures", func(body, secret, digits string) {
		Expect(check(body, secrets(secret), "v1="+digits)).To(Succeed())
		Expect(check(body, secrets("next", secret, "previous"), "v1="+digits)).To(Succeed())
		Expect(check(body+" ", secrets(secret), "v1="+digits)).To(MatchError(signature.ErrMismatch))
		Expect(check(body, secrets(secret+"x", "next"), "v1="+digits)).To(MatchError(signature.ErrMismatch))
		Expect(check(body, secrets(secret), "v1="+strings.ToUpper(digits))).To(MatchError(signature.ErrMalformed))
	},
		Entry(nil, "hello world", "secret", "734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"),
		Entry(nil, "lalala", "another-secret", "daa220016c8f29a8b214fbfc3671aeec2145cfb1e6790184ffb38b6d0425fa00"),
	)

	DescribeTable("refuses garbage", func(values []string, expected error) {
		err := check("hello world", secrets("secret"), values...)
		Expect(err).To(MatchError(expected))
		Expect(err).To(MatchError(HavePrefix(name)))
	},
		Entry(nil, nil, signature.ErrMissing),
		Entry(nil, []string{""}, signature.ErrMissing),
		Entry(nil, []string{"a,b"}, signature.ErrMalformed),
		Entry(nil, []string{"v1"}, signature.ErrMalformed),
		Entry(nil, []string{"v1="}, signature.ErrMalformed),
		Entry(nil, []string{"v1=734cc62f"}, signature.ErrMalformed),
		Entry(nil, []string{"v1=" + strings.Repeat("g", 64)}, signature.ErrMalformed),
		Entry(nil, []string{"v1=" + strings.Repeat("0", 65)}, signature.ErrMalformed),
		Entry(nil, []string{"734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"}, signature.ErrMalformed),
		Entry("two valid values", []string{
			"v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a",
			"v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"}, signature.ErrMalformed),
		Entry(nil, []string{"v1=" + strings.Repeat("0", 64)}, signature.ErrMismatch),
	)

	It("refuses everything without secrets", func() {
		Expect(check("hello world", nil, "v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a")).To(MatchError(signature.ErrMismatch))
	})
})

var _ = Describe("Token", func() {
	check := func(secrets []signature.Secret, values ...string) error {
		return signature.Token(secrets, http.Header{"X-Token": values}, "X-Token")
	}

	It("accepts each of the secrets, and nothing else", func() {
		Expect(check(secrets("one", "two"), "one")).To(Succeed())
		Expect(check(secrets("one", "two"), "two")).To(Succeed())
		for _, wrong := range []string{"on", "onee", "One", "onetwo", "one,two", "\x00"} {
			Expect(check(secrets("one", "two"), wrong)).To(MatchError(signature.ErrMismatch))
		}
		Expect(check(nil, "one")).To(MatchError(signature.ErrMismatch))
		Expect(check(secrets("one", "two"))).To(MatchError(signature.ErrMissing))
		Expect(check(secrets("one", "two"), "")).To(MatchError(signature.ErrMissing))
		Expect(check(secrets("one", "two"), "one", "one")).To(MatchError(signature.ErrMalformed))
	})

	It("does not show the token", func() {
		Expect(check(secrets("one"), "my-other-password").Error()).To(Equal("X-Token does not match the configured secret"))
	})
})

var _ = Describe("RequestToken", func() {
	check := func(secrets []signature.Secret, query string, authorization ...string) error {
		r := httptest.NewRequest("POST", "/webhooks/acme"+query, nil)
		r.Header["Authorization"] = authorization
		err := signature.RequestToken(secrets, r)
		if err != nil {
			Expect(err.Error()).NotTo(Or(ContainSubstring("one"+"+two"), ContainSubstring("other")))
		}
		return err
	}
	basic := func(credentials string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
	}

	DescribeTable("accepts a token in one place", func(query string, authorization ...string) {
		Expect(check(secrets("one+two"), query, authorization...)).To(Succeed())
		Expect(check(secrets("next", "one+two"), query, authorization...)).To(Succeed())
		Expect(check(secrets("one", "One+two", "one+two "), query, authorization...)).To(MatchError(signature.ErrMismatch))
		Expect(check(nil, query, authorization...)).To(MatchError(signature.ErrMismatch))
	},
		Entry(nil, "", "Bearer one+two"),
		Entry(nil, "", "bearer one+two"),
		Entry(nil, "", basic("signalbox:one+two")),
		Entry(nil, "", basic(":one+two")),
		Entry(nil, "", strings.ToLower(basic("")[:5])+basic("signalbox:one+two")[5:]),
		Entry(nil, "?token=one%2Btwo"),
		Entry(nil, "?job=7&token=one%2Btwo&other"),
		Entry(nil, "?job=7", "Bearer one+two"),
	)

	DescribeTable("refuses everything else", func(expected error, query string, authorization ...string) {
		err := check(secrets("one+two", "other"), query, authorization...)
		Expect(err).To(MatchError(expected))
	},
		Entry("nothing", signature.ErrMissing, ""),
		Entry("an empty token", signature.ErrMissing, "?token="),
		Entry("an empty token", signature.ErrMissing, "?token"),
		Entry("an empty password", signature.ErrMissing, "", basic("one+two:")),
		Entry("another parameter", signature.ErrMissing, "?Token=one%2Btwo"),
		Entry("a user without a password", signature.ErrMalformed, "", basic("one+two")),
		Entry("damaged base64", signature.ErrMalformed, "", "Basic one+two"),
		Entry("another scheme", signature.ErrMalformed, "", "Digest one+two"),
		Entry("no scheme", signature.ErrMalformed, "", "one+two"),
		Entry("no token", signature.ErrMalformed, "", "Bearer"),
		Entry("an empty header", signature.ErrMalformed, "", ""),
		Entry("two headers", signature.ErrMalformed, "", "Bearer one+two", "Bearer one+two"),
		Entry("two parameters", signature.ErrMalformed, "?token=one%2Btwo&token=other"),
		Entry("a header and a parameter", signature.ErrMalformed, "?token=one%2Btwo", "Bearer one+two"),
		Entry("a header and an empty parameter", signature.ErrMalformed, "?token=", "Bearer one+two"),
		Entry("a damaged query", signature.ErrMalformed, "?token=other%zz"),
		Entry("a damaged query and a header", signature.ErrMalformed, "?token=one;x", "Bearer one+two"),
		Entry("two spaces", signature.ErrMismatch, "", "Bearer  one+two"),
		Entry("a plus sign that is not escaped", signature.ErrMismatch, "?token=one+two"),
		Entry("the user name", signature.ErrMismatch, "", basic("one+two:x")),
		Entry("a list", signature.ErrMismatch, "", "Bearer one+two, Bearer other"),
	)

	It("says how to send a token", func() {
		Expect(check(secrets("other"), "")).To(MatchError(And(
			HavePrefix("the token is missing"), ContainSubstring("Bearer TOKEN"), ContainSubstring("basic authentication"), ContainSubstring("?token=TOKEN"))))
	})
})
