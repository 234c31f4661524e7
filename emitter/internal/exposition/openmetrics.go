package exposition

import (
	"bytes"
	"math"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
)

// newOpenMetrics makes the OpenMetrics text format, but for the line that ends a
// page.
//
// There, the samples of a counter must end in _total, and the family is named
// without that. Names do not change from one format to the other here, so a
// counter whose name does not end so is a family of unknown type; and so is one
// that would, without it, have the name of another family.
func newOpenMetrics(names names, created bool, wall series.Wall) *text {
	return &text{
		wall:    wall,
		float:   appendOpenFloat,
		escape:  openHelpEscaper,
		created: created,
		naming: func(f *series.Family) (name, suffix, typ string) {
			if f.Type() != series.Counter {
				return f.Name(), "", f.Type().String()
			}
			base, ok := names.counterBase(f.Name())
			if !ok {
				return f.Name(), "", "unknown"
			}
			return base, "_total", "counter"
		},
	}
}

// names are the names of all families of a page.
type names map[string]bool

func namesOf(families []*series.Family, others []*dto.MetricFamily) names {
	n := make(names, len(families)+len(others))
	for _, f := range families {
		n[f.Name()] = true
	}
	for _, f := range others {
		n[f.GetName()] = true
	}
	return n
}

// counterBase is what OpenMetrics calls the family of a counter; false if it
// cannot be a counter there.
func (n names) counterBase(name string) (base string, ok bool) {
	base, ok = strings.CutSuffix(name, "_total")
	return base, ok && !n[base]
}

// untyped is a family of counters as one of no type. Go's own
// go_memstats_alloc_bytes_total needs that: there is a gauge of that name
// without _total.
func untyped(counters *dto.MetricFamily) *dto.MetricFamily {
	f := &dto.MetricFamily{Name: counters.Name, Help: counters.Help, Unit: counters.Unit, Type: dto.MetricType_UNTYPED.Enum()}
	for _, m := range counters.Metric {
		f.Metric = append(f.Metric, &dto.Metric{
			Label: m.Label, TimestampMs: m.TimestampMs, Untyped: &dto.Untyped{Value: m.GetCounter().Value},
		})
	}
	return f
}

// appendOpenFloat writes a number as OpenMetrics wants it: always as a float.
func appendOpenFloat(b []byte, v float64) []byte {
	begin := len(b)
	b = appendFloat(b, v)
	if !math.IsInf(v, 0) && !math.IsNaN(v) && !bytes.ContainsAny(b[begin:], "e.") {
		b = append(b, ".0"...)
	}
	return b
}

var openHelpEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
