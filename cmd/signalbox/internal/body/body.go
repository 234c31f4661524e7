// Package body reads the bodies of requests: decompressed, and no larger than a limit.
package body

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/reply"
)

// Encodings is what a client may compress its body with.
const Encodings = "gzip, snappy, zstd"

// maxZstdWindow is the window that RFC 9659 lets a client count on. A decoder
// holds on to a whole window, so it is also what one request can take.
const maxZstdWindow = 8 << 20

// ErrTooLarge is the cause of every error for a body past its limit.
var ErrTooLarge = errors.New("the body is too large")

// A Body is what is read of a request: decompressed, and limited in size.
type Body struct {
	io.Reader

	// Close gives the decompressor back. The body must not be read after it.
	Close func()
}

// Open returns the body that raw brings in a Content-Encoding, of at most limit
// bytes, and false if that encoding is none of Encodings. Bytes of the body that
// cannot be had, for any reason, are an error of Read; if there are too many, that
// is ErrTooLarge.
func Open(raw io.Reader, encoding string, limit int64) (Body, bool) {
	switch encoding = strings.ToLower(strings.TrimSpace(encoding)); encoding {
	case "", "identity":
		return Body{newLimitedReader(raw, limit), func() {}}, true
	case "gzip", "x-gzip":
		return openCompressed(raw, limit, "gzip", &gzipReaders), true
	case "zstd":
		return openCompressed(raw, limit, "zstd", &zstdReaders), true
	case "snappy":
		return openCompressed(raw, limit, "snappy", &snappyReaders), true
	default:
		return Body{}, false
	}
}

// OpenRequest is Open for the body of a request. It refuses, before anything is read,
// what says itself that it is too large, which is ErrTooLarge, or in none of Encodings,
// which is any other error.
func OpenRequest(r *http.Request, limit int64) (Body, error) {
	encoding := r.Header.Get("Content-Encoding")
	if encoding == "" && r.ContentLength > limit {
		// The sender can split it: nothing of it was applied.
		return Body{}, fmt.Errorf("%w: %d bytes, more than the limit of %d bytes; nothing was applied", ErrTooLarge, r.ContentLength, limit)
	}
	content, ok := Open(r.Body, encoding, limit)
	if !ok {
		return Body{}, fmt.Errorf("the Content-Encoding %s is none of %s", reply.Quote(encoding), Encodings)
	}

	return content, nil
}

// A decompressor is what gzip.Reader and zstd.Decoder have in common.
type decompressor interface {
	io.Reader
	Reset(io.Reader) error
}

var (
	gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

	zstdReaders = sync.Pool{New: func() any {
		// With a concurrency of 1 there are no goroutines to leave behind
		// when the pool drops a decoder.
		d, err := zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			panic("BUG: zstd options: " + err.Error())
		}

		return d
	}}
)

// snappyReaders read snappy's framed format, a stream of chunks.
var snappyReaders = sync.Pool{New: func() any {
	// The format's blocks have at most that; the decoder's own default is 4 MiB.
	return snappyReader{s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10))}
}}

type snappyReader struct{ *s2.Reader }

// Reset implements decompressor.
func (r snappyReader) Reset(raw io.Reader) error {
	r.Reader.Reset(raw)

	return nil
}

func openCompressed(raw io.Reader, limit int64, encoding string, pool *sync.Pool) Body {
	// Compressed input that is larger than what it may hold, and what its
	// framing may add, holds nothing good: endless empty blocks, for one.
	const framing = 64 << 10
	raw = newLimitedReader(raw, limit+framing)

	d := pool.Get().(decompressor)
	var r io.Reader = d
	if err := d.Reset(raw); err != nil {
		r = failingReader{err}
	}

	return Body{
		Reader: newLimitedReader(encodedReader{r, encoding}, limit),
		Close: func() {
			d.Reset(http.NoBody) //nolint:errcheck // it lets go of the body
			pool.Put(d)
		},
	}
}

// An encodedReader puts the encoding's name into the errors of a decompressor.
type encodedReader struct {
	io.Reader
	encoding string
}

func (r encodedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, ErrTooLarge) {
		err = fmt.Errorf("in %s: %w", r.encoding, err)
	}

	return n, err
}

// A limitedReader fails with ErrTooLarge behind its limit, where
// io.LimitedReader would pretend that the input ends.
type limitedReader struct {
	r           io.Reader
	limit, left int64
}

func newLimitedReader(r io.Reader, limit int64) *limitedReader {
	return &limitedReader{r, limit, limit}
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, l.tooLarge()
	}

	// One byte more than is left shows whether there is more.
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return n - 1, l.tooLarge()
	}

	return n, err
}

func (l *limitedReader) tooLarge() error {
	return fmt.Errorf("%w: more than the limit of %d bytes", ErrTooLarge, l.limit)
}

// A failingReader fails with its error.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// Explain says what it means that a body could not be read to its end.
func Explain(err error) error {
	if errors.Is(err, ErrTooLarge) {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the body is cut off: %w", err)
	}

	return fmt.Errorf("the body cannot be read: %w", err)
}
