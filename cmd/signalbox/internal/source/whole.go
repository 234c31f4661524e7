package source

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// WholeBodies reads the bodies of requests that must be complete before anything in
// them is applied. It limits the size of each body and the memory for all of them. It
// is safe for concurrent use.
type WholeBodies struct {
	// MaxBytes is the maximum size of a body as it is sent. The default is 16 MiB.
	MaxBytes int64

	// Buffer grants the memory for the bodies. Nil means that memory is not limited.
	Buffer *membudget.Budget
}

// A WholeBody is a body that was read completely, before decompression. The caller must
// call Close.
type WholeBody struct {
	request *http.Request
	content []byte
	memory  reservation
}

// Open reads the body of a request. If it cannot, it responds to the request, logs the
// rejection, and returns false.
func (b *WholeBodies) Open(w http.ResponseWriter, r *http.Request, rejections *Rejections) (*WholeBody, bool) {
	whole := &WholeBody{request: r, memory: reservation{budget: b.Buffer}}
	if open, ok := r.Body.(*rewound); ok { // the caller has a WholeBody of this request
		whole.content, whole.memory.others = open.content, open.reserved
		return whole, true
	}
	status, err := whole.read(r.Body, r.ContentLength, cmp.Or(b.MaxBytes, 16<<20))
	if err == nil {
		return whole, true
	}
	whole.Close()
	rejections.Log("body-rejected", err, lager.Data{"remote": r.RemoteAddr, "status": status})
	Reject(w, status, err.Error())
	return nil, false
}

// read reads the body, of at most limit bytes. length is its declared length, or -1. If
// it fails, it returns an error and the status of the response.
func (b *WholeBody) read(r io.Reader, length, limit int64) (int, error) {
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
			old := b.memory.bytes
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
	r.Body = &rewound{*bytes.NewReader(b.content), b.content, b.memory.others + b.memory.bytes}
	return r
}

// Close releases the memory.
func (b *WholeBody) Close() {
	b.content = nil
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
