package deliveries

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// ReadSecrets returns the secrets or tokens in a file, such as that of
// --github-secret-file: its lines that are not blank and do not begin with #.
func ReadSecrets(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var secrets []string
	for line := range bytes.Lines(content) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			secrets = append(secrets, string(line))
		}
	}
	if secrets == nil {
		return nil, fmt.Errorf("%s contains no secret, expected one on a line", file)
	}
	return secrets, nil
}

// signingToken is the beginning of GitLab's signing tokens.
const signingToken = "whsec_"

// Sign signs the delivery as the CI system does, and removes its previous signatures.
// GitHub, Gitea, CircleCI, Buildkite and Drone sign with the first secret, the last two at
// the time now. Azure DevOps and Jenkins send it as a password, and senders of CDEvents and
// Tekton as a bearer token. GitLab sends the first secret that is not a signing token, and
// signs with the first one that is, at the time now.
func (d *Delivery) Sign(system string, secrets []string, now time.Time) error {
	for _, name := range []string{"X-Hub-Signature", "X-Hub-Signature-256", "X-Gitlab-Token", "webhook-timestamp", "webhook-signature",
		"circleci-signature", "X-Buildkite-Token", "X-Buildkite-Signature", "Authorization"} {
		d.Header.Del(name)
	}
	first := []byte(secrets[0])
	switch system {
	case "github":
		d.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum(first, d.Body)))
	case "gitea":
		digits := hex.EncodeToString(sum(first, d.Body))
		for _, name := range []string{"X-Gitea-Signature", "X-Forgejo-Signature", "X-Gogs-Signature"} {
			if d.Header.Get(name) != "" {
				d.Header.Set(name, digits)
			}
		}
		d.Header.Set("X-Hub-Signature-256", "sha256="+digits)
	case "circleci":
		d.Header.Set("circleci-signature", "v1="+hex.EncodeToString(sum(first, d.Body)))
	case "buildkite":
		timestamp := strconv.FormatInt(now.Unix(), 10)
		signature := sum(first, []byte(timestamp+"."), d.Body)
		d.Header.Set("X-Buildkite-Signature", "timestamp="+timestamp+",signature="+hex.EncodeToString(signature))
	case "drone":
		hash := sha256.Sum256(d.Body)
		date, digest := now.UTC().Format(http.TimeFormat), "SHA-256="+base64.StdEncoding.EncodeToString(hash[:])
		signature := base64.StdEncoding.EncodeToString(sum(first, []byte("date: "+date+"\ndigest: "+digest)))
		d.Header.Set("Date", date)
		d.Header.Set("Digest", digest)
		d.Header.Set("Signature", `keyId="hmac-key",algorithm="hmac-sha256",headers="date digest",signature="`+signature+`"`)
	case "azuredevops", "jenkins":
		d.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(":"+secrets[0])))
	case "cdevents", "tekton":
		d.Header.Set("Authorization", "Bearer "+secrets[0])
	case "gitlab":
		return d.signGitLab(secrets, now)
	default:
		return fmt.Errorf("got the CI system %q, expected one that deliver knows", system)
	}
	return nil
}

func (d *Delivery) signGitLab(secrets []string, now time.Time) error {
	for _, secret := range secrets {
		encoded, signs := strings.CutPrefix(secret, signingToken)
		switch {
		case !signs:
			if d.Header.Get("X-Gitlab-Token") == "" {
				d.Header.Set("X-Gitlab-Token", secret)
			}
		case d.Header.Get("webhook-signature") == "":
			key, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return fmt.Errorf("the signing token is not %s and base64: %w", signingToken, err)
			}
			timestamp := strconv.FormatInt(now.Unix(), 10)
			signature := sum(key, []byte(d.Header.Get("webhook-id")+"."+timestamp+"."), d.Body)
			d.Header.Set("webhook-timestamp", timestamp)
			d.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(signature))
		}
	}
	return nil
}

// sum returns the HMAC-SHA256 of the concatenated parts.
func sum(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}
