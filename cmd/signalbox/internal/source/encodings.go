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

// An encoding is a supported value of Content-Encoding.
type encoding struct {
	name string // canonical

	// choose returns the variant that can decompress a body, and the size of the body
	// after decompression if it is known, or else 0. start is the beginning of the
	// body, headerBytes long unless the body is shorter. choose is nil if the encoding
	// does not compress.
	choose      func(start []byte) (v *variant, size uint64)
	headerBytes int
}

// A variant is a kind of decompressor.
type variant struct {
	memory int64 // number of bytes that one uses at most
	pool   sync.Pool
}

// encodings are the supported encodings by name.
var encodings = map[string]*encoding{
	"":         {},
	"identity": {name: "identity"},
	"gzip":     &gzipEncoding,
	"x-gzip":   &gzipEncoding,
	"snappy":   {name: "snappy", choose: func([]byte) (*variant, uint64) { return &snappyReaders, 0 }},
	"zstd":     {name: "zstd", choose: chooseZstd, headerBytes: zstd.HeaderMaxSize},
}

var gzipEncoding = encoding{name: "gzip", choose: func([]byte) (*variant, uint64) { return &gzipReaders, 0 }}

// encodingOf returns the encoding with a value of Content-Encoding. It reports whether
// the encoding is supported.
func encodingOf(value string) (*encoding, bool) {
	name := strings.ToLower(strings.TrimSpace(value))
	if e, ok := encodings[name]; ok {
		return e, true
	}
	return &encoding{name: name}, false
}

var gzipReaders = variant{memory: 64 << 10, pool: sync.Pool{New: func() any { return new(gzip.Reader) }}}

// zstdReaders are ordered by their maximum window sizes. A decoder allocates the window
// of a frame in advance, so most bodies should not need a large one.
var zstdReaders = [...]*variant{newZstdReaders(256 << 10), newZstdReaders(1 << 20), newZstdReaders(maxZstdWindow)}

// zstdWindows are the maximum window sizes of zstdReaders.
var zstdWindows = [...]uint64{256 << 10, 1 << 20, maxZstdWindow}

func newZstdReaders(window uint64) *variant {
	const blocks = 1 << 20 // for two blocks, literals and tables
	return &variant{memory: int64(window) + blocks, pool: sync.Pool{New: func() any {
		// With a concurrency of 1, a decoder starts no goroutines. They would leak when
		// the pool drops the decoder.
		d, err := zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(window))
		if err != nil {
			panic("BUG: zstd options: " + err.Error())
		}
		return d
	}}}
}

// chooseZstd chooses the decoder with the smallest window that suffices for the first
// frame. Further frames must not have a larger window.
func chooseZstd(start []byte) (*variant, uint64) {
	var h zstd.Header
	if err := h.Decode(start); err != nil {
		return zstdReaders[0], 0 // the decoder explains the error
	}
	window := h.WindowSize
	if h.SingleSegment {
		window = h.FrameContentSize
	}
	if h.Skippable {
		window = maxZstdWindow // the window of the next frame is unknown
	}
	for i, v := range zstdReaders {
		if window <= zstdWindows[i] {
			return v, h.FrameContentSize
		}
	}
	return zstdReaders[len(zstdReaders)-1], h.FrameContentSize
}

// snappyReaders contains readers of snappy's framing format.
var snappyReaders = variant{memory: 256 << 10, pool: sync.Pool{New: func() any {
	// The format limits blocks to 64 KiB; the decoder's default is 4 MiB.
	return snappyReader{s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10))}
}}}

type snappyReader struct{ *s2.Reader }

// Reset implements decompressor.
func (r snappyReader) Reset(sent io.Reader) error {
	r.Reader.Reset(sent)
	return nil
}
