package signature

import "fmt"

// Flags are the flags of a source whose CI system signs its deliveries. They belong to a
// group whose namespace is the name of the source, as in --github-secret-file.
type Flags struct {
	SecretFiles          []string `long:"secret-file" value-name:"FILE" description:"File with the secret of the webhook, which enables it. Each line is a secret, and a delivery may use any of them, so that they can be replaced. Repeatable."`
	AllowUnauthenticated bool     `long:"allow-unauthenticated" description:"Enable the webhook without a secret: everyone who can connect to the listener can send deliveries."`
}

// IsConfigured reports whether the flags enable the source.
func (f *Flags) IsConfigured() bool { return len(f.SecretFiles) > 0 || f.AllowUnauthenticated }

// IsOpen reports whether the flags enable the source without a secret.
func (f *Flags) IsOpen() bool { return f.AllowUnauthenticated }

// Secrets returns the secrets in the files. It returns none only if
// AllowUnauthenticated is set. name is the name of the source, for error messages.
func (f *Flags) Secrets(name string) ([]Secret, error) {
	switch {
	case f.AllowUnauthenticated && len(f.SecretFiles) > 0:
		return nil, fmt.Errorf("--%s-secret-file and --%[1]s-allow-unauthenticated contradict each other", name)
	case f.AllowUnauthenticated:
		return nil, nil
	case len(f.SecretFiles) == 0:
		return nil, fmt.Errorf("--%s-secret-file is missing", name)
	}
	secrets, err := ReadFiles(f.SecretFiles)
	if err != nil {
		return nil, fmt.Errorf("--%s-secret-file: %w", name, err)
	}
	return secrets, nil
}
