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

	// Credential is what authenticates deliveries: "secret" or "token". The name of the
	// flag for it is made of it, as in --github-secret-file.
	Credential() string

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
	CheckHeader(r *http.Request, now time.Time) error

	// Verify returns an error if the request does not come from someone who knows a
	// secret. body is its raw body, and now is when it was received.
	Verify(r *http.Request, body []byte, now time.Time) error
}

// Flags are *signature.Flags or *signature.TokenFlags.
type Flags interface {
	IsOpen() bool
	Credential() string
	Secrets(source string) ([]signature.Secret, error)
}

// NewVerifier returns the verifier that withSecrets returns for the secrets in the files
// of the flags, or one that accepts all requests if the flags say so. name is the name of
// the source.
func NewVerifier(flags Flags, name string, withSecrets func([]signature.Secret) (Verifier, error)) (Verifier, error) {
	secrets, err := flags.Secrets(name)
	if err != nil {
		return nil, err
	}
	if flags.IsOpen() {
		return open{}, nil
	}
	v, err := withSecrets(secrets)
	if err != nil {
		return nil, fmt.Errorf("--%s-%s-file: %w", name, flags.Credential(), err)
	}
	return v, nil
}

// NewTokenVerifier returns a verifier that accepts requests with one of the tokens in the
// files of the flags (see signature.RequestToken), or all requests if the flags say so.
// name is the name of the source.
func NewTokenVerifier(flags *signature.TokenFlags, name string) (Verifier, error) {
	return NewVerifier(flags, name, func(tokens []signature.Secret) (Verifier, error) {
		return tokenVerifier(tokens), nil
	})
}

// An open accepts all requests. It implements Verifier.
type open struct{}

func (open) CheckHeader(*http.Request, time.Time) error    { return nil }
func (open) Verify(*http.Request, []byte, time.Time) error { return nil }

// A tokenVerifier contains the tokens that it accepts. It implements Verifier.
type tokenVerifier []signature.Secret

func (v tokenVerifier) CheckHeader(r *http.Request, _ time.Time) error {
	return signature.RequestToken(v, r)
}

func (v tokenVerifier) Verify(r *http.Request, _ []byte, _ time.Time) error {
	return signature.RequestToken(v, r)
}

// Path returns the path that receives the deliveries of the source with the name.
func Path(name string) string { return "/webhooks/" + name }
