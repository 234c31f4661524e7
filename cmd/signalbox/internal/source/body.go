package source

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// ErrTooLarge is wrapped by every error about a body that exceeds its limit.
var ErrTooLarge = errors.New("the body is too large")

// A Body is the body of a request, decompressed and limited in size. Read returns an
// error if the body is too large or cannot be decompressed; Explain adds an explanation
// for the client. The caller must call Close.
type Body struct {
	sent     sentBody
	encoding string // for errors

	// decompressors is nil if the body is not compressed. decompressor is nil until the
	// first Read, and always if the body is not compressed.
	decompressors *sync.Pool
	decompressor  decompressor

	limit, left int64
	err         error // the error that ended reading
}

// OpenBody returns the body of a request, limited to limit bytes after decompression.
// It returns an error if the Content-Encoding is not supported.
func OpenBody(r *http.Request, limit int64) (*Body, error) {
	encoding := r.Header.Get("Content-Encoding")
	b, ok := NewBody(r.Body, encoding, limit)
	if !ok {
		return nil, fmt.Errorf("got Content-Encoding %s, expected one of %s", excerpt.Quote(encoding), Encodings)
	}
	if encoding == "" && r.ContentLength > limit {
		// Read nothing, so that the client can split the body and send all of it again.
		b.err = fmt.Errorf("%w: %d bytes, more than the limit of %d bytes; nothing was applied", ErrTooLarge, r.ContentLength, limit)
	}
	return b, nil
}

// NewBody returns a Body that reads and decompresses sent. encoding is the value of
// Content-Encoding, and limit is the maximum number of bytes after decompression.
// NewBody reports whether the encoding is supported.
func NewBody(sent io.Reader, encoding string, limit int64) (*Body, bool) {
	name, decompressors, ok := decompressorsFor(encoding)
	b := &Body{
		sent:          sentBody{r: sent, limit: limit},
		encoding:      name,
		decompressors: decompressors,
		limit:         limit,
		left:          limit,
	}
	if decompressors != nil {
		b.sent.limit += framingBytes
	}
	return b, ok
}

// Read implements io.Reader. After an error it returns the same error again.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}

	// Read up to one byte more than the limit, to detect that the body exceeds it.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.decompress(p)
	b.left -= int64(n)
	if b.left < 0 {
		n, err = n-1, tooLarge(b.limit)
	}
	b.err = err
	return n, err
}

// decompress is Read without the limit on the decompressed size.
func (b *Body) decompress(p []byte) (n int, err error) {
	if b.decompressors == nil {
		return b.sent.Read(p)
	}
	if b.decompressor == nil {
		b.decompressor = b.decompressors.Get().(decompressor)
		err = b.decompressor.Reset(&b.sent)
	}
	if err == nil {
		n, err = b.decompressor.Read(p)
	}
	if err != nil && err != io.EOF && !errors.Is(err, ErrTooLarge) {
		err = fmt.Errorf("decoding %s: %w", b.encoding, err)
	}
	return n, err
}

// SentBytes returns the number of bytes read so far, before decompression.
func (b *Body) SentBytes() int64 { return b.sent.read }

// Close releases the decompressor. The body must not be read afterwards.
func (b *Body) Close() {
	if b.decompressor != nil {
		b.decompressor.Reset(http.NoBody) //nolint:errcheck // only drops the reference to the body
		b.decompressors.Put(b.decompressor)
		b.decompressor = nil
	}
}

// A sentBody is a body before decompression. If the body exceeds the limit, Read
// returns an error; io.LimitedReader would return io.EOF, as if the body were complete.
type sentBody struct {
	r           io.Reader
	limit, read int64
}

func (s *sentBody) Read(p []byte) (int, error) {
	if s.read > s.limit {
		return 0, tooLarge(s.limit)
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	return n, err
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than the limit of %d bytes", ErrTooLarge, limit)
}

// Explain adds an explanation for the client to an error that Read returned, other than
// io.EOF.
func Explain(err error) error {
	if errors.Is(err, ErrTooLarge) {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the body is cut off: %w", err)
	}
	return fmt.Errorf("reading the body: %w", err)
}
