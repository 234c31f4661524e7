package signature_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// The signature of timestampedBody with the secret "secret", as OpenSSL calculates it.
const (
	timestampedBody   = `{"event":"ping"}`
	timestampedDigits = "38592342580ce128dff5b95ee542f50ef592f5c21949da5c5a92c28f21a769cf"
	timestamped       = "timestamp=1772618400,signature=" + timestampedDigits
)

var _ = Describe("Timestamped", func() {
	const name = "X-Signature"
	sent := time.Unix(1772618400, 0)
	check := func(secrets []signature.Secret, body string, at time.Time, values ...string) error {
		header := http.Header{}
		for _, value := range values {
			header.Add(name, value)
		}
		err := signature.Timestamped(secrets, header, name, []byte(body), at, 5*time.Minute)
		if headerErr := signature.TimestampedHeader(header, name, at, 5*time.Minute); headerErr != nil {
			Expect(err).To(MatchError(headerErr))
		}
		return err
	}

	It("accepts a signature with any of the secrets", func() {
		Expect(check(secrets("secret"), timestampedBody, sent, timestamped)).To(Succeed())
		Expect(check(secrets("next", "secret", "previous"), timestampedBody, sent, timestamped)).To(Succeed())
		Expect(check(secrets("next"), timestampedBody, sent, timestamped)).To(MatchError(signature.ErrMismatch))
		Expect(check(nil, timestampedBody, sent, timestamped)).To(MatchError(signature.ErrMismatch))
	})

	It("is over the timestamp and the body", func() {
		Expect(check(secrets("secret"), timestampedBody+" ", sent, timestamped)).To(MatchError(signature.ErrMismatch))
		for _, timestamp := range []string{"1772618401", "01772618400", "+1772618400"} {
			value := "timestamp=" + timestamp + ",signature=" + timestampedDigits
			Expect(check(secrets("secret"), timestampedBody, sent, value)).To(MatchError(signature.ErrMismatch))
		}
	})

	DescribeTable("checks the age", func(age, window time.Duration, accepted bool) {
		err := signature.Timestamped(secrets("secret"), http.Header{name: {timestamped}}, name, []byte(timestampedBody), sent.Add(age), window)
		if accepted {
			Expect(err).NotTo(HaveOccurred())
		} else {
			Expect(err).To(MatchError(signature.ErrStale))
		}
	},
		Entry(nil, 5*time.Minute, 5*time.Minute, true),
		Entry(nil, -5*time.Minute, 5*time.Minute, true),
		Entry(nil, 5*time.Minute+time.Second, 5*time.Minute, false),
		Entry(nil, -5*time.Minute-time.Second, 5*time.Minute, false),
		Entry(nil, 10_000*time.Hour, time.Duration(0), true),
	)

	DescribeTable("refuses garbage", func(expected error, values ...string) {
		err := check(secrets("secret"), timestampedBody, sent, values...)
		Expect(err).To(MatchError(expected))
		Expect(err).To(MatchError(HavePrefix(name)))
	},
		Entry(nil, signature.ErrMissing),
		Entry(nil, signature.ErrMissing, ""),
		Entry(nil, signature.ErrMalformed, "a,b"),
		Entry(nil, signature.ErrMalformed, ","),
		Entry(nil, signature.ErrMalformed, "v1"),
		Entry(nil, signature.ErrMalformed, "sha256="),
		Entry(nil, signature.ErrMalformed, "timestamp"),
		Entry(nil, signature.ErrMalformed, "timestamp="),
		Entry(nil, signature.ErrMalformed, "timestamp=,signature="),
		Entry(nil, signature.ErrMalformed, "timestamp=1772618400"),
		Entry(nil, signature.ErrMalformed, "timestamp=1772618400,signature"),
		Entry(nil, signature.ErrMalformed, "timestamp=1772618400,signature="),
		Entry(nil, signature.ErrMalformed, "timestamp=1772618400,signature="+timestampedDigits[1:]),
		Entry(nil, signature.ErrMalformed, "timestamp=1772618400,signature="+strings.ToUpper(timestampedDigits)),
		Entry(nil, signature.ErrMalformed, "timestamp=,signature="+timestampedDigits),
		Entry(nil, signature.ErrMalformed, "timestamp=x,signature="+timestampedDigits),
		Entry(nil, signature.ErrMalformed, "timestamp=-1,signature="+timestampedDigits),
		Entry(nil, signature.ErrMalformed, "timestamp=9223372036854775808,signature="+timestampedDigits),
		Entry(nil, signature.ErrMalformed, "signature="+timestampedDigits),
		Entry(nil, signature.ErrMalformed, "signature="+timestampedDigits+",timestamp=1772618400"),
		Entry(nil, signature.ErrMalformed, timestamped+",signature="+timestampedDigits),
		Entry(nil, signature.ErrMalformed, timestampedDigits),
		Entry("two valid values", signature.ErrMalformed, timestamped, timestamped),
	)
})
