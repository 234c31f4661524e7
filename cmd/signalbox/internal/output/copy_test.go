package output_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/output"
)

func TestCopyWaitsForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		w := output.New(slow{r}, output.Options{MaxBytes: 30})
		c := w.NewCopy(5*time.Second, func() { t.Error("stalled") })
		var want strings.Builder
		for i := range 100 {
			fmt.Fprintf(io.MultiWriter(c, &want), "line %d\n", i)
		}
		c.Flush()
		if got := r.read(); got != want.String() || w.Dropped() != 0 {
			t.Errorf("got %d bytes and %d dropped lines, expected %d bytes and none", len(got), w.Dropped(), want.Len())
		}
		closeWithin(t, w, time.Second)
	})
}

// slow takes four seconds for each write.
type slow struct{ io.Writer }

func (s slow) Write(text []byte) (int, error) {
	time.Sleep(4 * time.Second) // simulated time
	return s.Writer.Write(text)
}

func TestCopyDropsLinesAfterItsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		w := output.New(r, output.Options{MaxBytes: 10})
		stalls := 0
		c := w.NewCopy(5*time.Second, func() { stalls++ })
		r.set(true, nil)
		io.WriteString(c, "being written\n")
		synctest.Wait()
		io.WriteString(c, "one\ntwo") // fits
		begin := time.Now()
		for range 3 {
			io.WriteString(c, " words\nthree") // would end the line "two"
		}
		if waited := time.Since(begin); waited != 5*time.Second || stalls != 1 || w.Dropped() != 4 {
			t.Errorf("waited %s, with %d stalls and %d dropped lines; expected 5s, 1 and 4", waited, stalls, w.Dropped())
		}
		r.set(false, nil)
		synctest.Wait()
		io.WriteString(c, " is dropped\nfour\n")
		synctest.Wait()

		r.set(true, nil)
		io.WriteString(c, "being written\n")
		synctest.Wait()
		io.WriteString(c, "five\nsix\n")
		begin = time.Now()
		io.WriteString(c, "seven\n")
		if waited := time.Since(begin); waited != 5*time.Second || stalls != 2 {
			t.Errorf("waited %s, with %d stalls; expected 5s and 2", waited, stalls)
		}
		r.set(false, nil)
		closeWithin(t, w, time.Second)
		if got, want := r.read(), "being written\none\ntwo\nfour\nbeing written\nfive\nsix\n"; got != want {
			t.Errorf("got %q, expected %q", got, want)
		}
	})
}

func TestCopyWithoutPatienceWaitsUntilStopWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		w := output.New(r, output.Options{MaxBytes: 5})
		c := w.NewCopy(0, func() {})
		r.set(true, nil)
		time.AfterFunc(time.Hour, c.StopWaiting)
		begin := time.Now()
		for i := range 10 {
			fmt.Fprintf(c, "line %d\n", i)
			synctest.Wait()
		}
		if waited := time.Since(begin); waited != time.Hour || w.Dropped() != 8 {
			t.Errorf("waited %s and dropped %d lines, expected 1h and 8", waited, w.Dropped())
		}
		c.Flush() // returns at once after StopWaiting
		r.set(false, nil)
		closeWithin(t, w, time.Second)
		if got, want := r.read(), "line 0\nline 1\n"; got != want {
			t.Errorf("got %q, expected %q", got, want)
		}
	})
}

func TestCopyContinuesOnANewLineAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader()
		w := output.New(r, output.Options{})
		c := w.NewCopy(5*time.Second, func() {})
		io.WriteString(c, "one\ntwo")
		synctest.Wait()
		r.set(false, errors.New("disk full"))
		io.WriteString(c, " words\n")
		synctest.Wait()
		r.set(false, nil)
		io.WriteString(c, "three\n")
		closeWithin(t, w, time.Second)
		if got, want := r.read(), "one\ntwo\nthree\n"; got != want || w.Dropped() != 1 {
			t.Errorf("got %q and %d dropped lines, expected %q and 1", got, w.Dropped(), want)
		}
	})
}
