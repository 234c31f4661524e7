package source

import (
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Encodings lists the supported values of Content-Encoding, as in Accept-Encoding.
const Encodings = "gzip, snappy, zstd"

// framingBytes is the number of bytes by which a compressed body may exceed the limit
// on its decompressed size, to allow for framing. A larger body is probably an attack,
// such as an endless sequence of empty blocks.
const framingBytes = 64 << 10

// maxZstdWindow is the maximum window size of zstd. RFC 9659 requires decoders to
// support this size. A decoder keeps the window in memory, so this also limits the
// memory that decompressing one request can use.
const maxZstdWindow = 8 << 20

// A decompressor is the common interface of gzip.Reader and zstd.Decoder.
type decompressor interface {
	io.Reader
	Reset(io.Reader) error
}

// decompressorsFor returns the canonical name of an encoding and the pool of its
// decompressors, which is nil if the encoding does not compress. It reports whether the
// encoding is supported.
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
	// With a concurrency of 1, a decoder starts no goroutines. They would leak when the
	// pool drops the decoder.
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		panic("BUG: zstd options: " + err.Error())
	}
	return d
}}

// snappyReaders contains readers of snappy's framing format.
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
