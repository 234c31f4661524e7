package source

import (
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Encodings are the supported values of Content-Encoding, as in Accept-Encoding.
const Encodings = "gzip, snappy, zstd"

// framingBytes is the number of bytes by which a compressed body may exceed the limit
// of its content, for framing. A larger one is probably an attack, such as endless
// empty blocks.
const framingBytes = 64 << 10

// maxZstdWindow is the window size that RFC 9659 allows clients to rely on. A decoder
// keeps the window in memory, so this is also the memory that one request can use.
const maxZstdWindow = 8 << 20

// A decompressor is the common interface of gzip.Reader and zstd.Decoder.
type decompressor interface {
	io.Reader
	Reset(io.Reader) error
}

// decompressorsFor returns the name of an encoding and its decompressors, or nil if the
// encoding does not compress. It reports whether the encoding is supported.
func decompressorsFor(encoding string) (name string, pool *sync.Pool, ok bool) {
	switch name = strings.ToLower(strings.TrimSpace(encoding)); name {
	case "", "identity":
		return name, nil, true
	case "gzip", "x-gzip":
		return "gzip", &gzipReaders, true
	case "zstd":
		return name, &zstdReaders, true
	case "snappy":
		return name, &snappyReaders, true
	default:
		return name, nil, false
	}
}

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

var zstdReaders = sync.Pool{New: func() any {
	// With a concurrency of 1, a decoder has no goroutines that would leak when the
	// pool drops it.
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		panic("BUG: zstd options: " + err.Error())
	}
	return d
}}

// snappyReaders read the framing format of snappy.
var snappyReaders = sync.Pool{New: func() any {
	// The format limits blocks to 64 KiB; the decoder's default is 4 MiB.
	return snappyReader{s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10))}
}}

type snappyReader struct{ *s2.Reader }

// Reset implements decompressor.
func (r snappyReader) Reset(sent io.Reader) error {
	r.Reader.Reset(sent)
	return nil
}
