package github

import (
	"net/http"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// Verify returns an error unless the request is signed with one of the secrets. Its
// errors are those of signature.HMAC.
func Verify(secrets []signature.Secret, header http.Header, body []byte) error {
	return signature.HMAC(secrets, header, "X-Hub-Signature-256", "sha256=", body)
}
