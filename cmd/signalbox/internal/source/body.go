package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// ErrTooLarge is wrapped by every error about a body that exceeds its limit, or can
// never be buffered.
var ErrTooLarge = errors.New("the body is too large")

// A Body is the body of a request, decompressed and limited in size. Read returns an
// error if the body is too large, cannot be decompressed, or needs more memory than the
// budget has; Explain adds an explanation for the client. The caller must call Close.
type Body struct {
	sent     sentBody
	encoding *encoding

	// decompressor is nil until the first Read, and always if the body is not
	// compressed. It belongs to the pool of the variant.
	decompressor decompressor
	variant      *variant

	limit, left int64
	err         error // the error that ended reading

	memory  reservation // until Close
	content []byte      // result of ReadAll
}

// OpenBody returns the body of a request, limited to limit bytes after decompression.
// Memory for reading it comes from the budget. OpenBody returns an error if the
// Content-Encoding is not supported.
func OpenBody(r *http.Request, limit int64, budget *membudget.Budget) (*Body, error) {
	encoding := r.Header.Get("Content-Encoding")
	b, ok := NewBody(r.Body, encoding, limit, budget)
	if !ok {
		return nil, fmt.Errorf("got Content-Encoding %s, expected one of %s", excerpt.Quote(encoding), Encodings)
	}
	if r.ContentLength > b.sent.limit {
		// Read nothing, so that the client can split the body and send all of it again.
		b.err = fmt.Errorf("%w: %d bytes, more than the limit of %d bytes; nothing was applied", ErrTooLarge, r.ContentLength, limit)
	}
	return b, nil
}

// NewBody returns a Body that reads and decompresses sent. encoding is the value of
// Content-Encoding, limit is the maximum number of bytes after decompression, and
// budget is where memory for reading it comes from. NewBody reports whether the
// encoding is supported.
func NewBody(sent io.Reader, encoding string, limit int64, budget *membudget.Budget) (*Body, bool) {
	e, ok := encodingOf(encoding)
	b := &Body{
		sent:     sentBody{r: sent, limit: limit},
		encoding: e,
		limit:    limit,
		left:     limit,
		memory:   reservation{budget: budget},
	}
	if whole, ok := sent.(*rewound); ok {
		b.memory.others = whole.reserved
	}
	if e.choose != nil {
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
	if !b.sent.copied {
		b.sent.turn.take()
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
	if b.encoding.choose == nil {
		return b.sent.Read(p)
	}
	if b.decompressor == nil {
		err = b.openDecompressor()
	}
	if err == nil {
		n, err = b.decompressor.Read(p)
	}
	if err != nil && err != io.EOF && !IsRefusal(err) {
		err = fmt.Errorf("decoding %s: %w", b.encoding.name, err)
	}
	return n, err
}

// openDecompressor takes a decompressor from a pool.
func (b *Body) openDecompressor() error {
	sent := io.Reader(&b.sent)
	var start []byte
	if n := b.encoding.headerBytes; n > 0 {
		start = make([]byte, n)
		n, err := io.ReadFull(sent, start)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		start = start[:n]
		sent = io.MultiReader(bytes.NewReader(start), sent)
	}
	variant, size := b.encoding.choose(start)
	if size > uint64(b.limit) {
		return tooLarge(b.limit)
	}
	if err := b.Reserve(variant.memory); err != nil {
		return err
	}
	b.variant, b.decompressor = variant, variant.pool.Get().(decompressor)
	return b.decompressor.Reset(sent)
}

// Reserve reserves n bytes of the budget until Close, for memory that the caller needs
// to read the body.
func (b *Body) Reserve(n int64) error { return b.memory.add(n) }

// Held reports whether the sent body is in memory as a whole; see WholeBodies. size is
// the maximum number of bytes after decompression.
func (b *Body) Held() (size int64, ok bool) {
	whole, ok := b.sent.r.(*rewound)
	if ok && b.encoding.choose == nil {
		return min(b.limit, int64(len(whole.content))), true
	}
	return b.limit, ok
}

// firstBytes is the initial size of the buffer of a body that is read as a whole.
const firstBytes = 4 << 10

// ReadAll returns the rest of the body, which is valid until Close. The bytes that
// preceded an error are returned along with it. The buffer grows with what is read, and
// counts toward the budget.
func (b *Body) ReadAll() ([]byte, error) {
	defer b.sent.turn.end()
	b.sent.copied = b.encoding.choose == nil
	b.content = (*contents.Get().(*[]byte))[:0]
	if err := b.Reserve(int64(cap(b.content))); err != nil {
		b.keepContent()
		return nil, err
	}
	for {
		if len(b.content) == cap(b.content) {
			if err := b.grow(); err != nil {
				return b.content, err
			}
		}
		n, err := b.Read(b.content[len(b.content):cap(b.content)])
		b.content = b.content[:len(b.content)+n]
		if err == io.EOF {
			return b.content, nil
		}
		if err != nil {
			return b.content, err
		}
	}
}

// grow doubles the buffer of ReadAll, up to one byte more than the body may have.
func (b *Body) grow() error {
	old := int64(cap(b.content))
	size := min(2*old, int64(len(b.content))+b.left+1)
	if err := b.Reserve(size); err != nil {
		return err
	}
	b.content = append(make([]byte, 0, size), b.content...)
	b.memory.release(old)
	return nil
}

// keepContent puts the buffer of ReadAll into the pool, unless it is too large.
func (b *Body) keepContent() {
	if content := b.content; content != nil && cap(content) <= maxKeptBytes {
		contents.Put(&content)
	}
	b.content = nil
}

// contents are buffers of ReadAll, *[]byte of at most maxKeptBytes.
var contents = sync.Pool{New: func() any { b := make([]byte, 0, firstBytes); return &b }}

// maxKeptBytes is the maximum size of a buffer that is reused. It is more than most
// jobs and agents push.
const maxKeptBytes = 64 << 10

// SentBytes returns the number of bytes read so far, before decompression.
func (b *Body) SentBytes() int64 { return b.sent.read }

// Close releases the decompressor, the memory, and the turn of the goroutine. The body
// must not be read afterwards. Closing it again does nothing.
func (b *Body) Close() {
	b.Finish()
	b.keepContent()
	b.memory.release(b.memory.bytes)
}

// Finish is like Close, but keeps the reserved memory.
func (b *Body) Finish() {
	b.sent.turn.end()
	if b.decompressor != nil {
		b.decompressor.Reset(http.NoBody) //nolint:errcheck // only drops the reference to the body
		b.variant.pool.Put(b.decompressor)
		b.decompressor = nil
	}
}

// A sentBody is a body before decompression. If the body exceeds the limit, Read
// returns an error; io.LimitedReader would return io.EOF, as if the body were complete.
type sentBody struct {
	r           io.Reader
	limit, read int64
	turn        turn
	copied      bool // whether the caller only copies it, and takes no turn
}

func (s *sentBody) Read(p []byte) (int, error) {
	if s.read > s.limit {
		return 0, tooLarge(s.limit)
	}
	s.turn.end() // while waiting for the client
	n, err := s.r.Read(p)
	if !s.copied {
		s.turn.take()
	}
	s.read += int64(n)
	return n, err
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than the limit of %d bytes", ErrTooLarge, limit)
}

// IsRefusal reports whether an error means that the body is too large, or that there is
// no memory for it.
func IsRefusal(err error) bool {
	return errors.Is(err, ErrTooLarge) || errors.Is(err, membudget.ErrTooLarge) || errors.Is(err, membudget.ErrExhausted)
}

// Explain adds an explanation for the client to an error that Read returned, other than
// io.EOF.
func Explain(err error) error {
	if IsRefusal(err) {
		return err
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the body is cut off: %w", err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch):
		return fmt.Errorf("reading the body: %w: if the body is not compressed, do not send Content-Encoding", err)
	}
	return fmt.Errorf("reading the body: %w", err)
}
