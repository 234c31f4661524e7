package webconfig

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// The same content can become valid, because it may name other files.
func TestTheSameContentIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		directory := t.TempDir()
		path, certificate := filepath.Join(directory, "web.yml"), filepath.Join(directory, "cert.pem")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		content := "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		missing := f.Err()
		if missing == nil {
			t.Fatal("got no error, expected one about the missing certificate")
		}
		if err := os.WriteFile(certificate, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.Err(); err == nil || err.Error() != missing.Error() {
			t.Errorf("got %v, expected the same error as before: %v", err, missing)
		}
		time.Sleep(retryInterval)
		if err := f.Err(); err == nil || err.Error() == missing.Error() {
			t.Errorf("got %v, expected another error than %v", err, missing)
		}
	})
}

// A listener may set the function while a scrape reads the state of the file.
func TestOnChangeDuringUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("a: b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if file.Err() == nil {
			t.Error("expected an error")
		}
	}()
	file.OnChange(func(error) {})
	<-done
}
