package output

import (
	"bytes"
	"time"
)

// A Copy writes a copy of an input to a Writer. Unlike Writer.Write, its method Write
// waits for room, so that a reader that is slower than the input loses nothing. It
// drops and counts lines while the reader has stopped reading. A Copy must be used by
// one goroutine, except for StopWaiting.
type Copy struct {
	w        *Writer
	patience time.Duration
	stalled  func()

	impatient bool   // whether StopWaiting was called; protected by Writer.mu
	gaveUp    bool   // whether waiting took longer than patience
	gaveUpAt  uint64 // Writer.pieces at that time

	cut     bool // whether the last line was written in part
	midLine bool // whether the last text that was written did not end with a newline
	skip    bool // whether to drop the rest of the current line
}

// NewCopy returns a Copy to w. A write waits as long as the reader makes progress, and
// for the given time, the patience, after it has stopped. If the patience is 0, the
// write waits until StopWaiting is called. stalled is called whenever the Copy begins
// to drop lines.
func (w *Writer) NewCopy(patience time.Duration, stalled func()) *Copy {
	return &Copy{w: w, patience: patience, stalled: stalled}
}

// StopWaiting makes all writes, including one in progress, drop lines for which there
// is no room. It may be called from any goroutine.
func (c *Copy) StopWaiting() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.impatient = true
	c.w.changed.Broadcast()
}

// Flush waits until all text is written. It waits no longer than Write does.
func (c *Copy) Flush() {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.waitLocked(func() bool { return len(c.w.queue) == 0 && !c.w.writing })
}

// Write writes a part of a line, or whole lines. It never fails.
func (c *Copy) Write(text []byte) (int, error) {
	size := len(text)
	if c.skip {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return size, nil
		}
		c.skip, text = false, text[end+1:]
	}
	if len(text) == 0 {
		return size, nil
	}
	written, began := c.write(text)
	endsLine := text[len(text)-1] == '\n'
	if written {
		c.midLine = !endsLine
	} else {
		c.cut = c.cut || c.midLine
		c.midLine, c.skip = false, !endsLine
	}
	if began {
		c.stalled()
	}
	return size, nil
}

// write queues text, or drops it. It reports whether it was queued, and whether
// dropping began.
func (c *Copy) write(text []byte) (written, began bool) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if c.gaveUp && c.gaveUpAt != c.w.pieces {
		c.gaveUp = false
	}
	if !c.waitLocked(func() bool { return c.w.hasRoomLocked(len(text)) }) {
		began = !c.gaveUp
		c.gaveUp, c.gaveUpAt = true, c.w.pieces
		c.w.dropLocked(countLines(text))
		return false, began
	}
	if c.cut {
		c.w.addLocked(newline)
		c.cut = false
	}
	c.w.addLocked(text)
	return true, false
}

// waitLocked waits until the condition holds, and reports whether it does.
func (c *Copy) waitLocked(condition func() bool) bool {
	if condition() {
		return true
	}
	if c.gaveUp || c.impatient || c.w.closed {
		return false
	}
	expired := false
	pieces := c.w.pieces
	var timer *time.Timer
	if c.patience > 0 {
		timer = time.AfterFunc(c.patience, func() {
			c.w.mu.Lock()
			defer c.w.mu.Unlock()
			expired = true
			c.w.changed.Broadcast()
		})
		defer timer.Stop()
	}
	for !condition() && !expired && !c.impatient && !c.w.closed {
		if timer != nil && c.w.pieces != pieces {
			pieces = c.w.pieces
			timer.Reset(c.patience)
		}
		c.w.changed.Wait()
	}
	return condition()
}
