package source

import (
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/access"
)

func TestServerHasTimeoutsAndHeaderLimit(t *testing.T) {
	o := serverOptions(nil, access.Options{}, nil)
	for name, timeout := range map[string]time.Duration{"header": o.ReadHeaderTimeout, "body": o.ReadTimeout, "idle": o.IdleTimeout} {
		if timeout < time.Second || timeout > 10*time.Minute {
			t.Errorf("%s timeout: got %v, expected 1s to 10m", name, timeout)
		}
	}
	if o.MaxHeaderBytes < 1<<10 || o.MaxHeaderBytes > 1<<20 {
		t.Errorf("got MaxHeaderBytes %d, expected 1 KiB to 1 MiB", o.MaxHeaderBytes)
	}
}
