package pushgateway

import (
	"bytes"
	"testing"
)

func TestOversizedBuffersAreNotKept(t *testing.T) {
	for range 10 { // with the race detector, a sync.Pool drops some of its elements
		release(bytes.NewBuffer(make([]byte, 0, maxKeptBytes+1)))
		if b := buffers.Get().(*bytes.Buffer); b.Cap() > maxKeptBytes {
			t.Fatalf("a buffer of %d bytes is kept, expected at most %d", b.Cap(), maxKeptBytes)
		}
	}
}
