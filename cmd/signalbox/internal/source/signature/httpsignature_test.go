package signature_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

var _ = Describe("HTTP", func() {
	const (
		body   = "hello world"
		digest = "SHA-256=uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="
		start  = `keyId="hmac-key",algorithm="hmac-sha256",headers="date digest",signature="`
		valid  = "JPZK2JctIjXWEwHbtJZ/ogiQc2/GkoX/R0UYDi+LJ/s="
		date   = "Wed, 04 Mar 2026 10:00:00 GMT"
	)
	sent := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	header := func(date, digest, signature string) http.Header {
		return http.Header{"Date": {date}, "Digest": {digest}, "Signature": {signature}}
	}
	authentic := header(date, digest, start+valid+`"`)

	It("accepts any of the secrets, at the edges of the replay window", func() {
		for _, now := range []time.Time{sent, sent.Add(time.Minute), sent.Add(-time.Minute)} {
			Expect(signature.HTTP(secrets("other", "secret"), authentic, []byte(body), now, time.Minute)).To(Succeed())
		}
		Expect(signature.HTTP(secrets("secret"), authentic, []byte(body), sent.Add(1000*time.Hour), 0)).To(Succeed())
	})

	It("rejects another body only when it is known", func() {
		Expect(signature.HTTPHeader(secrets("secret"), authentic, sent, time.Minute)).To(Succeed())
		Expect(signature.HTTP(secrets("secret"), authentic, []byte(body+"."), sent, time.Minute)).To(MatchError("Digest does not match the body"))
	})

	DescribeTable("rejects headers whatever the body is", func(h http.Header, at time.Time, known []string, want error) {
		Expect(signature.HTTPHeader(secrets(known...), h, at, time.Minute)).To(MatchError(want))
		Expect(signature.HTTP(secrets(known...), h, []byte(body), at, time.Minute)).To(MatchError(want))
	},
		Entry("none", http.Header{}, sent, []string{"secret"}, signature.ErrMissing),
		Entry("no date", header("", digest, start+valid+`"`), sent, []string{"secret"}, signature.ErrMissing),
		Entry("no digest", header(date, "", start+valid+`"`), sent, []string{"secret"}, signature.ErrMissing),
		Entry("two digests", http.Header{"Date": {date}, "Digest": {digest, "x"}, "Signature": {start + valid + `"`}}, sent, []string{"secret"}, signature.ErrMalformed),
		Entry("another digest", header(date, "SHA-256=x", start+valid+`"`), sent, []string{"secret"}, signature.ErrMismatch),
		Entry("another date", header("Wed, 04 Mar 2026 10:00:01 GMT", digest, start+valid+`"`), sent, []string{"secret"}, signature.ErrMismatch),
		Entry("not a date", header("2026-03-04T10:00:00Z", digest, start+valid+`"`), sent, []string{"secret"}, signature.ErrMalformed),
		Entry("too old", authentic, sent.Add(time.Minute+1), []string{"secret"}, signature.ErrStale),
		Entry("in the future", authentic, sent.Add(-time.Minute-1), []string{"secret"}, signature.ErrStale),
		Entry("another secret", authentic, sent, []string{"Secret"}, signature.ErrMismatch),
		Entry("no secret", authentic, sent, nil, signature.ErrMismatch),
		Entry("only the signature", header(date, digest, valid), sent, []string{"secret"}, signature.ErrMalformed),
		Entry("an empty signature", header(date, digest, start+`"`), sent, []string{"secret"}, signature.ErrMalformed),
		Entry("no end", header(date, digest, start+valid), sent, []string{"secret"}, signature.ErrMalformed),
		Entry("fewer headers", header(date, digest, strings.Replace(start, "date digest", "date", 1)+valid+`"`), sent, []string{"secret"}, signature.ErrMalformed),
	)
})
