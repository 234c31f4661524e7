package signature_test

import (
	"net/http"
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

	// Case 14.
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
