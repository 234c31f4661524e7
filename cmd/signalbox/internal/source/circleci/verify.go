package circleci

import (
	"net/http"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Verifier contains the secrets of webhooks, and checks that requests are signed with
// one of them. Its errors are those of package signature.
type Verifier []signature.Secret

// The header with the signatures is a list such as v1=…,v2=…. Version 1 is the newest
// one that exists. Other versions are ignored, so that new ones do not stop deliveries.
const signatureHeader, signaturePrefix = "Circleci-Signature", "v1="

// CheckHeader implements webhook.Verifier.
func (Verifier) CheckHeader(r *http.Request, _ time.Time) error {
	return signature.HMACHeader(version1(r.Header), signatureHeader, signaturePrefix)
}

// Verify implements webhook.Verifier. CircleCI's signatures contain no time.
func (v Verifier) Verify(r *http.Request, body []byte, _ time.Time) error {
	return signature.HMAC(v, version1(r.Header), signatureHeader, signaturePrefix, body)
}

// version1 returns a header with the signatures of version 1. If there are none, or if
// there are several lists, it returns header unchanged, so that package signature
// reports the error.
func version1(header http.Header) http.Header {
	lists := header.Values(signatureHeader)
	if len(lists) != 1 {
		return header
	}
	var found []string
	for entry := range strings.SplitSeq(lists[0], ",") {
		if strings.HasPrefix(entry, signaturePrefix) {
			found = append(found, entry)
		}
	}
	if found == nil {
		return header
	}
	return http.Header{signatureHeader: found}
}
