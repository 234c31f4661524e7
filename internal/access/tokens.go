package access

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/regularfile"
)

// minTokenBytes is the minimum length of a token. A token of this length that consists
// of random letters and digits cannot be guessed.
const minTokenBytes = 16

// bearerToken matches what RFC 6750 allows as a token.
var bearerToken = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// ParseTokens returns the hashes of the tokens in the content of a file: one token per
// line, without blank lines and lines that begin with #. It returns an error for each
// invalid line, and an error if there are no tokens. The errors begin with the file
// and, if known, the line number. They do not contain tokens.
func ParseTokens(file string, content []byte) (hashes [][sha256.Size]byte, err error) {
	var errs []error
	content = bytes.TrimPrefix(content, []byte("\uFEFF")) // the byte order mark that Windows programs write
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		token := strings.TrimSpace(line)
		switch {
		case token == "" || token[0] == '#':
		case !bearerToken.MatchString(token):
			errs = append(errs, fmt.Errorf("%s:%d: the token contains characters that a token cannot have, expected letters, digits and -._~+/, as `openssl rand -hex 32` prints", file, number))
		case len(token) < minTokenBytes:
			errs = append(errs, fmt.Errorf("%s:%d: the token has %d characters, expected at least %d, as `openssl rand -hex 32` prints", file, number, len(token), minTokenBytes))
		default:
			hashes = append(hashes, sha256.Sum256([]byte(token)))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(hashes) == 0 {
		return nil, fmt.Errorf("%s: the file contains no tokens, expected one per line, as `openssl rand -hex 32` prints", file)
	}
	return hashes, nil
}

// CheckTokens returns the errors in a token file.
func CheckTokens(file string) error {
	_, _, err := readTokens(file)
	return err
}

func readTokens(file string) (content []byte, hashes [][sha256.Size]byte, err error) {
	if content, err = regularfile.Read(file); err == nil {
		hashes, err = ParseTokens(file, content)
	}
	return content, hashes, err
}

// tokenInterval is the minimum time between two readings of a token file.
const tokenInterval = time.Second

// Tokens accept requests with a token that is in a file. They read the file again when
// they are used, at most once a second. If it has errors then, the tokens that it
// contained last remain valid. Tokens are safe for concurrent use.
type Tokens struct {
	file   string
	now    func() time.Time
	logger func() lager.Logger

	hashes atomic.Pointer[[][sha256.Size]byte] // of the valid tokens
	err    atomic.Pointer[error]               // error of the last reading; never nil

	reading sync.Mutex // protects the following fields
	read    time.Time  // of the last reading
	content []byte     // from the last reading that succeeded
}

// NewTokens returns the Tokens in a file. It returns an error if the file has errors.
// now is the clock.
func NewTokens(file string, now func() time.Time, logger func() lager.Logger) (*Tokens, error) {
	content, hashes, err := readTokens(file)
	if err != nil {
		return nil, err
	}
	t := &Tokens{file: file, now: now, logger: logger, read: now(), content: content}
	t.use(content, hashes)
	return t, nil
}

// Authenticate reports whether a request has a valid token in its Authorization header.
// The time it takes depends only on the number of valid tokens, not on the tokens.
func (t *Tokens) Authenticate(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	t.refresh()
	hash := sha256.Sum256([]byte(strings.TrimSpace(token)))
	found := 0
	for _, valid := range *t.hashes.Load() {
		found |= subtle.ConstantTimeCompare(hash[:], valid[:])
	}
	return found == 1
}

// Err reads the file again if it is time, and returns the error if the last reading
// failed.
func (t *Tokens) Err() error {
	t.refresh()
	return *t.err.Load()
}

// refresh reads the file again, unless that happened less than tokenInterval ago or is
// in progress.
func (t *Tokens) refresh() {
	if !t.reading.TryLock() {
		return
	}
	defer t.reading.Unlock()
	now := t.now()
	if age := now.Sub(t.read); 0 <= age && age < tokenInterval {
		return
	}
	t.read = now
	content, hashes, err := readTokens(t.file)
	failed := *t.err.Load()
	switch {
	case err == nil && failed == nil && bytes.Equal(content, t.content):
	case err == nil:
		t.use(content, hashes)
		t.logger().Info("tokens-reloaded", lager.Data{"file": t.file, "tokens": len(hashes)})
	default:
		t.err.Store(&err)
		if failed == nil || failed.Error() != err.Error() {
			t.logger().Error("tokens-not-reloaded", err, lager.Data{"tokens": len(*t.hashes.Load())})
		}
	}
}

// use makes the tokens with the hashes the valid ones.
func (t *Tokens) use(content []byte, hashes [][sha256.Size]byte) {
	t.content = content
	t.hashes.Store(&hashes)
	t.err.Store(new(error))
}

// Describe implements prometheus.Collector.
func (t *Tokens) Describe(descs chan<- *prometheus.Desc) { descs <- tokensDesc }

// Collect implements prometheus.Collector. It sends whether the last reading succeeded.
func (t *Tokens) Collect(metrics chan<- prometheus.Metric) {
	successful := 1.0
	if t.Err() != nil {
		successful = 0
	}
	metrics <- prometheus.MustNewConstMetric(tokensDesc, prometheus.GaugeValue, successful)
}

var tokensDesc = prometheus.NewDesc("signalbox_tokens_last_reload_successful",
	"1 if the tokens in the token file are in force, 0 if the file was refused and earlier tokens are.", nil, nil)
