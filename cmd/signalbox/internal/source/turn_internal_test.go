package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
)

// takeTurns takes all turns for bodies of any size until the end of the test.
func takeTurns(t *testing.T) {
	t.Helper()
	for range cap(turns) {
		var held turn
		held.take()
		t.Cleanup(held.end)
	}
}

// A job that pushes a few lines must not wait while large bodies are decoded: if one of
// these calls waited for a turn, the test would not end.
func TestSmallBodiesDoNotWaitForLargeOnes(t *testing.T) {
	takeTurns(t)
	content := "x 1\n"
	body, _ := NewBody(strings.NewReader(content), "", 1<<20, nil)
	defer body.Close()
	if read, err := body.ReadAll(); string(read) != content || err != nil {
		t.Errorf("read %q and %v, expected %q", read, err, content)
	}
	called := false
	InTurn(len(content), func() { called = true })
	if !called {
		t.Error("the function was not called")
	}
}

// A body that is not compressed can be read without a turn, whatever its size and its
// errors are, since nothing is computed meanwhile.
func TestReadingAWholeBodyTakesNoTurn(t *testing.T) {
	takeTurns(t)
	body, _ := NewBody(strings.NewReader(strings.Repeat("x", 1<<20)), "", 1<<20, nil)
	defer body.Close()
	if read, err := body.ReadAll(); len(read) != 1<<20 || err != nil {
		t.Errorf("read %d bytes and %v, expected a mebibyte", len(read), err)
	}
	tooLarge, _ := NewBody(strings.NewReader(strings.Repeat("x", 1<<20+1)), "", 1<<20, nil)
	defer tooLarge.Close()
	if _, err := tooLarge.ReadAll(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, expected that the body is too large", err)
	}
}

func TestTurnsAreGivenUp(t *testing.T) {
	for _, encoding := range []string{"", "gzip"} {
		content := "x 1\n"
		if encoding == "gzip" {
			content = sourcetest.Gzip(content)
		}
		body, _ := NewBody(strings.NewReader(content), encoding, 1<<20, nil)
		body.Read(make([]byte, 1)) //nolint:errcheck // as a decoder does
		if len(turns) != 1 {
			t.Errorf("%q: got %d turns taken while the body is decoded, expected 1", encoding, len(turns))
		}
		body.Close()
		InTurn(maxSmallBytes+1, func() {
			if len(turns) != 1 {
				t.Errorf("got %d turns taken, expected 1", len(turns))
			}
		})
		if len(turns)+len(smallTurns) != 0 {
			t.Errorf("%q: got %d turns taken at the end, expected none", encoding, len(turns)+len(smallTurns))
		}
	}
}
