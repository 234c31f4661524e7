package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/internal/interval"
)

const (
	// progressInterval is how often progress is shown. What takes less shows none.
	progressInterval = 250 * time.Millisecond

	// rateSamples is over how many intervals the rate is taken: two seconds.
	rateSamples = 8
)

// A progress shows in the status of a screen how far a replay is. A nil progress
// shows nothing. Its counters may be added to at any time.
type progress struct {
	screen *screen
	size   int64 // of the input in bytes; 0 is unknown
	start  time.Time

	bytes, accepted, rejected atomic.Int64

	recent []rateSample // the latest, at most rateSamples
	stop   context.CancelFunc
	done   chan struct{} // closed when nothing more is shown
}

// A rateSample is how many events there were at a time.
type rateSample struct {
	at     time.Time
	events int64
}

// showProgress begins to show the progress of reading r. The caller must call Close.
func showProgress(s *screen, r io.Reader) *progress {
	ctx, stop := context.WithCancel(context.Background())
	p := &progress{
		screen: s,
		size:   sizeLeft(r),
		start:  time.Now(),
		stop:   stop,
		done:   make(chan struct{}),
	}
	go func() {
		defer close(p.done)
		interval.Run(ctx, progressInterval, func() { p.screen.show(p.status(time.Now())) })
		p.screen.show("")
	}()
	return p
}

// sizeLeft returns the number of bytes left to read, or 0 if that is not known.
func sizeLeft(r io.Reader) int64 {
	file, ok := regularFile(r)
	if !ok {
		return 0
	}
	info, err := file.Stat()
	offset, seekErr := file.Seek(0, io.SeekCurrent)
	if err != nil || seekErr != nil {
		return 0
	}
	return max(0, info.Size()-offset)
}

// count returns a reader of r that counts the bytes.
func (p *progress) count(r io.Reader) io.Reader {
	if p == nil {
		return r
	}
	return countingReader{r, &p.bytes}
}

type countingReader struct {
	io.Reader
	bytes *atomic.Int64
}

func (r countingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.bytes.Add(int64(n))
	return n, err
}

// Close ends it and clears the status. It may be called once.
func (p *progress) Close() {
	if p == nil {
		return
	}
	p.stop()
	<-p.done
}

// status is the progress in a line.
func (p *progress) status(now time.Time) string {
	events, bytes := p.accepted.Load(), p.bytes.Load()

	status := grouped(events) + " events"
	if rate := p.rate(now, events); rate >= 0 {
		status += ", " + grouped(rate) + "/s"
	}
	if p.size > 0 && bytes > 0 {
		// A file that grows is never more than read.
		bytes = min(bytes, p.size)
		left := time.Duration(float64(now.Sub(p.start)) * float64(p.size-bytes) / float64(bytes))
		status += fmt.Sprintf(", %d%%, %s left", bytes*100/p.size, left.Round(time.Second))
	}
	if rejected := p.rejected.Load(); rejected > 0 {
		status += ", " + grouped(rejected) + " rejected"
	}
	return status
}

// rate is how many events a second there were recently, or -1 if it is too early to
// tell.
func (p *progress) rate(now time.Time, events int64) int64 {
	rate := int64(-1)
	if len(p.recent) > 0 {
		oldest := p.recent[0]
		rate = int64(float64(events-oldest.events) / now.Sub(oldest.at).Seconds())
	}
	if len(p.recent) == rateSamples {
		p.recent = append(p.recent[:0], p.recent[1:]...)
	}
	p.recent = append(p.recent, rateSample{now, events})
	return rate
}

// grouped is a number, which is not negative, with commas between the thousands.
func grouped[N int64 | uint64](n N) string {
	digits := strconv.FormatUint(uint64(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
