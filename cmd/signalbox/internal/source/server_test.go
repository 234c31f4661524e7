package source

import (
	"testing"
	"time"
)

func TestAClientHasLimitedTime(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"header": readHeaderTimeout, "body": readTimeout, "idle": idleTimeout} {
		if timeout < time.Second || timeout > 10*time.Minute {
			t.Errorf("%s: %v", name, timeout)
		}
	}
}
