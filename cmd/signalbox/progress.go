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
	// progressInterval is the time between updates. An input that ends sooner shows no
	// progress.
	progressInterval = 250 * time.Millisecond

	// rateSamples is the number of intervals over which the rate is measured: two
	// seconds.
	rateSamples = 8
)

// A progress shows how much of a replay has been read, as the status of a screen. The
// methods count and Close of a nil progress do nothing. Its counters are safe for
// concurrent use.
type progress struct {
	screen *screen
	size   int64 // size of the input in bytes; 0 means unknown
	start  time.Time

	bytes, accepted, rejected atomic.Int64

	recent []rateSample // latest samples, at most rateSamples
	stop   context.CancelFunc
	done   chan struct{} // closed when no more progress is shown
}

// A rateSample is the number of events up to a time.
type rateSample struct {
	at     time.Time
	events int64
}

// showProgress starts showing the progress of reading r. The caller must call Close.
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

// sizeLeft returns the number of bytes left to read, or 0 if it is unknown.
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

// count returns a reader that reads from r and counts the bytes.
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

// Close stops showing progress and clears the status. It may be called only once.
func (p *progress) Close() {
	if p == nil {
		return
	}
	p.stop()
	<-p.done
}

// status returns the progress as one line.
func (p *progress) status(now time.Time) string {
	events, bytes := p.accepted.Load(), p.bytes.Load()

	status := counted(uint64(events), "event")
	if rate := p.rate(now, events); rate >= 0 {
		status += ", " + grouped(rate) + "/s"
	}
	if p.size > 0 && bytes > 0 {
		// If the file has grown, show 100%.
		bytes = min(bytes, p.size)
		left := time.Duration(float64(now.Sub(p.start)) * float64(p.size-bytes) / float64(bytes))
		status += fmt.Sprintf(", %d%%, %s left", bytes*100/p.size, left.Round(time.Second))
	}
	if rejected := p.rejected.Load(); rejected > 0 {
		status += ", " + grouped(rejected) + " rejected"
	}
	return status
}

// rate returns the number of events per second in the recent past, or -1 if there is no
// earlier sample.
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

// grouped formats a number of at least 0 with commas between groups of three digits.
func grouped[N int64 | uint64](n N) string {
	digits := strconv.FormatUint(uint64(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
