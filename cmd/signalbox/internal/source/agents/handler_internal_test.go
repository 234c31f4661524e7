package agents

import (
	"net/http/httptest"
	"strings"
	"testing"

	"code.cloudfoundry.org/lager/v3"
)

// A handler must keep its buffers for the next request, unless an oversized body has
// made them larger than most requests need.
func TestOversizedBuffersAreNotKept(t *testing.T) {
	h := NewHandler(Options{Logger: lager.NewLogger("test")}).(*handler)
	created := 0
	newBuffers := h.buffers.New
	h.buffers.New = func() any { created++; return newBuffers() }
	post := func(size int) {
		body := strings.NewReader(strings.Repeat(" ", size))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", Path, body))
	}

	// With the race detector, a sync.Pool drops some of its elements.
	const requests = 10
	for range requests {
		post(1000)
	}
	if created == requests {
		t.Errorf("none of %d requests reused a buffer", requests)
	}
	for range requests {
		post(maxKeptBytes + 1)
		if b := h.buffers.Get().(*buffers); b.body.Cap() > maxKeptBytes {
			t.Fatalf("a buffer of %d bytes is kept, expected at most %d", b.body.Cap(), maxKeptBytes)
		}
	}
}
