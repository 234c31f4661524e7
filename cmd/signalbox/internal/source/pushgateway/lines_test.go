package pushgateway

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/proto"
)

// FuzzLines decodes text with both parsers. If expfmt's accepts it, Prometheus' must
// return the same families, or reject the text because expfmt's parser would lose
// something.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		"", "x 1\n", "x{a=\"1\",} NaN 5\n", "# HELP x Help \\n\\\\.\n# TYPE x counter\nx 1\n", " \tx\t1\n\n#\n# y\n#HELP y z\n",
		"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2.5\nh_sum 1\nh_count 2\n", "x{a=\"\\\\\\\"\\n\"} 1\n",
		"# TYPE h gaugehistogram\nh_bucket{a=\"b\",le=\"1\"} 0.5\nh_count{a=\"c\",le=\"5\"} 3\n", "# TYPE x COUNTER\nx 1\nx_total 2\n",
		"# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\ns_bucket 5\n", "s_sum 1\n# TYPE s summary\ns_sum 2\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if braces, err := checkText([]byte(text)); braces || err != nil {
			return
		}
		var byName map[string]*dto.MetricFamily
		parser := expfmt.NewTextParser(model.LegacyValidation)
		err := withRecover(func() (err error) {
			byName, err = parser.TextToMetricFamilies(bytes.NewReader([]byte(text)))
			return err
		})
		if err != nil {
			return
		}
		got, err := decodeLines([]byte(text), model.LegacyValidation)
		if err != nil {
			return
		}
		for _, mf := range got {
			for _, m := range mf.Metric {
				if h := m.Histogram; h != nil && h.SampleCount == nil && h.SampleCountFloat == nil {
					return // expfmt's parser sets the count to 0
				}
			}
		}
		want := slices.SortedFunc(maps.Values(byName), byFamilyName)
		for _, mf := range slices.Concat(got, want) {
			for _, m := range mf.Metric {
				slices.SortFunc(m.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
			}
		}
		if len(got) != len(want) {
			t.Fatalf("got %v, expected %v", got, want)
		}
		for i := range got {
			if !proto.Equal(got[i], want[i]) {
				t.Errorf("got %v, expected %v", got[i], want[i])
			}
		}
	})
}
