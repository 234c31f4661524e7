package exposition

import (
	"io"
	"sync"
)

// An output gathers what is written until there is enough of it to pass on. The formats
// append to buf, and call spill now and then. After an error it drops what is written.
type output struct {
	w   io.Writer
	buf []byte
	err error
}

const (
	bufferSize = 64 << 10

	// spillAt leaves room for a few series, so that the buffer rarely grows.
	spillAt = bufferSize - 4<<10
)

// spill passes the content of the buffer on if there is much of it. It returns
// false if the scraper is gone.
func (o *output) spill() bool {
	if len(o.buf) >= spillAt {
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

// Write implements io.Writer, for encoders of other packages.
func (o *output) Write(b []byte) (int, error) {
	o.buf = append(o.buf, b...)
	o.spill()
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
