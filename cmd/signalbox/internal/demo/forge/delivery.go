package forge

import (
	"bytes"
	"crypto/hmac"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A kind is a kind of object.
type kind uint8

const (
	runs kind = iota
	jobs
	deployments
)

// A state is a state of an object.
type state uint8

const (
	queued state = iota
	started
	ended
)

// A report is what a delivery says about an object, apart from its payload. Times are in
// whole seconds, as in payloads.
type report struct {
	system string
	kind   kind
	id     int
	run    int // ID of the run of a job
	// attempt is the attempt of a run of GitHub and its jobs, else 0.
	attempt int
	state   state
	result  string // if state is ended

	queued, started, ended time.Time // zero if unknown or not yet
	// waited and ran are what GitLab measured, in seconds.
	waited, ran float64

	repository, workflow, trigger, environment, commit string

	labels    []string // of the runner of a job
	retry     bool
	committed time.Time
	changed   time.Time // GitLab: the last time at which a job that is pending or running entered that state

	event string // name of the event, for headers
	body  []byte
}

// A Delivery is an HTTP request of a CI system to a webhook.
type Delivery struct {
	System  string    // the last part of the webhook's path
	Arrives time.Time // when it is delivered

	// Forged means that it comes from a stranger, who does not know the secret.
	Forged bool

	id     string // the same for repetitions
	report report
}

// Status returns the status that Signalbox answers with.
func (d *Delivery) Status() int {
	if d.Forged {
		return http.StatusUnauthorized
	}
	return http.StatusAccepted
}

// Secrets are the secrets of the webhooks by CI system.
type Secrets map[string]string

// NewSecrets returns random secrets.
func NewSecrets() Secrets {
	key := make([]byte, 32)
	cryptorand.Read(key) //nolint:errcheck // never fails
	return Secrets{
		GitHub: cryptorand.Text(),
		GitLab: keyPrefix + base64.StdEncoding.EncodeToString(key),
	}
}

// keyPrefix is the prefix of the signing keys of Standard Webhooks, which GitLab uses.
const keyPrefix = "whsec_"

// Request returns the delivery as a request to the URL of the webhook, signed at the
// time of its arrival.
func (d *Delivery) Request(url string, secrets Secrets) (*http.Request, error) {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(d.report.body))
	if err != nil {
		return nil, err
	}
	secret := secrets[d.System]
	if d.Forged {
		secret = NewSecrets()[d.System]
	}
	request.Header.Set("Content-Type", "application/json")
	if d.System == GitHub {
		d.setGitHubHeader(request.Header, secret)
	} else {
		d.setGitLabHeader(request.Header, secret)
	}
	return request, nil
}

func (d *Delivery) setGitHubHeader(header http.Header, secret string) {
	header.Set("User-Agent", "GitHub-Hookshot/0000000")
	header.Set("X-GitHub-Event", d.report.event)
	header.Set("X-GitHub-Delivery", d.id)
	header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum([]byte(secret), d.report.body)))
}

func (d *Delivery) setGitLabHeader(header http.Header, secret string) {
	header.Set("User-Agent", "GitLab/18.0.0")
	header.Set("X-Gitlab-Event", d.report.event)
	header.Set("X-Gitlab-Instance", site)
	header.Set("Idempotency-Key", d.id)
	timestamp := strconv.FormatInt(d.Arrives.Unix(), 10)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, keyPrefix))
	if err != nil {
		panic(err) // see NewSecrets
	}
	header.Set("webhook-id", d.id)
	header.Set("webhook-timestamp", timestamp)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sum(key, []byte(d.id+"."+timestamp+"."), d.report.body)))
}

func sum(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// An object is a JSON object.
type object = map[string]any

// encode returns JSON.
func encode(o object) []byte {
	body, err := json.Marshal(o)
	if err != nil {
		panic(err) // there are only texts, numbers, lists and objects
	}
	return body
}

// site is the URL of the pages that payloads link to, which explain that they are
// examples. It is also that of the servers: otherwise the links would be wrong.
const site = "https://example.com"

// whole returns a time in whole seconds, as payloads show it.
func whole(t time.Time) time.Time { return t.Truncate(time.Second) }
