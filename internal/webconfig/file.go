package webconfig

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/time/rate"

	"github.com/signalbox-ci/signalbox/internal/regularfile"
)

// A File is a web configuration file that a listener uses. It reads the file again for
// each request and connection. If it cannot use what it reads, the last valid settings
// stay in force, and Err returns the reason. That is the case if the file has errors or
// cannot be read, and also if the file no longer asks clients for what it asked them
// for before: an editor, a script or a full disk may have left an empty file, which
// would be valid, but would open the listener to everyone. A restart is necessary to
// remove passwords, client certificates or TLS.
//
// A File is safe for concurrent use.
type File struct {
	path      string
	passwords *passwords

	current atomic.Pointer[settings]
	tls     atomic.Pointer[tls.Config] // certificates that were valid last; nil without TLS

	refreshing sync.Mutex // held while reading the file; protects the following fields
	refused    []byte     // content that was refused last
	tried      time.Time  // time of the last attempt to use refused

	mu       sync.Mutex // protects the following fields
	fileErr  error      // why the settings in the file are not in force
	tlsErr   error      // why the certificates in their files are not in use
	reported string     // text of the error that was passed to changed last
	changed  func(error)
}

// settings are the settings in a valid file.
type settings struct {
	content []byte
	config  web.Config
	tls     *tls.Config   // nil without TLS
	limiter *rate.Limiter // nil without a limit on the rate of requests
}

// retryInterval is the minimum time between two attempts to use the same content. The
// result can change because the content names other files.
const retryInterval = time.Second

// Open reads a web configuration file. Its errors are those of Check. If path is empty,
// it returns nil.
func Open(path string) (*File, error) {
	if path == "" {
		return nil, nil
	}
	// exporter-toolkit would block forever on a named pipe.
	content, err := regularfile.Read(path)
	if err != nil {
		return nil, err
	}
	s, err := parse(path, content)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, passwords: newPasswords(), changed: func(error) {}}
	f.use(s)
	return f, nil
}

// OnChange sets the function to call when the result of Err changes: with the error
// when the file becomes invalid, and with nil when other settings come into force.
func (f *File) OnChange(changed func(error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = changed
}

// Err reads the file and the certificates, and returns an error if they are not in use,
// because of problems that Check would find or because they protect less than those in
// use.
func (f *File) Err() error {
	f.refresh()
	if f.EnablesTLS() {
		f.refreshTLS()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.fileErr, f.tlsErr)
}

// EnablesTLS reports whether the listener must use TLS. The result never changes.
func (f *File) EnablesTLS() bool { return f.tls.Load() != nil }

// EnablesHTTP2 reports whether the file enables HTTP/2, which requires TLS.
func (f *File) EnablesHTTP2() bool { return f.EnablesTLS() && f.current.Load().config.HTTPConfig.HTTP2 }

// Authenticates reads the file again, and reports whether clients must have a password
// or a client certificate that is verified.
func (f *File) Authenticates() bool {
	s := f.refresh()
	return len(s.config.Users) > 0 || s.tls != nil && requiresCertificate(s.tls) && verifiesCertificate(s.tls)
}

// TLSConfig returns the TLS configuration for the listener, which offers the given
// protocols, or nil without TLS. For each connection, it uses the settings and
// certificates that are in force then.
func (f *File) TLSConfig(protocols ...string) *tls.Config {
	if !f.EnablesTLS() {
		return nil
	}
	return &tls.Config{
		NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			f.refresh()
			c := f.refreshTLS().Clone()
			c.NextProtos = protocols
			return c, nil
		},
	}
}

// Admission is the decision about a request.
type Admission int

const (
	Admitted     Admission = iota
	NoUsers                // admitted, because the file has no users
	Unauthorized           // not the name and password of a user
	TooMany                // the limit on the rate of requests is exceeded
)

// Admit decides about a request according to the settings in force, and sets the
// response headers that they contain.
func (f *File) Admit(header http.Header, r *http.Request) Admission {
	s := f.refresh()
	for name, value := range s.config.HTTPConfig.Header {
		header.Set(name, value)
	}
	switch {
	case s.limiter != nil && !s.limiter.Allow():
		return TooMany
	case len(s.config.Users) == 0:
		return NoUsers
	case !f.passwords.authenticate(s.config.Users, r):
		return Unauthorized
	}
	return Admitted
}

// refresh reads the file again and returns the settings in force. If another call is
// reading the file, it does not wait for it.
func (f *File) refresh() *settings {
	if !f.refreshing.TryLock() {
		return f.current.Load()
	}
	defer f.refreshing.Unlock()
	current := f.current.Load()
	content, err := regularfile.Read(f.path)
	switch {
	case err != nil:
	case bytes.Equal(content, current.content):
		f.refused = nil
	case f.refused != nil && bytes.Equal(content, f.refused) && time.Since(f.tried) < retryInterval:
		return current
	default:
		f.refused = content
		var next *settings
		if next, err = parse(f.path, content); err == nil {
			err = current.checkProtection(f.path, next)
		}
		if err == nil {
			f.refused = nil
			f.use(next)
			f.reportChange()
			return next
		}
		f.tried = time.Now()
	}
	f.report(&f.fileErr, err)
	return current
}

// use puts settings into force.
func (f *File) use(s *settings) {
	if old := f.current.Load(); old != nil && old.config.RateLimiterConfig == s.config.RateLimiterConfig {
		s.limiter = old.limiter
	}
	f.current.Store(s)
	f.tls.Store(s.tls)
}

// checkProtection returns an error if the next settings do not ask clients for
// everything that s asks them for, or if they need another kind of listener.
func (s *settings) checkProtection(file string, next *settings) error {
	refuse := func(problem string) error {
		return fmt.Errorf("%s: %s; the previous settings stay in force until a restart", file, problem)
	}
	switch {
	case s.tls != nil && next.tls == nil:
		return refuse("tls_server_config is missing, expected the settings for TLS, which the listener uses")
	case s.tls == nil && next.tls != nil:
		return refuse("tls_server_config enables TLS, expected none, because the listener has started without TLS")
	case len(s.config.Users) > 0 && len(next.config.Users) == 0:
		return refuse("basic_auth_users is empty, expected at least one user, because the previous settings required a password")
	case s.tls == nil:
		return nil
	case requiresCertificate(s.tls) && !requiresCertificate(next.tls), verifiesCertificate(s.tls) && !verifiesCertificate(next.tls):
		return refuse("client_auth_type is weaker than in the previous settings, which required or verified client certificates")
	case len(s.config.TLSConfig.ClientAllowedSans) > 0 && len(next.config.TLSConfig.ClientAllowedSans) == 0:
		return refuse("client_allowed_sans is empty, expected at least one name, because the previous settings limited the names in client certificates")
	}
	return nil
}

func requiresCertificate(c *tls.Config) bool {
	return c.ClientAuth == tls.RequireAnyClientCert || c.ClientAuth == tls.RequireAndVerifyClientCert
}

func verifiesCertificate(c *tls.Config) bool { return c.ClientAuth >= tls.VerifyClientCertIfGiven }

// refreshTLS reads the certificates again and returns the TLS configuration in force.
func (f *File) refreshTLS() *tls.Config {
	c, err := loadTLS(f.current.Load().config)
	if err != nil {
		f.report(&f.tlsErr, fmt.Errorf("%s: %w", f.path, err))
		return f.tls.Load()
	}
	f.tls.Store(c)
	f.report(&f.tlsErr, nil)
	return c
}

// loadTLS returns a TLS configuration that contains the certificates, so that it does
// not depend on their files.
func loadTLS(config web.Config) (*tls.Config, error) {
	c, err := web.ConfigToTLSConfig(&config.TLSConfig)
	if err != nil {
		return nil, err
	}
	if c.ClientCAs != nil && c.ClientCAs.Equal(x509.NewCertPool()) {
		return nil, errors.New("client_ca, client_ca_file: got no certificate, expected at least one in PEM format")
	}
	certificate, err := c.GetCertificate(nil)
	if err != nil {
		return nil, err
	}
	c.Certificates, c.GetCertificate = []tls.Certificate{*certificate}, nil
	return c, nil
}

// report stores an error in one of the fields for errors. If the result of Err changes,
// it calls changed.
func (f *File) report(field *error, err error) {
	f.mu.Lock()
	*field = err
	err = errors.Join(f.fileErr, f.tlsErr)
	text := ""
	if err != nil {
		text = err.Error()
	}
	same, changed := text == f.reported, f.changed
	f.reported = text
	f.mu.Unlock()
	if !same {
		changed(err)
	}
}

// reportChange records that new settings without errors have come into force.
func (f *File) reportChange() {
	f.mu.Lock()
	f.fileErr, f.tlsErr, f.reported = nil, nil, ""
	changed := f.changed
	f.mu.Unlock()
	changed(nil)
}
