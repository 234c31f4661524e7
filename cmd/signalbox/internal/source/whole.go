package source

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// WholeBodies reads the bodies of requests that must be complete before anything in
// them is applied. It limits the size of each body and the memory for all of them. It
// is safe for concurrent use.
type WholeBodies struct {
	// MaxBytes is the maximum size of a body as it is sent. The default is 16 MiB.
	MaxBytes int64

	// MaxTotalBytes is the maximum size of all bodies that are held. The default is
	// 64 MiB.
	MaxTotalBytes int64

	// Buffer, if not nil, grants the memory for the bodies.
	Buffer *membudget.Budget

	held atomic.Int64
}

// A WholeBody is a body that was read completely, before decompression. The caller must
// call Close.
type WholeBody struct {
	bodies  *WholeBodies
	request *http.Request
	content []byte
	held    int64
	memory  reservation // at least held
}

// Open reads the body of a request. If it cannot, it responds to the request, logs the
// rejection, and returns false.
func (b *WholeBodies) Open(w http.ResponseWriter, r *http.Request, rejections *Rejections) (*WholeBody, bool) {
	if open, ok := r.Body.(*rewound); ok {
		return &WholeBody{bodies: b, request: r, content: open.content}, true
	}
	whole := &WholeBody{bodies: b, request: r, memory: reservation{budget: b.Buffer}}
	status, err := whole.read(r.Body, r.ContentLength)
	if err == nil {
		return whole, true
	}
	whole.Close()
	rejections.Log("body-rejected", err, lager.Data{"remote": r.RemoteAddr, "status": status})
	Reject(w, status, err.Error())
	return nil, false
}

// read reads the body. length is its declared length, or -1. If it fails, it returns an
// error and the status of the response.
func (b *WholeBody) read(r io.Reader, length int64) (int, error) {
	limit, total := orDefault(b.bodies.MaxBytes, 16<<20), orDefault(b.bodies.MaxTotalBytes, 64<<20)
	tooLarge := func() (int, error) {
		return http.StatusRequestEntityTooLarge, fmt.Errorf("%w: more than the limit of %d bytes for a request that is applied as a whole; nothing was applied", ErrTooLarge, limit)
	}
	if length > limit {
		return tooLarge()
	}
	for {
		if len(b.content) == cap(b.content) {
			// Memory is granted only as the body arrives: a client cannot reserve it by
			// declaring a length.
			size := max(firstBytes, 2*int64(cap(b.content)))
			if length >= 0 {
				size = min(size, length+1) // the last byte is for the end of the body
			}
			if b.bodies.held.Add(size-b.held) > total {
				b.bodies.held.Add(b.held - size)
				return http.StatusServiceUnavailable, fmt.Errorf("requests that are applied as a whole hold too much memory, more than %d bytes: repeat the request later", total)
			}
			old := b.held
			b.held = size
			if err := b.memory.add(size); err != nil {
				return StatusOf(0, err), fmt.Errorf("%w; nothing was applied", err)
			}
			b.content = append(make([]byte, 0, size), b.content...)
			b.memory.release(old)
		}
		n, err := r.Read(b.content[len(b.content):cap(b.content)])
		b.content = b.content[:len(b.content)+n]
		switch {
		case int64(len(b.content)) > limit:
			return tooLarge()
		case err == io.EOF:
			return 0, nil
		case err != nil:
			return http.StatusBadRequest, fmt.Errorf("%w; nothing was applied", Explain(err))
		}
	}
}

// Bytes returns the body as it was sent.
func (b *WholeBody) Bytes() []byte { return b.content }

// Request returns a copy of the request whose body is read from the beginning. It is
// valid until Close.
func (b *WholeBody) Request() *http.Request {
	r := new(http.Request)
	*r = *b.request
	r.Body = &rewound{*bytes.NewReader(b.content), b.content, b.memory.bytes}
	return r
}

// Close releases the memory.
func (b *WholeBody) Close() {
	b.bodies.held.Add(-b.held)
	b.held, b.content = 0, nil
	b.memory.release(b.memory.bytes)
}

// A rewound is a body that is held in memory.
type rewound struct {
	bytes.Reader
	content  []byte
	reserved int64 // number of bytes of the budget that it takes up
}

// Close implements io.Closer.
func (*rewound) Close() error { return nil }

func orDefault(value, byDefault int64) int64 {
	if value == 0 {
		return byDefault
	}
	return value
}
