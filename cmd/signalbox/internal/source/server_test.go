package source

import (
	"testing"
	"time"
)

func TestAClientHasLimitedTimeAndSpace(t *testing.T) {
	o := serverOptions(nil, nil)
	for name, timeout := range map[string]time.Duration{"header": o.ReadHeaderTimeout, "body": o.ReadTimeout, "idle": o.IdleTimeout} {
		if timeout < time.Second || timeout > 10*time.Minute {
			t.Errorf("%s: %v", name, timeout)
		}
	}
	if o.MaxHeaderBytes < 1<<10 || o.MaxHeaderBytes > 1<<20 {
		t.Errorf("%d bytes of a header", o.MaxHeaderBytes)
	}
}
