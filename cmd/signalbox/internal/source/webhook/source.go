package webhook

import (
	"fmt"
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Source is one kind of CI system. Its fields are go-flags flags, in a group whose
// namespace is its name. It is safe for concurrent use once the flags are set.
type Source interface {
	// Name is the name of the source: in the path of the webhook, in labels of metrics,
	// and at the beginning of the names of flags. It never changes.
	Name() string

	// Description is the name of the CI system, such as "GitHub Actions".
	Description() string

	// Expects describes the deliveries to choose in the settings of the CI system.
	Expects() string

	// IsConfigured reports whether the flags enable the source.
	IsConfigured() bool

	// IsOpen reports whether the flags enable the source without a secret.
	IsOpen() bool

	// NewVerifier returns a verifier with the secrets in the files that the flags name.
	// replayWindow is the maximum difference between the clock and the time in a
	// signature, for signatures that contain one; 0 turns this check off.
	NewVerifier(replayWindow time.Duration) (Verifier, error)

	// Decode decodes a delivery. It returns an error if the body is not in the format
	// of the CI system, so that no delivery of this webhook can be used. It keeps no
	// state and does not check the signature.
	Decode(header http.Header, body []byte) (payload.Delivery, error)
}

// A Verifier authenticates deliveries. It is safe for concurrent use. Its errors must not
// contain a secret; the sender sees them.
type Verifier interface {
	// CheckHeader returns an error if Verify would return one for every body, so that the
	// body does not have to be read.
	CheckHeader(header http.Header, now time.Time) error

	// Verify returns an error if the request does not come from someone who knows a
	// secret. body is the raw body, and now is when the request was received.
	Verify(header http.Header, body []byte, now time.Time) error
}

// NewVerifier returns the verifier that withSecrets returns for the secrets in the files
// of the flags, or one that accepts all requests if the flags say so. name is the name of
// the source.
func NewVerifier(flags *signature.Flags, name string, withSecrets func([]signature.Secret) (Verifier, error)) (Verifier, error) {
	secrets, err := flags.Secrets(name)
	if err != nil {
		return nil, err
	}
	if flags.AllowUnauthenticated {
		return open{}, nil
	}
	v, err := withSecrets(secrets)
	if err != nil {
		return nil, fmt.Errorf("--%s-secret-file: %w", name, err)
	}
	return v, nil
}

// An open accepts all requests. It implements Verifier.
type open struct{}

func (open) CheckHeader(http.Header, time.Time) error    { return nil }
func (open) Verify(http.Header, []byte, time.Time) error { return nil }

// Path returns the path that receives the deliveries of the source with the name.
func Path(name string) string { return "/webhooks/" + name }
