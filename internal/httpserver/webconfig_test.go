package httpserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// users is a web configuration file with the user ops, whose password is "secret".
const users = "basic_auth_users:\n  ops: $2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a\n"

// openWebConfig writes a web configuration file and opens it. The returned function
// replaces the content.
func openWebConfig(t *testing.T, content string) (*webconfig.File, func(string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.yml")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(content)
	file, err := webconfig.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return file, write
}

// If a web configuration file becomes invalid or no longer requires a password while it
// is in use, the last valid settings stay in force. The server logs the error once,
// without passwords from the file.
func TestErrorsInTheWebConfigurationAreLogged(t *testing.T) {
	for _, invalid := range []string{
		"", "http_server_config: {http2: false}\n", "basic_auth_users: 5ecret\n",
		"basic_auth_users: {bob: *5ecret}\n", "basic_auth_users: {bob: !!int 5ecret}\n", "basic_auth_users: [5ecret]\n",
	} {
		file, write := openWebConfig(t, users)
		logger := lagertest.NewTestLogger("test")
		listener, err := Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := New(listener, Options{
			Handler: http.NotFoundHandler(), Access: access.Options{WebConfig: file}, Logger: func() lager.Logger { return logger },
		})
		s.Serve()
		get := func(password string, expected int) {
			t.Helper()
			r, err := http.NewRequest(http.MethodGet, "http://"+listener.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth("ops", password)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != expected {
				t.Errorf("%q: got status %d, expected %d", invalid, response.StatusCode, expected)
			}
		}
		get("wrong", http.StatusUnauthorized)
		write(invalid)
		for range 3 {
			get("wrong", http.StatusUnauthorized)
			get("secret", http.StatusNotFound)
		}
		write(users)
		get("secret", http.StatusNotFound)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		log := string(logger.Buffer().Contents())
		aboutFile := slices.DeleteFunc(logger.LogMessages(), func(m string) bool { return m == "test.request-denied" })
		if !slices.Equal(aboutFile, []string{"test.web-config-refused", "test.web-config-reloaded"}) || !strings.Contains(log, "web.yml") {
			t.Errorf("%q: logged %s", invalid, log)
		}
		if strings.Contains(log, "5ecret") {
			t.Errorf("%q: the password is in the log: %s", invalid, log)
		}
	}
}

func TestTheLogOfTheHTTPServerHidesPasswords(t *testing.T) {
	file, _ := openWebConfig(t, "")
	logger := lagertest.NewTestLogger("test")
	w := logWriter{options: Options{Access: access.Options{WebConfig: file}, Logger: func() lager.Logger { return logger }}}
	for _, err := range []string{"cannot unmarshal !!str `5ecret` into map[string]config.Secret", "yaml: unknown anchor '5ecret' referenced"} {
		if _, err := w.Write([]byte("http: TLS handshake error from 127.0.0.1:1: " + err + "\n")); err != nil {
			t.Error(err)
		}
	}
	if log := string(logger.Buffer().Contents()); strings.Contains(log, "5ecret") || !strings.Contains(log, "tls-handshake-failed") {
		t.Errorf("logged %s", log)
	}
}

// Any client can cause messages about failed handshakes, so these are limited, and do
// not suppress other messages.
func TestTheLogOfTheHTTPServerIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger := lagertest.NewTestLogger("test")
		w := &logWriter{options: Options{Logger: func() lager.Logger { return logger }}, began: time.Now()}
		write := func(line string) {
			if _, err := w.Write([]byte(line + "\n")); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		for range 100 {
			write("http: TLS handshake error from 127.0.0.1:1: EOF")
		}
		for range 100 {
			write("http: panic serving 127.0.0.1:1: x")
		}
		time.Sleep(time.Second)
		write("http: TLS handshake error from 127.0.0.1:2: EOF")
		logs := logger.Logs()
		if len(logs) != 3 {
			t.Fatalf("got %d lines, expected 3", len(logs))
		}
		for i, expected := range []struct {
			event, message string
			unlogged       float64
		}{
			{"test.tls-handshake-failed", "from 127.0.0.1:1: EOF", 0},
			{"test.http-server", "http: panic serving 127.0.0.1:1: x", 0},
			{"test.tls-handshake-failed", "from 127.0.0.1:2: EOF", 99},
		} {
			if l := logs[i]; l.Message != expected.event || l.Data["message"] != expected.message || l.Data["unlogged"] != expected.unlogged {
				t.Errorf("line %d: got %s %v, expected %v", i, l.Message, l.Data, expected)
			}
		}
	})
}

// The toolkit's file enables HTTP/2 by default. Both protocols must work with the TLS
// configuration that the file returns for each connection.
func TestTLS(t *testing.T) {
	certificate := httptest.NewUnstartedServer(nil) // its certificate is for example.com and 127.0.0.1
	certificate.StartTLS()
	defer certificate.Close()
	cert, key := pemOf(t, certificate.TLS.Certificates[0])
	for http2, protocol := range map[string]string{"true": "HTTP/2.0", "false": "HTTP/1.1"} {
		file, _ := openWebConfig(t, "tls_server_config: {cert: "+cert+", key: "+key+"}\nhttp_server_config: {http2: "+http2+"}\n")
		listener, err := Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := New(listener, Options{Handler: http.NotFoundHandler(), Access: access.Options{WebConfig: file}, Logger: func() lager.Logger { return lager.NewLogger("test") }})
		s.Serve()
		if s.Scheme() != "https" {
			t.Errorf("got scheme %s, expected https", s.Scheme())
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
		response, err := (&http.Client{Transport: transport}).Get("https://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.Proto != protocol || response.StatusCode != http.StatusNotFound {
			t.Errorf("http2 %s: got %s and status %d, expected %s and 404", http2, response.Proto, response.StatusCode, protocol)
		}
		transport.CloseIdleConnections()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func TestTheSchemeIsHTTPWithoutTLS(t *testing.T) {
	file, _ := openWebConfig(t, "")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(listener, Options{Access: access.Options{WebConfig: file}, Logger: func() lager.Logger { return lager.NewLogger("test") }})
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.Scheme() != "http" {
		t.Errorf("got %s, expected http", s.Scheme())
	}
}

// pemOf returns a certificate and its key as YAML strings in PEM format.
func pemOf(t *testing.T, c tls.Certificate) (certificate, key string) {
	t.Helper()
	keyBytes, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, b []byte) string {
		return strconv.Quote(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})))
	}
	return text("CERTIFICATE", c.Certificate[0]), text("PRIVATE KEY", keyBytes)
}
