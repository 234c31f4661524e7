package webhook

import (
	"fmt"
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

// A Source is one kind of CI system. It is a pointer to a struct of go-flags flags, for a
// group whose namespace is its name. It is safe for concurrent use once the flags are set.
// NewSource creates one.
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
	// flag contains it, as in --github-secret-file.
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

	// Verify returns an error unless the sender of the request knows one of the
	// secrets. body is its raw body, and now is when it was received.
	Verify(r *http.Request, body []byte, now time.Time) error
}

// A System describes a kind of CI system. NewSource makes it a Source.
type System struct {
	Name, Description, Expects string // see Source

	// NewVerifier returns a verifier with the secrets. replayWindow is as in Source. It
	// is nil if the CI system cannot sign deliveries, but sends a token with them; see
	// signature.RequestToken.
	NewVerifier func(secrets []signature.Secret, replayWindow time.Duration) (Verifier, error)

	// Decode is as in Source.
	Decode func(header http.Header, body []byte) (payload.Delivery, error)
}

// NewSource returns a Source with the flags of signature.Flags or, if the system cannot
// sign, of signature.TokenFlags.
func NewSource(s System) Source {
	if s.NewVerifier == nil {
		return &tokenSource{system: system{s}}
	}
	return &signedSource{system: system{s}}
}

// A system has the methods of Source that do not depend on flags.
type system struct{ is System }

func (s *system) Name() string        { return s.is.Name }
func (s *system) Description() string { return s.is.Description }
func (s *system) Expects() string     { return s.is.Expects }
func (s *system) Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return s.is.Decode(header, body)
}

type signedSource struct {
	signature.Flags
	system
}

func (s *signedSource) NewVerifier(replayWindow time.Duration) (Verifier, error) {
	return newVerifier(&s.Flags, s.Name(), func(secrets []signature.Secret) (Verifier, error) { return s.is.NewVerifier(secrets, replayWindow) })
}

type tokenSource struct {
	signature.TokenFlags
	system
}

// NewVerifier implements Source. Tokens contain no time.
func (s *tokenSource) NewVerifier(time.Duration) (Verifier, error) {
	return newVerifier(&s.TokenFlags, s.Name(), func(tokens []signature.Secret) (Verifier, error) { return tokenVerifier(tokens), nil })
}

// credentials are *signature.Flags or *signature.TokenFlags.
type credentials interface {
	IsOpen() bool
	Credential() string
	Secrets(source string) ([]signature.Secret, error)
}

// newVerifier returns the verifier that withSecrets returns for the secrets in the files
// of the flags, or one that accepts all requests if the flags say so. name is the name of
// the source.
func newVerifier(flags credentials, name string, withSecrets func([]signature.Secret) (Verifier, error)) (Verifier, error) {
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
