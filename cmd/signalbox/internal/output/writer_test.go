package output_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/output"
)

// A reader is a destination that accepts text only while it is not paused, or fails.
type reader struct {
	mu      sync.Mutex
	resumed *sync.Cond
	paused  bool
	err     error
	partial int // percentage of a text that is written before err
	text    bytes.Buffer
	sizes   []int
}

func newReader() *reader {
	r := &reader{}
	r.resumed = sync.NewCond(&r.mu)
	return r
}

func (r *reader) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.paused {
		r.resumed.Wait()
	}
	if r.err != nil {
		n, _ := r.text.Write(text[:r.partial*len(text)/100])
		return n, r.err
	}
	r.sizes = append(r.sizes, len(text))
	return r.text.Write(text)
}

func (r *reader) set(paused bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused, r.err = paused, err
	r.resumed.Broadcast()
}

func (r *reader) read() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func notice(lines uint64) []byte { return fmt.Appendf(nil, "dropped %d\n", lines) }

func closeWithin(t *testing.T, w *output.Writer, timeout time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return w.Close(ctx)
}

func TestWriterWritesLinesInOrder(t *testing.T) {
	r := newReader()
	w := output.New(r, output.Options{Notice: notice})
	var want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(io.MultiWriter(w, &want), "line %d\n", i)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.read(); got != want.String() || w.Dropped() != 0 {
		t.Errorf("got %d bytes and %d dropped lines, expected %d bytes and none", len(got), w.Dropped(), want.Len())
	}
	if n, err := io.WriteString(w, "late\n"); n != 5 || err != nil || w.Dropped() != 1 {
		t.Errorf("after Close: got %d, %v and %d dropped lines, expected the line to be dropped", n, err, w.Dropped())
	}
}

func TestWriterDropsAndCountsLinesWhileTheReaderIsPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		w := output.New(r, output.Options{MaxBytes: 20, Notice: notice})
		r.set(true, nil)
		io.WriteString(w, "being written\n")
		synctest.Wait()
		for i := range 10 {
			fmt.Fprintf(w, "line %d\n", i)
		}
		if w.Dropped() != 8 {
			t.Errorf("got %d dropped lines, expected 8", w.Dropped())
		}
		r.set(false, nil)
		synctest.Wait()
		io.WriteString(w, "next\n")
		closeWithin(t, w, time.Second)
		if got, want := r.read(), "being written\nline 0\nline 1\ndropped 8\nnext\n"; got != want {
			t.Errorf("got %q, expected %q", got, want)
		}
	})
}

func TestWriterAcceptsALargeTextIfNoneWaits(t *testing.T) {
	r := newReader()
	w := output.New(r, output.Options{MaxBytes: 20})
	text := strings.Repeat(strings.Repeat("x", 1000)+"\n", 100)
	io.WriteString(w, text)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.read(); got != text {
		t.Errorf("got %d bytes, expected %d", len(got), len(text))
	}
	for _, size := range r.sizes {
		if size > 16<<10 || size%1001 != 0 {
			t.Errorf("wrote %d bytes at once, expected whole lines of at most 16 KiB", size)
		}
	}
}

func TestWriterWritesLongLinesWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		w := output.New(r, output.Options{})
		var want strings.Builder
		var sizes []int
		r.set(true, nil)
		io.WriteString(w, "being written\n")
		synctest.Wait()
		for _, size := range []int{16<<10 - 1, 16 << 10, 16<<10 + 1, 100, 100 << 10, 300 << 10, 5} {
			io.WriteString(io.MultiWriter(w, &want), strings.Repeat("x", size-1)+"\n")
			sizes = append(sizes, size)
		}
		r.set(false, nil)
		closeWithin(t, w, time.Second)
		if got := r.read(); got != "being written\n"+want.String() {
			t.Errorf("got %d bytes, expected %d", len(got), want.Len())
		}
		if !slices.Equal(r.sizes[1:], sizes) {
			t.Errorf("wrote %v bytes at once, expected lines of %v", r.sizes[1:], sizes)
		}
	})
}

func TestAFailureWithinALineDoesNotChangeTheNextOne(t *testing.T) {
	for _, test := range []struct {
		partial int
		want    string
	}{
		{0, "d\ndropped 3\n"},
		{30, "aaa\nd\ndropped 3\n"},
		{40, "aaaa\nd\ndropped 2\n"}, // only the newline is missing
		{50, "aaaa\nd\ndropped 2\n"},
		{70, "aaaa\nbb\nd\ndropped 2\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newReader()
			w := output.New(r, output.Options{Notice: notice})
			r.partial = test.partial
			r.set(false, errors.New("disk full"))
			io.WriteString(w, "aaaa\nbbbb\n") // 10 bytes
			synctest.Wait()
			r.mu.Lock()
			r.partial = 0
			r.mu.Unlock()
			io.WriteString(w, "c\n")
			synctest.Wait()
			r.set(false, nil)
			io.WriteString(w, "d\n")
			synctest.Wait()
			closeWithin(t, w, time.Second)
			if got := r.read(); got != test.want {
				t.Errorf("%d %%: got %q, expected %q", test.partial, got, test.want)
			}
		})
	}
}

func TestCloseReturnsWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		w := output.New(r, output.Options{})
		r.set(true, nil)
		io.WriteString(w, "line\n")
		begin := time.Now()
		if err := closeWithin(t, w, 10*time.Second); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 10*time.Second {
			t.Errorf("got %v after %s, expected a timeout after 10s", err, time.Since(begin))
		}
		r.set(false, nil)
		synctest.Wait()
		if err := closeWithin(t, w, time.Second); err != nil || r.read() != "line\n" {
			t.Errorf("after the reader continued: got %q and %v", r.read(), err)
		}
	})
}

func TestWriterContinuesAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		var failures []error
		w := output.New(r, output.Options{Notice: notice, Failed: func(err error) { failures = append(failures, err) }})
		full := errors.New("disk full")
		r.set(false, full)
		for range 3 {
			io.WriteString(w, "a\nb\n")
			synctest.Wait() // also fails if the Writer tries again and again
		}
		if w.Dropped() != 6 || len(failures) != 1 || failures[0] != full {
			t.Errorf("got %d dropped lines and failures %v, expected 6 and one failure", w.Dropped(), failures)
		}
		r.set(false, nil)
		io.WriteString(w, "c\n")
		synctest.Wait()
		if got, want := r.read(), "c\ndropped 6\n"; got != want {
			t.Errorf("got %q, expected %q", got, want)
		}
		if err := closeWithin(t, w, time.Second); err != full {
			t.Errorf("got %v, expected the first error", err)
		}
	})
}

func TestRedrawWritesWithoutText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		w := output.New(r, output.Options{})
		w.Redraw()
		synctest.Wait()
		if len(r.sizes) != 1 || r.sizes[0] != 0 {
			t.Errorf("got writes of %d bytes, expected one without text", r.sizes)
		}
		closeWithin(t, w, time.Second)
	})
}

// TestWriterModel writes numbered lines while the reader pauses, fails and continues.
// Each line must be either read, in order, or counted by a notice or as lost.
func TestWriterModel(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			r := newReader()
			r.partial = random.IntN(100)
			w := output.New(r, output.Options{MaxBytes: 1 + random.IntN(100), Notice: func(lines uint64) []byte {
				return fmt.Appendf(nil, "dropped %d.\n", lines)
			}})
			lines, fails := 0, random.IntN(2) == 0
			for range 300 {
				switch n := random.IntN(10); {
				case n < 6:
					padding := random.IntN(30)
					if random.IntN(50) == 0 {
						padding = random.IntN(50_000)
					}
					fmt.Fprintf(w, "%d%*s.\n", lines, padding, "") // of different lengths
					lines++
				case n < 7:
					synctest.Wait()
				case n < 8:
					r.set(true, nil)
				case n < 9 && fails:
					r.set(false, errors.New("failure"))
				default:
					r.set(false, nil)
				}
			}
			r.set(false, nil)
			fmt.Fprintf(w, "%d.\n", lines)
			synctest.Wait()
			fmt.Fprintf(w, "%d.\n", lines+1)
			lines += 2
			closeWithin(t, w, time.Second)

			var got, reported, next int
			for line := range strings.Lines(r.read()) {
				line, whole := strings.CutSuffix(strings.TrimSpace(line), ".")
				if !whole && fails {
					continue // cut off by a failure
				}
				if count, ok := strings.CutPrefix(line, "dropped "); ok {
					n, _ := strconv.Atoi(count)
					reported += n
					continue
				}
				n, err := strconv.Atoi(strings.TrimSpace(line))
				if err != nil {
					t.Fatalf("seed %d: got line %.100q", seed, line)
				}
				if n < next || !fails && n != got+reported {
					t.Fatalf("seed %d: got line %d after %d lines and %d dropped ones", seed, n, got, reported)
				}
				next = n + 1
				got++
			}
			if got+reported != lines || uint64(reported) != w.Dropped() {
				t.Errorf("seed %d: got %d lines and %d reported as dropped, expected %d in total, %d of them dropped",
					seed, got, reported, lines, w.Dropped())
			}
		})
	}
}
