package exposition

import (
	"math"
	"strconv"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// text writes the text formats. newText returns it for the Prometheus text format, and
// newOpenMetrics for OpenMetrics.
type text struct {
	float  func(b []byte, v float64) []byte
	escape *strings.Replacer // for help texts

	// naming returns the name and type of a family, and the suffix that the names of
	// its samples have in addition.
	naming func(f *series.Family) (name, suffix, typ string)

	created       bool // write _created samples for counters, histograms and summaries
	integerCounts bool // write counts of observations as integers, not as floats
	withExemplars bool

	wall      series.Wall
	now       series.Instant // the current time on the clock of the pushed families
	labels    []byte         // of the histogram being written
	snapshot  series.Snapshot
	exemplars []*series.Exemplar // of the series being written
	histogram histogramLines
}

func newText(wall series.Wall, now series.Instant) *text {
	return &text{
		wall:   wall,
		now:    now,
		float:  appendFloat,
		escape: helpEscaper,
		naming: func(f *series.Family) (name, suffix, typ string) {
			return f.Name(), "", f.Type().String()
		},
	}
}

func (t *text) family(out *output, f *series.Family) {
	name, suffix, typ := t.naming(f)
	created := t.created && (typ == "counter" || typ == "histogram")
	isHistogram := f.Type() == series.Histogram
	if isHistogram {
		t.histogram.float, t.histogram.wall = t.float, t.wall
		t.histogram.begin(f)
	}
	exemplars := t.withExemplars && f.HasExemplars()
	t.exemplars = t.exemplars[:0]
	states := len(f.States())
	samples, createdSamples := f.Notation(name+suffix), f.Notation(name+"_created")
	started := false
	for page := range f.Sorted {
		for _, s := range page {
			var value float64
			var ok bool
			if isHistogram {
				if exemplars { // before the snapshot, which must count them
					t.exemplars = f.AppendExemplars(t.exemplars[:0], s)
				}
				ok = f.Snapshot(s, &t.snapshot)
			} else {
				value, ok = f.Value(s, t.wall)
			}
			if !ok {
				continue
			}
			if !started {
				started = true
				out.buf = appendHelp(out.buf, name, t.escape.Replace(f.Help()))
				out.buf = appendType(out.buf, name, typ)
			}
			switch {
			case isHistogram:
				t.labels = f.AppendLabels(t.labels[:0], s)
				out.buf = t.histogram.append(out.buf, t.labels, &t.snapshot, t.exemplars)
			case states > 0:
				for i := range states {
					out.buf = append(out.buf, name...)
					out.buf = append(out.buf, '{')
					out.buf = f.AppendStateLabels(out.buf, s, i)
					out.buf = append(out.buf, "} "...)
					out.buf = t.float(out.buf, series.StateValue(i, value))
					out.buf = append(out.buf, '\n')
				}
			default:
				out.buf = samples.Append(out.buf, s)
				out.buf = t.float(out.buf, value)
				out.buf = append(out.buf, '\n')
			}
			if created {
				out.buf = createdSamples.Append(out.buf, s)
				out.buf = t.float(out.buf, float64(t.wall.UnixMilli(s.Created()))/1000)
				out.buf = append(out.buf, '\n')
			}
			if !out.flushIfFull() {
				return
			}
		}
	}
}

func appendHelp(b []byte, name, help string) []byte {
	b = append(b, "# HELP "...)
	b = append(b, name...)
	b = append(b, ' ')
	b = append(b, help...)
	return append(b, '\n')
}

func appendType(b []byte, name, typ string) []byte {
	b = append(b, "# TYPE "...)
	b = append(b, name...)
	b = append(b, ' ')
	b = append(b, typ...)
	return append(b, '\n')
}

// appendName writes a sample's name and labels, and a space. The name may be a result
// of samplePrefix.
func appendName[Text string | []byte](b []byte, name, suffix string, labels Text) []byte {
	b = append(b, name...)
	b = append(b, suffix...)
	if isSamplePrefix(name) {
		b = append(b, '"')
		if len(labels) > 0 {
			b = append(b, ',')
			b = append(b, labels...)
		}
		return append(b, "} "...)
	}
	if len(labels) > 0 {
		b = append(b, '{')
		b = append(b, labels...)
		b = append(b, '}')
	}
	return append(b, ' ')
}

// histogramLines writes the samples of a family of histograms.
type histogramLines struct {
	name  string
	float func([]byte, float64) []byte
	wall  series.Wall

	// bounds contains a text for each bucket, including +Inf: the label le="…", the
	// closing brace, and a space. The text of bucket i ends at offset ends[i].
	bounds []byte
	ends   []int
}

// begin prepares the parts that all series of the family have in common.
func (h *histogramLines) begin(f *series.Family) {
	h.name = f.Name()
	h.bounds, h.ends = h.bounds[:0], h.ends[:0]
	for _, bound := range f.Bounds() {
		h.addBound(bound)
	}
	h.addBound(math.Inf(1))
}

func (h *histogramLines) addBound(bound float64) {
	h.bounds = append(h.bounds, `le="`...)
	h.bounds = h.float(h.bounds, bound)
	h.bounds = append(h.bounds, `"} `...)
	h.ends = append(h.ends, len(h.bounds))
}

func (h *histogramLines) append(b, labels []byte, snapshot *series.Snapshot, exemplars []*series.Exemplar) []byte {
	begin := 0
	for i, end := range h.ends {
		n := snapshot.Count
		if i < len(snapshot.Buckets) {
			n = snapshot.Buckets[i]
		}
		b = append(b, h.name...)
		b = append(b, "_bucket{"...)
		if len(labels) > 0 {
			b = append(b, labels...)
			b = append(b, ',')
		}
		b = append(b, h.bounds[begin:end]...)
		begin = end
		b = strconv.AppendUint(b, n, 10)
		if len(exemplars) > 0 && exemplars[0].Bucket == i {
			b = h.appendExemplar(b, exemplars[0])
			exemplars = exemplars[1:]
		}
		b = append(b, '\n')
	}
	b = appendName(b, h.name, "_sum", labels)
	b = h.float(b, snapshot.Sum)
	b = append(b, '\n')
	b = appendName(b, h.name, "_count", labels)
	b = strconv.AppendUint(b, snapshot.Count, 10)
	return append(b, '\n')
}

// appendExemplar writes the exemplar of a bucket after its sample.
func (h *histogramLines) appendExemplar(b []byte, e *series.Exemplar) []byte {
	b = append(b, " # {"...)
	b = append(b, e.Labels...)
	b = append(b, "} "...)
	b = h.float(b, e.Value)
	b = append(b, ' ')
	return h.float(b, float64(h.wall.UnixMilli(e.At))/1000)
}

var helpEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
