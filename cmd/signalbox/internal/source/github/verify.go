package github

import (
	"net/http"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// Verify reports with an error whether a request is not signed with one of the secrets,
// as signature.HMAC does.
func Verify(secrets []signature.Secret, header http.Header, body []byte) error {
	return signature.HMAC(secrets, header, "X-Hub-Signature-256", "sha256=", body)
}
