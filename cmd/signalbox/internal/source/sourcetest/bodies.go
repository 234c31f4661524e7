// Package sourcetest creates request bodies for the tests of sources: compressed,
// damaged, incomplete and endless ones. It also measures memory.
package sourcetest

import (
	"bytes"
	"io"
	"strings"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Gzip compresses text with gzip.
func Gzip(text string) string {
	return compress(text, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

// Snappy compresses text in snappy's framing format.
func Snappy(text string) string {
	return compress(text, func(w io.Writer) io.WriteCloser { return s2.NewWriter(w, s2.WriterSnappyCompat()) })
}

// Zstd compresses text with zstd.
func Zstd(text string) string { return ZstdWith(text) }

// ZstdWith compresses text with zstd, using the options.
func ZstdWith(text string, options ...zstd.EOption) string {
	return compress(text, func(w io.Writer) io.WriteCloser {
		encoder, err := zstd.NewWriter(w, options...)
		if err != nil {
			panic(err)
		}
		return encoder
	})
}

func compress(text string, newWriter func(io.Writer) io.WriteCloser) string {
	var b bytes.Buffer
	w := newWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// Cut returns text without its last n bytes.
func Cut(text string, n int) string { return text[:len(text)-n] }

// Corrupt returns text with its nth byte from the end changed.
func Corrupt(text string, n int) string {
	b := []byte(text)
	b[len(b)-n] ^= 0xff
	return string(b)
}

// Unsized returns a request body of unknown length.
func Unsized(text string) io.Reader { return struct{ io.Reader }{strings.NewReader(text)} }

// Broken returns a body that consists of the text, after which reading fails with err.
func Broken(text string, err error) io.Reader {
	return io.MultiReader(strings.NewReader(text), iotest.ErrReader(err))
}

// Endless returns a body that repeats the text forever.
func Endless(text string) io.Reader { return &endless{text: text} }

type endless struct {
	text string
	next int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text[e.next:])
	e.next = (e.next + n) % len(e.text)
	return n, nil
}
