package pushgateway

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"mime"
	"slices"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// decode decodes the families in a body, sorted by name. It does not validate them; the
// Store does. In protobuf, families may have no metrics, and several families with
// different types may have the same name.
//
// A body is delimited protobuf if the Content-Type says exactly that, or else text.
func decode(body []byte, contentType string) ([]*dto.MetricFamily, error) {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	known := err == nil

	if known && mediaType == "application/vnd.google.protobuf" &&
		parameters["encoding"] == "delimited" && parameters["proto"] == "io.prometheus.client.MetricFamily" {
		return decodeProtobuf(body)
	}
	families, err := decodeText(body)
	if err != nil && known && mediaType == "application/openmetrics-text" {
		err = fmt.Errorf("%w (OpenMetrics is read as the text format 0.0.4)", err)
	}
	return families, err
}

// decodeText decodes the text format 0.0.4.
func decodeText(body []byte) ([]*dto.MetricFamily, error) {
	braces, err := checkText(body)
	if err != nil {
		return nil, err
	}
	in := readers.Get().(*bufio.Reader)
	in.Reset(bytes.NewReader(body))
	defer func() {
		in.Reset(nil)
		readers.Put(in)
	}()

	var byName map[string]*dto.MetricFamily
	parser := expfmt.NewTextParser(model.LegacyValidation)
	err = guarded(func() (err error) {
		byName, err = parser.TextToMetricFamilies(in)
		return err
	})
	if err != nil {
		return nil, err
	}
	families := slices.SortedFunc(maps.Values(byName), byFamilyName)
	if braces && slices.ContainsFunc(families, isCompound) {
		// The parser may have added the sample to the series of another line.
		return nil, errors.New("a metric name in braces is not supported in a body with a summary or a histogram")
	}
	return families, nil
}

func byFamilyName(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) }

// isCompound reports whether each metric of a family has several samples in the text
// format.
func isCompound(family *dto.MetricFamily) bool {
	switch family.GetType() {
	case dto.MetricType_SUMMARY, dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return true
	default:
		return false
	}
}

// readers are the readers of the text parser. It uses a reader directly if its buffer
// has at least 4 KiB, and otherwise creates its own.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// decodeProtobuf decodes a sequence of messages, each preceded by its length. It merges
// messages with the same name and type into one family.
func decodeProtobuf(body []byte) ([]*dto.MetricFamily, error) {
	type key struct {
		name string
		typ  dto.MetricType
	}
	known := make(map[key]*dto.MetricFamily)
	var families []*dto.MetricFamily
	options := proto.UnmarshalOptions{DiscardUnknown: true}
	for number, rest := 1, body; len(rest) > 0; number++ {
		message, n := protowire.ConsumeBytes(rest)
		if n < 0 {
			return nil, fmt.Errorf("message %d: %w", number, protowire.ParseError(n))
		}
		rest = rest[n:]

		family := new(dto.MetricFamily)
		err := guarded(func() error { return options.Unmarshal(message, family) })
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", number, err)
		}

		for i, m := range family.Metric {
			if err := sortBuckets(m.Histogram); err != nil {
				return nil, fmt.Errorf("message %d: metric %s: number %d of %d: %w",
					number, shorten(family.GetName()), i+1, len(family.Metric), err)
			}
		}

		key := key{family.GetName(), family.GetType()}
		if first, again := known[key]; again {
			// The Pushgateway would drop the first one.
			first.Metric = append(first.Metric, family.Metric...)
			continue
		}
		known[key] = family
		families = append(families, family)
	}

	slices.SortFunc(families, byFamilyName)
	return families, nil
}

// guarded turns a panic of a parser into an error. A parser should not panic, but if it
// does, the daemon must continue.
func guarded(parse func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the parser panicked: %v", p)
		}
	}()
	return parse()
}
