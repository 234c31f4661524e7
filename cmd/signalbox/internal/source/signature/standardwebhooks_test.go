package signature_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

var _ = Describe("Standard Webhooks", func() {
	// The example of the specification.
	const (
		key       = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		id        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
		body      = `{"test": 2432232314}`
		valid     = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
		timestamp = "1614265330"
	)
	sent := time.Unix(1614265330, 0)
	keys := func(texts ...string) []signature.Key {
		var keys []signature.Key
		for _, secret := range secrets(texts...) {
			Expect(secret.IsKey()).To(BeTrue())
			key, err := signature.ParseKey(secret)
			Expect(err).NotTo(HaveOccurred())
			keys = append(keys, key)
		}
		return keys
	}
	other := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	check := func(keys []signature.Key, id, timestamp, signatures string) error {
		header := http.Header{}
		header.Set("webhook-id", id)
		header.Set("webhook-timestamp", timestamp)
		header.Set("webhook-signature", signatures)
		return signature.Standard(keys, header, []byte(body), sent, time.Minute)
	}

	It("accepts a signature with any of the keys, among several signatures", func() {
		Expect(check(keys(key), id, timestamp, valid)).To(Succeed())
		Expect(check(keys(other, key), id, timestamp, valid)).To(Succeed())
		Expect(check(keys(key), id, timestamp, "v1a,xyz v1,"+strings.Repeat("A", 43)+"= "+valid+" v2,x")).To(Succeed())
	})

	DescribeTable("checks the age", func(age, window time.Duration, accepted bool) {
		header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {valid}}
		err := signature.Standard(keys(key), header, []byte(body), sent.Add(age), window)
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
		Entry("no window", 50*365*24*time.Hour, time.Duration(0), true),
	)

	DescribeTable("refuses", func(id, timestamp, signatures string, expected error) {
		Expect(check(keys(key), id, timestamp, signatures)).To(MatchError(expected))
	},
		Entry("another id", "msg", timestamp, valid, signature.ErrMismatch),
		Entry("an empty id", "", timestamp, valid, signature.ErrMissing),
		Entry("another timestamp", id, "1614265331", valid, signature.ErrMismatch),
		Entry("the same timestamp in other words", id, "+1614265330", valid, signature.ErrMismatch),
		Entry("no timestamp", id, "", valid, signature.ErrMissing),
		Entry("a fraction", id, "1614265330.5", valid, signature.ErrMalformed),
		Entry("a negative timestamp", id, "-1", valid, signature.ErrMalformed),
		Entry("an overflow", id, "9223372036854775807", valid, signature.ErrMalformed),
		Entry("a bigger overflow", id, "92233720368547758070", valid, signature.ErrMalformed),
		Entry("no signature", id, timestamp, "", signature.ErrMissing),
		Entry("no version", id, timestamp, strings.TrimPrefix(valid, "v1,"), signature.ErrMalformed),
		Entry("another version", id, timestamp, "v2"+strings.TrimPrefix(valid, "v1"), signature.ErrMalformed),
		Entry("only a version", id, timestamp, "v1,", signature.ErrMalformed),
		Entry("a comma", id, timestamp, "a,b", signature.ErrMalformed),
		Entry("two commas", id, timestamp, "v1,"+valid, signature.ErrMalformed),
		Entry("no padding", id, timestamp, strings.TrimSuffix(valid, "="), signature.ErrMalformed),
		Entry("another signature with the same bytes", id, timestamp, strings.TrimSuffix(valid, "E=")+"F=", signature.ErrMismatch),
	)

	DescribeTable("refuses as key", func(text string) {
		_, err := signature.ParseKey(secrets(text)[0])
		Expect(err).To(HaveOccurred())
		Expect(err.Error()).NotTo(ContainSubstring(strings.TrimPrefix(text, "whsec_")))
	},
		Entry(nil, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
		Entry(nil, "whsec_MfKQ9r8GKYqrTwjU!"),
		Entry(nil, "whsec_MfKQ9r8GKYqrTwjU"),
		Entry(nil, "whsec_"+strings.Repeat("QUFB", 22)),
	)
})
