package azuredevops_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/azuredevops"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload/payloadtest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/signature"
)

func TestTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("next-token\nsignalbox-fixture-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := azuredevops.NewSource()
	if _, err := flags.NewParser(s, flags.None).ParseArgs([]string{"--token-file", file}); err != nil {
		t.Fatal(err)
	}
	v, err := s.NewVerifier(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		authorization string
		want          error
	}{
		{payloadtest.Load(t, "testdata")[0].Header.Get("Authorization"), nil},
		{"Bearer next-token", nil},
		{"Bearer other-token", signature.ErrMismatch},
		{"Bearer ", signature.ErrMissing},
		{"Basic Og==", signature.ErrMissing},
		{"Basic %", signature.ErrMalformed},
	} {
		r := httptest.NewRequest("POST", "/webhooks/azuredevops", nil)
		r.Header.Set("Authorization", c.authorization)
		if err := v.CheckHeader(r, time.Time{}); !errors.Is(err, c.want) {
			t.Errorf("%s: the header: got %v, expected %v", c.authorization, err, c.want)
		}
		if err := v.Verify(r, nil, time.Time{}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, expected %v", c.authorization, err, c.want)
		}
	}
}
