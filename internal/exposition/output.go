package exposition

import (
	"io"
	"sync"
)

// An output buffers what is written to w. The formats append to buf, and call
// flushIfFull regularly. After an error of w, the output discards what is written to
// it.
type output struct {
	w   io.Writer
	buf []byte
	err error
}

const (
	bufferSize = 64 << 10

	// flushSize leaves room for a few more series, so that the buffer rarely grows.
	flushSize = bufferSize - 4<<10
)

// flushIfFull writes the buffer to w if it is almost full. It returns false if w
// returned an error, which usually means that the scraper has disconnected.
func (o *output) flushIfFull() bool {
	if len(o.buf) >= flushSize {
		o.flush()
	}
	return o.err == nil
}

func (o *output) flush() {
	if o.err == nil && len(o.buf) > 0 {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

// Write implements io.Writer for the encoders of other packages.
func (o *output) Write(b []byte) (int, error) {
	o.buf = append(o.buf, b...)
	o.flushIfFull()
	return len(b), o.err
}

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, bufferSize)
	return &b
}}

func getBuffer() []byte { return (*buffers.Get().(*[]byte))[:0] }

func putBuffer(b []byte) {
	if cap(b) <= 4*bufferSize {
		buffers.Put(&b)
	}
}
