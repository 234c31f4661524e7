package exposition

import (
	"bytes"
	"math"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
)

// newOpenMetrics makes the OpenMetrics text format, but for the line that ends a
// page.
//
// There, the samples of a counter must end in _total, and the family is named
// without that. Names do not change from one format to the other here, so a
// counter whose name does not end so is a family of unknown type; and so is one
// that would, without it, have the name of another family.
func newOpenMetrics(families []*series.Family, created bool, wall series.Wall) *text {
	names := make(map[string]bool, len(families))
	for _, f := range families {
		names[f.Name()] = true
	}
	return &text{
		wall:    wall,
		float:   appendOpenFloat,
		escape:  openHelpEscaper,
		created: created,
		naming: func(f *series.Family) (name, suffix, typ string) {
			if f.Type() != series.Counter {
				return f.Name(), "", f.Type().String()
			}
			base, ok := strings.CutSuffix(f.Name(), "_total")
			if !ok || names[base] {
				return f.Name(), "", "unknown"
			}
			return base, "_total", "counter"
		},
	}
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
