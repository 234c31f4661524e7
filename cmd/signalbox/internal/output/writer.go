// Package output writes the log and other lines of a daemon in the background, so that
// a reader that has stopped reading, such as a full pipe, does not stop the daemon.
package output

import (
	"bytes"
	"context"
	"io"
	"sync"
)

const (
	// defaultMaxBytes is the default of Options.MaxBytes. It holds a few thousand log
	// lines, which is enough for a burst or a pause of the reader.
	defaultMaxBytes = 1 << 20

	// maxPiece is the maximum number of bytes written at once, unless a whole line is
	// longer. It is small, so that a Writer notices the progress of a slow reader.
	maxPiece = 16 << 10
)

// Options configure a Writer.
type Options struct {
	// MaxBytes is the maximum size of text that waits to be written, in addition to the
	// text that is being written, which has at most the same size. A single text may
	// exceed it. Zero means 1 MiB.
	MaxBytes int

	// Notice, if not nil, returns a line to write in place of lines that were dropped.
	Notice func(lines uint64) []byte

	// Failed, if not nil, is called with the error of the first write that fails.
	Failed func(error)
}

// A Writer writes lines to another writer, in a goroutine. Its method Write never waits
// and never fails: if too much text waits to be written, or the other writer fails, the
// Writer drops and counts whole lines. If a failure cuts a line off, the next line
// still begins on a line of its own. The methods of a Writer are safe for concurrent
// use. The caller must call Close.
type Writer struct {
	to   io.Writer
	o    Options
	done chan struct{} // closed when the goroutine has returned

	mu         sync.Mutex // protects the following fields
	changed    *sync.Cond // broadcasts when one of them changes
	queue      []byte     // text that waits to be written
	writing    bool       // whether other text is being written
	redraw     bool       // whether to write even if there is no text
	dropping   bool       // whether a text was dropped after the text in queue
	failing    bool       // whether to wait for the next text before trying again
	closed     bool
	pieces     uint64 // number of pieces written, or tried
	dropped    uint64 // number of lines dropped
	unreported uint64 // how many of them no Notice has reported
	err        error  // error of the first write that failed
}

// New returns a Writer that writes to w, and starts its goroutine.
func New(w io.Writer, o Options) *Writer {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	writer := &Writer{to: w, o: o, done: make(chan struct{})}
	writer.changed = sync.NewCond(&writer.mu)
	go writer.run()
	return writer
}

// Write queues text, which must be one or more whole lines, or drops and counts them.
func (w *Writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hasRoomLocked(len(text)) {
		w.addLocked(text)
	} else {
		w.dropLocked(countLines(text))
		w.dropping = true
	}
	return len(text), nil
}

// Redraw makes the Writer call the other writer even if there is no text to write. A
// screen then shows its current status.
func (w *Writer) Redraw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.redraw = true
	w.changed.Broadcast()
}

// Dropped returns the number of lines that were dropped.
func (w *Writer) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Close waits until all lines are written or the context ends. From then on, Write
// drops all lines. Close returns the error of the first write that failed, or the
// context's error. If the context has ended, a write may still be in progress.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.changed.Broadcast()
	w.mu.Unlock()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hasRoomLocked reports whether text of the given size can be queued. The caller must
// hold mu, as for all methods whose names end in Locked.
func (w *Writer) hasRoomLocked(size int) bool {
	return !w.closed && !w.dropping && (len(w.queue) == 0 || len(w.queue)+size <= w.o.MaxBytes)
}

func (w *Writer) addLocked(text []byte) {
	w.queue = append(w.queue, text...)
	w.failing = false
	w.changed.Broadcast()
}

func (w *Writer) dropLocked(lines uint64) {
	w.dropped += lines
	w.unreported += lines
}

// run writes the queue until the Writer is closed.
func (w *Writer) run() {
	defer close(w.done)
	var batch []byte
	var midLine bool // whether the last text that was written did not end with a newline
	var cut bool     // whether a failure cut off the rest of that line
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for !w.pendingLocked() && !w.closed {
			w.changed.Wait()
		}
		if !w.pendingLocked() {
			return
		}
		batch, w.queue = w.queue, batch[:0]
		w.dropping, w.redraw = false, false

		// Lines for which there was no room came after those in the batch, so the
		// notice follows them. Lines of an earlier batch that failed are part of it.
		lost := w.unreported
		var notice []byte
		if w.o.Notice != nil && lost > 0 {
			notice = w.o.Notice(lost)
		}
		w.unreported = 0
		w.changed.Broadcast()

		w.writing = true
		var err error
		if cut {
			_, err = w.writeLocked(newline)
			cut, midLine = err != nil, err != nil
		}
		text, written := append(batch, notice...), 0
		if err == nil {
			written, err = w.writeLocked(text)
		}
		w.writing = false
		w.changed.Broadcast()
		if written > 0 {
			midLine = text[written-1] != '\n'
		}
		if err == nil {
			continue
		}
		w.failing = true
		if cut = midLine; cut && written < len(text) && text[written] == '\n' {
			written++ // it is written before the next batch
		}
		if left := batch[min(written, len(batch)):]; len(left) > 0 {
			w.dropLocked(countLines(left))
		}
		if written < len(text) {
			w.unreported += lost
		}
		if first := w.err == nil; first {
			w.err = err
			if w.o.Failed != nil {
				w.mu.Unlock()
				w.o.Failed(err)
				w.mu.Lock()
			}
		}
	}
}

// pendingLocked reports whether there is something to write.
func (w *Writer) pendingLocked() bool {
	return len(w.queue) > 0 || w.redraw || w.o.Notice != nil && w.unreported > 0 && !w.failing
}

// writeLocked writes a batch in pieces, without holding the lock meanwhile. It returns
// the number of bytes written.
func (w *Writer) writeLocked(batch []byte) (written int, err error) {
	for {
		piece := firstPiece(batch[written:])
		w.mu.Unlock()
		n, err := w.to.Write(piece)
		w.mu.Lock()
		written += n
		w.pieces++
		w.changed.Broadcast()
		if err != nil || written >= len(batch) {
			return written, err
		}
	}
}

// firstPiece returns as many lines of text as fit in a piece, but at least one whole
// line. If the first line has no end yet, because a Copy is still reading it,
// firstPiece returns as much of it as fits.
func firstPiece(text []byte) []byte {
	if len(text) <= maxPiece {
		return text
	}
	if end := bytes.LastIndexByte(text[:maxPiece], '\n'); end >= 0 {
		return text[:end+1]
	}
	if end := bytes.IndexByte(text[maxPiece:], '\n'); end >= 0 {
		return text[:maxPiece+end+1]
	}
	return text[:maxPiece]
}

// countLines returns the number of lines in text. The last one need not end with a
// newline.
func countLines(text []byte) uint64 {
	n := bytes.Count(text, newline)
	if !bytes.HasSuffix(text, newline) {
		n++
	}
	return uint64(n)
}

var newline = []byte{'\n'}
