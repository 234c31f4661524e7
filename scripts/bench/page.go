package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// An exposition is a format and an encoding of the page.
type exposition struct {
	name, accept, encoding string
}

const acceptText = "text/plain;version=0.0.4"

var text = exposition{"text", acceptText, "identity"}

// The expositions other than text.
var (
	openMetrics = exposition{"OpenMetrics", "application/openmetrics-text;version=1.0.0", "identity"}
	protobuf    = exposition{"protobuf", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "identity"}
	textGzip    = exposition{"text, gzip", acceptText, "gzip"}
	textZstd    = exposition{"text, zstd", acceptText, "zstd"}

	expositions = []exposition{openMetrics, protobuf, textGzip, textZstd}
)

func (e exposition) request() (*http.Request, error) {
	r, err := http.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", e.accept)
	r.Header.Set("Accept-Encoding", e.encoding)
	return r, nil
}

// The facts of a scrape, by which the contest verifies that all contenders do the same
// work.
const (
	factSamples     = "samples"
	factSampleBytes = "bytes of samples" // 0 if the format is not text
)

// scrape returns the task of scraping the page of a handler. It counts the samples of
// families whose names begin with one of the prefixes. Before each turn, update sets all
// series to new values.
func scrape(page http.Handler, e exposition, update func() error, prefixes ...string) (*task, error) {
	request, err := e.request()
	if err != nil {
		return nil, err
	}
	first, err := get(page, request, new(bytes.Buffer))
	if err != nil {
		return nil, err
	}
	counted, err := countSamples(first, prefixes)
	if err != nil {
		return nil, err
	}
	return &task{
		before: update,
		run: func(n int) error {
			for range n {
				if _, err := get(page, request, io.Discard); err != nil {
					return err
				}
			}
			return nil
		},
		facts: func() map[string]float64 {
			return map[string]float64{factSamples: float64(counted.samples), factSampleBytes: float64(counted.bytes)}
		},
	}, nil
}

// get scrapes the page, and writes it to w.
func get(page http.Handler, request *http.Request, w io.Writer) (*body, error) {
	b := &body{header: http.Header{}, w: w}
	page.ServeHTTP(b, request)
	if b.status != 0 && b.status != http.StatusOK || b.bytes == 0 {
		return nil, fmt.Errorf("got the status %d and %d bytes, expected 200 and a page", b.status, b.bytes)
	}
	return b, nil
}

// A body is an http.ResponseWriter that counts the written bytes and passes them to w.
type body struct {
	header http.Header
	status int
	bytes  int
	w      io.Writer
}

func (b *body) Header() http.Header        { return b.header }
func (b *body) WriteHeader(statusCode int) { b.status = statusCode }

func (b *body) Write(p []byte) (int, error) {
	b.bytes += len(p)
	return b.w.Write(p)
}

// A count is the number of samples on a page, and the bytes of their lines if the
// format is text.
type count struct {
	samples, bytes int
}

// countSamples counts the samples of families whose names begin with one of the
// prefixes.
func countSamples(b *body, prefixes []string) (count, error) {
	var r io.Reader = b.w.(*bytes.Buffer)
	switch encoding := b.header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return count{}, err
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r)
		if err != nil {
			return count{}, err
		}
		defer z.Close()
		r = z
	default:
		return count{}, fmt.Errorf("got the encoding %q, expected gzip, zstd or none", encoding)
	}
	if format := expfmt.ResponseFormat(b.header); format.FormatType() == expfmt.TypeProtoDelim {
		return countProtobuf(r, format, prefixes)
	}
	return countLines(r, prefixes)
}

func countLines(r io.Reader, prefixes []string) (count, error) {
	var c count
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if line := lines.Text(); hasPrefix(line, prefixes) {
			c.samples++
			c.bytes += len(line)
		}
	}
	return c, lines.Err()
}

// countProtobuf counts metrics. Each is one sample if there are no histograms.
func countProtobuf(r io.Reader, format expfmt.Format, prefixes []string) (count, error) {
	var c count
	families := expfmt.NewDecoder(r, format)
	for {
		var family dto.MetricFamily
		err := families.Decode(&family)
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return c, err
		}
		if hasPrefix(family.GetName(), prefixes) {
			c.samples += len(family.Metric)
		}
	}
}

func hasPrefix(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
