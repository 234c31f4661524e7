package signature

import "fmt"

// Flags are the flags of a source whose CI system signs its deliveries. They belong to a
// group whose namespace is the name of the source, as in --github-secret-file.
type Flags struct {
	SecretFiles          []string `long:"secret-file" value-name:"FILE" description:"File with the secrets of the webhook, one per line. Enables the webhook. A delivery may use any of the secrets, so that they can be replaced. Repeatable."`
	AllowUnauthenticated bool     `long:"allow-unauthenticated" description:"Enable the webhook without a secret: everyone who can connect to the listener can send deliveries."`

	added []Secret // by AddSecret
}

// AddSecret enables the source, and adds a secret that is in no file. It must be called
// before the other methods.
func (f *Flags) AddSecret(text string) error {
	secret, err := New(text)
	if err != nil {
		return err
	}
	f.added = append(f.added, secret)
	return nil
}

// IsConfigured reports whether the flags enable the source.
func (f *Flags) IsConfigured() bool {
	return len(f.SecretFiles) > 0 || len(f.added) > 0 || f.AllowUnauthenticated
}

// IsOpen reports whether the flags enable the source without a secret.
func (f *Flags) IsOpen() bool { return f.AllowUnauthenticated }

// Credential returns "secret".
func (*Flags) Credential() string { return "secret" }

// Secrets returns the secrets in the files, and those that were added. It returns none
// only if AllowUnauthenticated is set. name is the name of the source, for error
// messages.
func (f *Flags) Secrets(name string) ([]Secret, error) {
	if len(f.added) > 0 && len(f.SecretFiles) == 0 && !f.AllowUnauthenticated {
		return f.added, nil
	}
	secrets, err := readSecrets(name, f.Credential(), f.SecretFiles, f.AllowUnauthenticated)
	if err != nil || f.AllowUnauthenticated {
		return nil, err
	}
	return append(secrets, f.added...), nil
}

// TokenFlags are the flags of a source whose CI system cannot sign its deliveries, but
// sends a token with them; see RequestToken. They belong to a group whose namespace is
// the name of the source, as in --tekton-token-file.
type TokenFlags struct {
	TokenFiles           []string `long:"token-file" value-name:"FILE" description:"File with the tokens of the webhook, one per line. Enables the webhook. A delivery may use any of the tokens, in the header Authorization or in its URL, so that they can be replaced. Repeatable."`
	AllowUnauthenticated bool     `long:"allow-unauthenticated" description:"Enable the webhook without a token: everyone who can connect to the listener can send deliveries."`
}

// IsConfigured reports whether the flags enable the source.
func (f *TokenFlags) IsConfigured() bool { return len(f.TokenFiles) > 0 || f.AllowUnauthenticated }

// IsOpen reports whether the flags enable the source without a token.
func (f *TokenFlags) IsOpen() bool { return f.AllowUnauthenticated }

// Credential returns "token".
func (*TokenFlags) Credential() string { return "token" }

// Secrets returns the tokens in the files. It returns none only if AllowUnauthenticated
// is set. name is the name of the source, for error messages.
func (f *TokenFlags) Secrets(name string) ([]Secret, error) {
	return readSecrets(name, f.Credential(), f.TokenFiles, f.AllowUnauthenticated)
}

// readSecrets returns the secrets in the files, or none if isOpen is set.
func readSecrets(source, credential string, files []string, isOpen bool) ([]Secret, error) {
	flag := "--" + source + "-" + credential + "-file"
	switch {
	case isOpen && len(files) > 0:
		return nil, fmt.Errorf("%s and --%s-allow-unauthenticated contradict each other", flag, source)
	case isOpen:
		return nil, nil
	case len(files) == 0:
		return nil, fmt.Errorf("%s is missing", flag)
	}
	secrets, err := ReadFiles(files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return secrets, nil
}
