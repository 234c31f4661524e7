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
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// decode returns the families in a body, sorted by name. Families from protobuf may have
// no metrics, and several of them may have the same name but different types.
//
// The error contains a contentError if the body can be parsed, but its samples do not
// form valid metrics. decode checks only what the Pushgateway's parser checks, whose
// errors do not count as failed pushes, and what can no longer be seen in the families.
// The Store checks the rest.
//
// decode parses a body as delimited protobuf or OpenMetrics if that is its
// Content-Type. It also parses a body as OpenMetrics if it ends like OpenMetrics,
// unless the Content-Type names a version of the text format. It parses any other body
// as text.
func (h *handler) decode(body []byte, contentType string) ([]*dto.MetricFamily, error) {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		mediaType = ""
	}

	const openMetricsType = "application/openmetrics-text"
	var families []*dto.MetricFamily
	mistakes := textMistakes
	isText := strings.HasPrefix(mediaType, "text/") && parameters["version"] != ""
	switch {
	case mediaType == "application/vnd.google.protobuf" &&
		parameters["encoding"] == "delimited" && parameters["proto"] == "io.prometheus.client.MetricFamily":
		mistakes = protobufMistakes
		families, err = decodeProtobuf(body)
	case mediaType == openMetricsType, !isText && endsAsOpenMetrics(body):
		if families, err = decodeOpenMetrics(body); err == nil {
			err = complete(families, "_gcount", "_gsum")
		}
		if err != nil && mediaType != openMetricsType {
			err = fmt.Errorf("%w (the body is parsed as OpenMetrics because it ends in %q)", err, endOfOpenMetrics)
		}
	default:
		if families, err = h.decodeText(body); err == nil {
			err = complete(families, "_count", "_sum")
		}
	}
	if err != nil && !isContent(err) {
		err = explain(err, mistakes, body, mediaType)
	}
	return families, err
}

// A contentError means that the metrics in a body are invalid, although the body could
// be parsed. So the push counts as a failed push of the group.
type contentError struct{ error }

func (e contentError) Unwrap() error { return e.error }

func isContent(err error) bool {
	_, ok := errors.AsType[contentError](err)
	return ok
}

// decodeText decodes the text format.
//
// Like the Pushgateway, it parses text with expfmt's parser. That parser loses
// information about summaries and histograms, for example whether a count was an
// integer, and confuses metric names in braces. So decodeText parses text that contains
// one of these with Prometheus' parser.
func (h *handler) decodeText(body []byte) ([]*dto.MetricFamily, error) {
	braces, err := checkText(body)
	if err != nil {
		return nil, err
	}
	if braces {
		return decodeLines(body, h.scheme())
	}
	in := readers.Get().(*bufio.Reader)
	in.Reset(bytes.NewReader(body))
	defer func() {
		in.Reset(nil)
		readers.Put(in)
	}()

	var byName map[string]*dto.MetricFamily
	parser := expfmt.NewTextParser(h.scheme())
	err = withRecover(func() (err error) {
		byName, err = parser.TextToMetricFamilies(in)
		return err
	})
	if err != nil {
		return nil, err
	}
	families := slices.SortedFunc(maps.Values(byName), byFamilyName)
	if slices.ContainsFunc(families, isCompound) {
		return decodeLines(body, h.scheme())
	}
	return families, nil
}

// scheme returns which names are valid.
func (h *handler) scheme() model.ValidationScheme {
	if h.UTF8Names {
		return model.UTF8Validation
	}
	return model.LegacyValidation
}

func byFamilyName(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) }

// isCompound reports whether a metric of the family's type has several samples in the
// text format.
func isCompound(family *dto.MetricFamily) bool {
	switch family.GetType() {
	case dto.MetricType_SUMMARY, dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return true
	default:
		return false
	}
}

// readers contains readers for the text parser. The parser uses a bufio.Reader directly
// if its buffer has at least 4 KiB, and otherwise allocates another one.
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
		err := withRecover(func() error { return options.Unmarshal(message, family) })
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", number, err)
		}

		for i, m := range family.Metric {
			err := sortBuckets(m.Histogram)
			if err == nil {
				err = checkPresence(m)
			}
			if err != nil {
				return nil, contentError{fmt.Errorf("message %d: metric %s: sample %d of %d: %w",
					number, shorten(family.GetName()), i+1, len(family.Metric), err)}
			}
		}

		key := key{family.GetName(), family.GetType()}
		if first, ok := known[key]; ok {
			// The Pushgateway drops the first one.
			first.Metric = append(first.Metric, family.Metric...)
			continue
		}
		known[key] = family
		families = append(families, family)
	}

	slices.SortFunc(families, byFamilyName)
	return families, nil
}

// withRecover calls parse and converts a panic into an error: a bug in a parser must
// not crash the daemon.
func withRecover(parse func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the parser panicked: %v", p)
		}
	}()
	return parse()
}
