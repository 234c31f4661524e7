package httpserver

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
)

// If a web configuration file becomes invalid while it is in use, the server logs the
// error, without passwords from the file.
func TestErrorsInTheWebConfigurationAreLogged(t *testing.T) {
	const valid = "basic_auth_users:\n  ops: $2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a\n"
	for _, invalid := range []string{"basic_auth_users: 5ecret\n", "basic_auth_users: {bob: *5ecret}\n", "basic_auth_users: {bob: !!int 5ecret}\n", "basic_auth_users: [5ecret]\n"} {
		file := filepath.Join(t.TempDir(), "web.yml")
		write := func(content string) {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(valid)
		logger := lagertest.NewTestLogger("test")
		listener, err := Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := New(listener, Options{
			Handler: http.NotFoundHandler(), WebConfigFile: file, Logger: func() lager.Logger { return logger },
		})
		s.Serve()
		get := func(expected int) {
			response, err := http.Get("http://" + listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != expected {
				t.Errorf("got status %d, expected %d", response.StatusCode, expected)
			}
		}
		get(http.StatusUnauthorized) // the server has read the valid file
		write(invalid)
		for range 3 {
			get(http.StatusInternalServerError)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		log := strings.Join(logger.LogMessages(), " ") + string(logger.Buffer().Contents())
		if !strings.Contains(log, "test.web-config-invalid") || !strings.Contains(log, "web.yml") {
			t.Errorf("%q: logged %s", invalid, log)
		}
		if strings.Contains(log, "5ecret") {
			t.Errorf("%q: the password is in the log: %s", invalid, log)
		}
	}
}

func TestTheLogOfTheHTTPServerHidesPasswords(t *testing.T) {
	logger := lagertest.NewTestLogger("test")
	w := logWriter{Options{WebConfigFile: "web.yml", Logger: func() lager.Logger { return logger }}}
	for _, err := range []string{"cannot unmarshal !!str `5ecret` into map[string]config.Secret", "yaml: unknown anchor '5ecret' referenced"} {
		if _, err := w.Write([]byte("http: TLS handshake error from 127.0.0.1:1: " + err + "\n")); err != nil {
			t.Error(err)
		}
	}
	if log := string(logger.Buffer().Contents()); strings.Contains(log, "5ecret") || !strings.Contains(log, "TLS handshake error") {
		t.Errorf("logged %s", log)
	}
}

func TestTheSchemeDoesNotChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	for scheme, content := range map[string]string{"http": "", "https": "tls_server_config: {cert_file: a, key_file: b}\n"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		listener, err := Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := New(listener, Options{WebConfigFile: file, Logger: func() lager.Logger { return lager.NewLogger("test") }})
		if err := s.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if s.Scheme() != scheme {
			t.Errorf("got %s, expected %s", s.Scheme(), scheme)
		}
	}
}
