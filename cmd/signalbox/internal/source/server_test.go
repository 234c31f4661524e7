package source

import (
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/access"
)

func TestServerHasTimeouts(t *testing.T) {
	o := serverOptions(nil, access.Options{}, nil)
	for name, timeout := range map[string]time.Duration{"header": o.ReadHeaderTimeout, "body": o.ReadTimeout, "idle": o.IdleTimeout} {
		if timeout < time.Second || timeout > 10*time.Minute {
			t.Errorf("%s timeout: got %v, expected 1s to 10m", name, timeout)
		}
	}
}
