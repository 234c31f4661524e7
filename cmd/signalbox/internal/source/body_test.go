package source_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing/iotest"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// read reads a body to its end.
func read(raw io.Reader, encoding string, limit int64) (string, error) {
	GinkgoHelper()
	content, ok := source.NewBody(raw, encoding, limit, nil)
	Expect(ok).To(BeTrue(), "the encoding %q", encoding)
	defer content.Close()
	text, err := io.ReadAll(content)
	return string(text), err
}

var _ = Describe("Body", func() {
	const limit = 1 << 20
	compressors := map[string]func(string) string{
		"":       func(s string) string { return s },
		"gzip":   sourcetest.Gzip,
		"snappy": sourcetest.Snappy,
		"zstd":   sourcetest.Zstd,
	}
	text := strings.Repeat("A line of text.\n", 10_000)

	for encoding, compress := range compressors {
		Describe(fmt.Sprintf("in %q", encoding), func() {
			It("is read repeatedly and in chunks of any size", func() {
				for range 3 { // the pool reuses decompressors
					Expect(read(strings.NewReader(compress(text)), encoding, limit)).To(Equal(text))
					Expect(read(iotest.HalfReader(strings.NewReader(compress(text))), encoding, limit)).To(Equal(text))
					Expect(read(iotest.DataErrReader(strings.NewReader(compress(text))), encoding, limit)).To(Equal(text))
				}
				random := noise(limit)
				Expect(read(strings.NewReader(compress(random)), encoding, limit)).To(Equal(random))
			})

			It("may be empty or have no bytes at all", func() {
				Expect(read(strings.NewReader(compress("")), encoding, limit)).To(BeEmpty())
				Expect(read(strings.NewReader(""), encoding, limit)).To(BeEmpty())
			})

			It("may be exactly as long as the limit", func() {
				Expect(read(strings.NewReader(compress(text)), encoding, int64(len(text)))).To(Equal(text))
				Expect(read(strings.NewReader(compress("")), encoding, 0)).To(BeEmpty())

				got, err := read(strings.NewReader(compress(text)), encoding, int64(len(text))-1)
				Expect(err).To(MatchError(source.ErrTooLarge))
				Expect(err).To(MatchError(ContainSubstring("limit of 159999 bytes")))
				Expect(got).To(Equal(text[:len(text)-1]))

				_, err = read(strings.NewReader(compress("x")), encoding, 0)
				Expect(err).To(MatchError(source.ErrTooLarge))
			})

			It("returns ErrTooLarge from every further read", func() {
				content, _ := source.NewBody(strings.NewReader(compress(text)), encoding, 10, nil)
				defer content.Close()
				_, err := io.ReadAll(content)
				Expect(err).To(MatchError(source.ErrTooLarge))
				n, err := content.Read(make([]byte, 10))
				Expect(n).To(BeZero())
				Expect(err).To(MatchError(source.ErrTooLarge))
			})

			It("can be closed before its end", func() {
				for range 3 {
					content, _ := source.NewBody(strings.NewReader(compress(text)), encoding, limit, nil)
					Expect(content.Read(make([]byte, 10))).To(BeNumerically(">", 0))
					content.Close()
				}
				Expect(read(strings.NewReader(compress(text)), encoding, limit)).To(Equal(text))
			})

			It("returns the error of the underlying reader", func() {
				broken := sourcetest.Broken(compress(text)[:20], iotest.ErrTimeout)
				_, err := read(broken, encoding, limit)
				Expect(err).To(MatchError(iotest.ErrTimeout))
			})

			It("ends at the limit, even if the sender never stops", func() {
				endless := sourcetest.Endless(compress(text))
				_, err := read(endless, encoding, limit)
				Expect(err).To(MatchError(source.ErrTooLarge))
			})
		})
	}

	DescribeTable("returns an error if it is damaged",
		func(encoding, raw, reason string, match ...error) {
			for range 3 {
				_, err := read(strings.NewReader(raw), encoding, limit)
				Expect(err).To(MatchError(ContainSubstring(reason)))
				for _, match := range match {
					Expect(err).To(MatchError(match))
				}
			}

			// The decompressor still works.
			Expect(read(strings.NewReader(compressors[encoding](text)), encoding, limit)).To(Equal(text))
		},
		Entry("text instead of gzip", "gzip", text, "decoding gzip: gzip: invalid header"),
		Entry("gzip that is cut off in its header", "gzip", sourcetest.Gzip(text)[:5], "decoding gzip: unexpected EOF", io.ErrUnexpectedEOF),
		Entry("gzip that is cut off in the middle", "gzip", sourcetest.Gzip(text)[:100], "decoding gzip: unexpected EOF", io.ErrUnexpectedEOF),
		Entry("gzip that is cut off at its end", "gzip", sourcetest.Cut(sourcetest.Gzip(text), 3), "decoding gzip: unexpected EOF", io.ErrUnexpectedEOF),
		Entry("gzip with a wrong checksum", "gzip", sourcetest.Corrupt(sourcetest.Gzip(text), 7), "decoding gzip: gzip: invalid checksum"),
		Entry("gzip followed by text", "gzip", sourcetest.Gzip(text)+text, "decoding gzip: gzip: invalid header"),
		Entry("text instead of snappy", "snappy", text, "decoding snappy: "),
		Entry("snappy in the block format", "snappy", string(snappy.Encode(nil, []byte(text))), "decoding snappy: "),
		Entry("snappy that is cut off", "snappy", sourcetest.Cut(sourcetest.Snappy(text), 3), "decoding snappy: "),
		Entry("snappy with a wrong checksum", "snappy", sourcetest.Corrupt(sourcetest.Snappy("x"), 3), "decoding snappy: "),
		Entry("text instead of zstd", "zstd", text, "decoding zstd: "),
		Entry("zstd that is cut off", "zstd", sourcetest.Cut(sourcetest.Zstd(text), 3), "decoding zstd: unexpected EOF", io.ErrUnexpectedEOF),
		Entry("zstd with a wrong checksum", "zstd", sourcetest.Corrupt(sourcetest.Zstd(text), 2), "decoding zstd: "),
		Entry("zstd with a window that is too large", "zstd",
			sourcetest.ZstdWith(noise(1<<20), zstd.WithWindowSize(16<<20), zstd.WithSingleSegment(false)), "decoding zstd: window size exceeded"),
	)

	DescribeTable("supports other names of encodings",
		func(encoding, raw string) {
			Expect(read(strings.NewReader(raw), encoding, limit)).To(Equal(text))
		},
		Entry("identity", "identity", text),
		Entry("x-gzip", "x-gzip", sourcetest.Gzip(text)),
		Entry("capitals and spaces", " Snappy ", sourcetest.Snappy(text)),
	)

	It("does not support other encodings", func() {
		for _, encoding := range []string{"br", "deflate", "gzip, gzip", "nonsense"} {
			_, ok := source.NewBody(strings.NewReader(text), encoding, limit, nil)
			Expect(ok).To(BeFalse(), encoding)
		}
	})

	DescribeTable("ends at the limit, even if it decompresses to nothing",
		func(encoding, empty string) {
			_, err := read(sourcetest.Endless(empty), encoding, limit)
			Expect(err).To(MatchError(source.ErrTooLarge))
		},
		Entry("gzip", "gzip", sourcetest.Gzip("")),
		Entry("snappy's magic", "snappy", "\xff\x06\x00\x00sNaPpY"),
		Entry("zstd", "zstd", sourcetest.Zstd("")),
	)

	Describe("with a budget", func() {
		var budget *membudget.Budget
		BeforeEach(func() { budget = membudget.Divide(50 << 20).Buffer }) // 5 MiB
		open := func(raw, encoding string, limit int64) *source.Body {
			content, ok := source.NewBody(strings.NewReader(raw), encoding, limit, budget)
			Expect(ok).To(BeTrue())
			DeferCleanup(content.Close)
			return content
		}

		It("reserves memory for what was read, until it is closed", func() {
			small := open("a body", "", limit)
			Expect(small.ReadAll()).To(BeEquivalentTo("a body"))
			Expect(budget.Used()).To(BeNumerically("<=", 64<<10))

			large := open(text, "", limit)
			Expect(large.ReadAll()).To(BeEquivalentTo(text))
			Expect(budget.Used()).To(BeNumerically(">=", len(text)))
			Expect(budget.Used()).To(BeNumerically("<=", 3*len(text)))

			small.Close()
			large.Close()
			Expect(budget.Used()).To(BeZero())
		})

		It("returns an error if other bodies take up the memory", func() {
			budget.Add(4 << 20)
			content := open(noise(1<<20), "", limit)
			_, err := content.ReadAll()
			Expect(err).To(MatchError(membudget.ErrExhausted))
			Expect(source.StatusOf(0, err)).To(Equal(503))
			content.Close()
			Expect(budget.Used()).To(BeEquivalentTo(4 << 20))
		})

		It("returns ErrTooLarge for a body that never fits", func() {
			content := open(noise(10<<20), "", 64<<20)
			_, err := content.ReadAll()
			Expect(err).To(MatchError(source.ErrTooLarge))
			Expect(err).To(MatchError(ContainSubstring("--memory-limit")))
		})

		It("reads nothing of a body whose header contains a size that is too large", func() {
			content := open(sourcetest.ZstdWith(text, zstd.WithSingleSegment(true)), "zstd", int64(len(text)-1))
			read, err := content.ReadAll()
			Expect(err).To(MatchError(source.ErrTooLarge))
			Expect(read).To(BeEmpty())
		})

		It("reserves memory for the window of zstd", func() {
			// The frame is cut off, so it has a window, and no known size.
			sent := func(window int) string {
				return sourcetest.ZstdWith(noise(1<<20), zstd.WithWindowSize(window), zstd.WithSingleSegment(false))
			}
			content := open(sent(1<<20), "zstd", limit)
			_, err := content.Read(make([]byte, 10))
			Expect(err).NotTo(HaveOccurred())
			Expect(budget.Used()).To(BeNumerically(">=", 1<<20))
			content.Close()
			_, err = open(sent(8<<20), "zstd", limit).Read(make([]byte, 10))
			Expect(err).To(MatchError(source.ErrTooLarge), "5 MiB are available")
		})

		It("allocates no more than it reserves", func() {
			budget = membudget.Divide(500 << 20).Buffer
			for encoding, compress := range compressors {
				raw := compress(text)
				Expect(budget.Used()).To(BeZero())
				content := open(raw, encoding, limit)
				var before, after runtime.MemStats
				runtime.GC()
				runtime.GC() // empties the pools
				runtime.ReadMemStats(&before)
				_, err := content.ReadAll()
				runtime.ReadMemStats(&after)
				Expect(err).NotTo(HaveOccurred())
				allocated := int64(after.TotalAlloc - before.TotalAlloc)
				GinkgoWriter.Println(encoding, "reserves", budget.Used(), "allocates", allocated)
				// The buffer grows by doubling, so all of its arrays together are twice
				// as large as the last one.
				Expect(allocated).To(BeNumerically("<=", 2*budget.Used()), encoding)
				content.Close()
			}
		})
	})

	It("limits the output and memory of a decompression bomb", func() {
		// A gigabyte of zeros, compressed to a megabyte.
		bomb := bytes.NewBufferString(strings.Repeat(sourcetest.Gzip(string(make([]byte, 1<<20))), 1<<10))
		Expect(bomb.Len()).To(BeNumerically("<", 2<<20))

		content, ok := source.NewBody(bomb, "gzip", limit, nil)
		Expect(ok).To(BeTrue())
		defer content.Close()

		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := io.Copy(io.Discard, content)
		runtime.ReadMemStats(&after)

		Expect(err).To(MatchError(source.ErrTooLarge))
		Expect(n).To(BeEquivalentTo(limit))
		Expect(after.TotalAlloc - before.TotalAlloc).To(BeNumerically("<", 1<<20))
		Expect(bomb.Len()).To(BeNumerically(">", 900<<10), "most of it was not read")
	})
})

// noise returns n bytes that cannot be compressed.
func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}
