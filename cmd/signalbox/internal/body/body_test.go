package body_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/body"
)

// read reads a body to its end.
func read(raw io.Reader, encoding string, limit int64) (string, error) {
	GinkgoHelper()
	content, ok := body.Open(raw, encoding, limit)
	Expect(ok).To(BeTrue(), "the encoding %q", encoding)
	defer content.Close()
	text, err := io.ReadAll(content)

	return string(text), err
}

var _ = Describe("Body", func() {
	const limit = 1 << 20
	compressors := map[string]func(string) string{
		"":       func(s string) string { return s },
		"gzip":   gzipped,
		"snappy": snappied,
		"zstd":   func(s string) string { return zstandard(s) },
	}
	text := strings.Repeat("A line of text.\n", 10_000)

	for encoding, compress := range compressors {
		Describe(fmt.Sprintf("in %q", encoding), func() {
			It("is read, many times over, in whatever pieces it comes", func() {
				for range 3 { // decompressors are used again
					Expect(read(strings.NewReader(compress(text)), encoding, limit)).To(Equal(text))
					Expect(read(iotest.HalfReader(strings.NewReader(compress(text))), encoding, limit)).To(Equal(text))
					Expect(read(iotest.DataErrReader(strings.NewReader(compress(text))), encoding, limit)).To(Equal(text))
				}
				random := noise(limit)
				Expect(read(strings.NewReader(compress(random)), encoding, limit)).To(Equal(random))
			})

			It("may be empty, and may be nothing", func() {
				Expect(read(strings.NewReader(compress("")), encoding, limit)).To(BeEmpty())
				Expect(read(strings.NewReader(""), encoding, limit)).To(BeEmpty())
			})

			It("may have just as many bytes as the limit says", func() {
				Expect(read(strings.NewReader(compress(text)), encoding, int64(len(text)))).To(Equal(text))
				Expect(read(strings.NewReader(compress("")), encoding, 0)).To(BeEmpty())

				got, err := read(strings.NewReader(compress(text)), encoding, int64(len(text))-1)
				Expect(err).To(MatchError(body.ErrTooLarge))
				Expect(err).To(MatchError("the body is too large: more than the limit of 159999 bytes"))
				Expect(got).To(Equal(text[:len(text)-1]))

				_, err = read(strings.NewReader(compress("x")), encoding, 0)
				Expect(err).To(MatchError(body.ErrTooLarge))
			})

			It("stays too large", func() {
				content, _ := body.Open(strings.NewReader(compress(text)), encoding, 10)
				defer content.Close()
				_, err := io.ReadAll(content)
				Expect(err).To(MatchError(body.ErrTooLarge))
				n, err := content.Read(make([]byte, 10))
				Expect(n).To(BeZero())
				Expect(err).To(MatchError(body.ErrTooLarge))
			})

			It("can be left half read", func() {
				for range 3 {
					content, _ := body.Open(strings.NewReader(compress(text)), encoding, limit)
					Expect(content.Read(make([]byte, 10))).To(BeNumerically(">", 0))
					content.Close()
				}
				Expect(read(strings.NewReader(compress(text)), encoding, limit)).To(Equal(text))
			})

			It("passes on why it cannot be read", func() {
				broken := io.MultiReader(strings.NewReader(compress(text)[:20]), iotest.ErrReader(iotest.ErrTimeout))
				_, err := read(broken, encoding, limit)
				Expect(err).To(MatchError(iotest.ErrTimeout))
			})

			It("ends at the limit, however much is to come", func() {
				endless := &repeater{text: []byte(compress(text))}
				_, err := read(endless, encoding, limit)
				Expect(err).To(MatchError(body.ErrTooLarge))
			})
		})
	}

	DescribeTable("that is damaged is an error",
		func(encoding, raw, reason string, match ...error) {
			for range 3 {
				_, err := read(strings.NewReader(raw), encoding, limit)
				Expect(err).To(MatchError(ContainSubstring(reason)))
				for _, match := range match {
					Expect(err).To(MatchError(match))
				}
			}

			// It was not the decompressor that broke.
			Expect(read(strings.NewReader(compressors[encoding](text)), encoding, limit)).To(Equal(text))
		},
		Entry("gzip that is none", "gzip", text, "in gzip: gzip: invalid header"),
		Entry("gzip cut off in its header", "gzip", gzipped(text)[:5], "in gzip: unexpected EOF", io.ErrUnexpectedEOF),
		Entry("gzip cut off in its middle", "gzip", gzipped(text)[:100], "in gzip: unexpected EOF", io.ErrUnexpectedEOF),
		Entry("gzip cut off at its end", "gzip", cut(gzipped(text), 3), "in gzip: unexpected EOF", io.ErrUnexpectedEOF),
		Entry("gzip with a wrong checksum", "gzip", corrupt(gzipped(text), 7), "in gzip: gzip: invalid checksum"),
		Entry("gzip with something behind", "gzip", gzipped(text)+text, "in gzip: gzip: invalid header"),
		Entry("snappy that is none", "snappy", text, "in snappy: "),
		Entry("snappy that is one block", "snappy", string(snappy.Encode(nil, []byte(text))), "in snappy: "),
		Entry("snappy cut off", "snappy", cut(snappied(text), 3), "in snappy: "),
		Entry("snappy with a wrong checksum", "snappy", corrupt(snappied("x"), 3), "in snappy: "),
		Entry("zstd that is none", "zstd", text, "in zstd: "),
		Entry("zstd cut off", "zstd", cut(zstandard(text), 3), "in zstd: unexpected EOF", io.ErrUnexpectedEOF),
		Entry("zstd with a wrong checksum", "zstd", corrupt(zstandard(text), 2), "in zstd: "),
		Entry("zstd of a window that is too large", "zstd",
			zstandard(noise(1<<20), zstd.WithWindowSize(16<<20), zstd.WithSingleSegment(false)), "in zstd: window size exceeded"),
	)

	DescribeTable("goes by other names too",
		func(encoding, raw string) {
			Expect(read(strings.NewReader(raw), encoding, limit)).To(Equal(text))
		},
		Entry("nothing", "identity", text),
		Entry("gzip", "x-gzip", gzipped(text)),
		Entry("capitals and spaces", " Snappy ", snappied(text)),
	)

	It("is not opened in an encoding that nobody knows", func() {
		for _, encoding := range []string{"br", "deflate", "gzip, gzip", "nonsense"} {
			_, ok := body.Open(strings.NewReader(text), encoding, limit)
			Expect(ok).To(BeFalse(), encoding)
		}
	})

	DescribeTable("ends, even if there is nothing in it",
		func(encoding, empty string) {
			_, err := read(&repeater{text: []byte(empty)}, encoding, limit)
			Expect(err).To(MatchError(body.ErrTooLarge))
		},
		Entry("gzip", "gzip", gzipped("")),
		Entry("snappy's magic", "snappy", "\xff\x06\x00\x00sNaPpY"),
		Entry("zstd", "zstd", zstandard("")),
	)

	It("does not go off when it is a bomb", func() {
		// A gigabyte of zeros, in a megabyte.
		bomb := bytes.NewBufferString(strings.Repeat(gzipped(string(make([]byte, 1<<20))), 1<<10))
		Expect(bomb.Len()).To(BeNumerically("<", 2<<20))

		content, ok := body.Open(bomb, "gzip", limit)
		Expect(ok).To(BeTrue())
		defer content.Close()

		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		n, err := io.Copy(io.Discard, content)
		took := time.Since(start)
		runtime.ReadMemStats(&after)

		Expect(err).To(MatchError(body.ErrTooLarge))
		Expect(n).To(BeEquivalentTo(limit))
		Expect(took).To(BeNumerically("<", time.Second))
		Expect(after.TotalAlloc - before.TotalAlloc).To(BeNumerically("<", 1<<20))
		Expect(bomb.Len()).To(BeNumerically(">", 900<<10), "most of it was not even looked at")
	})
})

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, text)
	w.Close() //nolint:errcheck // it goes to memory

	return b.String()
}

func snappied(text string) string {
	var b bytes.Buffer
	w := snappy.NewBufferedWriter(&b)
	fmt.Fprint(w, text)
	w.Close() //nolint:errcheck // it goes to memory

	return b.String()
}

func zstandard(text string, options ...zstd.EOption) string {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, options...)
	if err != nil {
		panic(err)
	}
	fmt.Fprint(w, text)
	w.Close() //nolint:errcheck // it goes to memory

	return b.String()
}

// cut drops the last n bytes.
func cut(text string, n int) string { return text[:len(text)-n] }

// corrupt changes the byte that is the nth from the end.
func corrupt(text string, n int) string {
	b := []byte(text)
	b[len(b)-n] ^= 0xff

	return string(b)
}

// noise is n bytes that do not compress.
func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}

	return string(b)
}

// A repeater reads the same over and over.
type repeater struct {
	text []byte
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)

	return n, nil
}
