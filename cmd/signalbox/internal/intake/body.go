package intake

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// acceptedEncodings is what a client may compress its body with.
const acceptedEncodings = "gzip, zstd"

// maxZstdWindow is the window that RFC 9659 lets a client count on. A decoder
// holds on to a whole window, so it is also what one request can take.
const maxZstdWindow = 8 << 20

// errBodyTooLarge is the cause of every error for a body past its limit.
var errBodyTooLarge = errors.New("the body is too large")

// A body is what is read of a request: decompressed, and limited in size.
type body struct {
	io.Reader

	// Close gives the decompressor back. The body must not be read after it.
	Close func()
}

// openBody returns the body that raw brings in a Content-Encoding, and false
// if that encoding is not accepted. Bytes of the body that cannot be had, for
// any reason, are an error of Read.
func openBody(raw io.Reader, encoding string, limit int64) (body, bool) {
	switch encoding = strings.ToLower(strings.TrimSpace(encoding)); encoding {
	case "", "identity":
		return body{newLimitedReader(raw, limit), func() {}}, true
	case "gzip", "x-gzip":
		return openCompressed(raw, limit, "gzip", &gzipReaders), true
	case "zstd":
		return openCompressed(raw, limit, "zstd", &zstdReaders), true
	default:
		return body{}, false
	}
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

func openCompressed(raw io.Reader, limit int64, encoding string, pool *sync.Pool) body {
	// Compressed input that is larger than what it may hold, and what its
	// framing may add, holds nothing good: endless empty blocks, for one.
	const framing = 64 << 10
	raw = newLimitedReader(raw, limit+framing)

	d := pool.Get().(decompressor)
	var r io.Reader = d
	if err := d.Reset(raw); err != nil {
		r = failingReader{err}
	}

	return body{
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
	if err != nil && err != io.EOF && !errors.Is(err, errBodyTooLarge) {
		err = fmt.Errorf("in %s: %w", r.encoding, err)
	}

	return n, err
}

// A limitedReader fails with errBodyTooLarge behind its limit, where
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
	return fmt.Errorf("%w: more than the limit of %d bytes", errBodyTooLarge, l.limit)
}
