package agents

import (
	"net/http/httptest"
	"strings"
	"testing"

	"code.cloudfoundry.org/lager/v3"
)

// A handler must not keep the buffer of an outsized body, whose memory few bodies
// need, and must keep others for the next request.
func TestOutsizedBuffersAreNotKept(t *testing.T) {
	h := NewHandler(Options{Logger: lager.NewLogger("test")}).(*handler)
	created := 0
	newBuffers := h.buffers.New
	h.buffers.New = func() any { created++; return newBuffers() }
	post := func(size int) {
		body := strings.NewReader(strings.Repeat(" ", size))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", Path, body))
	}

	// With the race detector a sync.Pool drops some of what it gets.
	const requests = 10
	for range requests {
		post(1000)
	}
	if created == requests {
		t.Errorf("no buffer of %d was used again", requests)
	}
	for range requests {
		post(maxKeptBytes + 1)
		if b := h.buffers.Get().(*buffers); b.body.Cap() > maxKeptBytes {
			t.Fatalf("a buffer of %d bytes is kept, expected at most %d", b.body.Cap(), maxKeptBytes)
		}
	}
}
