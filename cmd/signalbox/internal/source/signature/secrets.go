package signature

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode"

	"github.com/signalbox-ci/signalbox/internal/regularfile"
)

// MaxSecrets is the maximum number of secrets of a source. It limits the work for a
// request with a wrong signature, because the body is hashed with each secret.
const MaxSecrets = 20

// A Secret is a text that only the sender of webhooks and this program know. It is
// never empty.
type Secret struct {
	// A function, because the fmt package prints the unexported fields of structs that
	// contain a Secret, without calling Format.
	text func() []byte
}

// New returns the secret with the text.
func New(text string) (Secret, error) {
	if text == "" {
		return Secret{}, errors.New("got an empty secret, expected a random text")
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return Secret{}, errors.New("got a secret with control characters or invalid UTF-8, expected printable text in UTF-8")
		}
	}
	return newSecret([]byte(text)), nil
}

func newSecret(text []byte) Secret { return Secret{func() []byte { return text }} }

// hidden is what is shown instead of a secret.
const hidden = "(secret)"

// Format writes a placeholder instead of the text.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// MarshalText returns a placeholder instead of the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// ReadFiles reads secrets from files. Each line is a secret, unless it is blank or begins
// with #. White space around it does not belong to it. ReadFiles returns an error if a
// file contains no secret, or if there are more than MaxSecrets different ones.
func ReadFiles(files []string) ([]Secret, error) {
	var secrets []Secret
	for _, file := range files {
		found, err := readFile(file)
		if err != nil {
			return nil, err
		}
		for _, secret := range found {
			if !slices.ContainsFunc(secrets, func(s Secret) bool { return bytes.Equal(s.text(), secret.text()) }) {
				secrets = append(secrets, secret)
			}
		}
		if len(secrets) > MaxSecrets {
			return nil, fmt.Errorf("%s: got more than %d secrets, expected the current one, and the next one while it is being replaced", file, MaxSecrets)
		}
	}
	return secrets, nil
}

func readFile(file string) ([]Secret, error) {
	content, err := regularfile.Read(file)
	if err != nil {
		return nil, err
	}
	var secrets []Secret
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(content, []byte("\ufeff"))) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		secret, err := New(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, number, err)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%s contains no secret, expected one on a line (create one with: openssl rand -hex 32)", file)
	}
	return secrets, nil
}
