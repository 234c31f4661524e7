package series

import (
	"errors"
	"slices"
	"testing"
)

func TestSampleNames(t *testing.T) {
	for typ, want := range map[Type][]string{
		Counter:        {"x"},
		Gauge:          {"x"},
		Untyped:        {"x"},
		Summary:        {"x", "x_sum", "x_count"},
		Histogram:      {"x", "x_bucket", "x_sum", "x_count"},
		GaugeHistogram: {"x", "x_bucket", "x_sum", "x_count"},
	} {
		if got := SampleNames("x", typ); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, expected %q", typ, got, want)
		}
	}
}

func TestOpenMetricsNames(t *testing.T) {
	for _, test := range []struct {
		name string
		typ  Type
		want []string
	}{
		{"x_total", Counter, []string{"x", "x_created"}},
		{"x", Counter, nil},
		{"_total", Counter, nil},
		{"x_total", Gauge, nil},
		{"x", Untyped, nil},
		{"x", Summary, []string{"x_created"}},
		{"x", Histogram, []string{"x_created"}},
		{"x", GaugeHistogram, nil},
	} {
		if got := OpenMetricsNames(test.name, test.typ); !slices.Equal(got, test.want) {
			t.Errorf("%s %s: got %q, expected %q", test.typ, test.name, got, test.want)
		}
	}
}

func TestCheckSampleNames(t *testing.T) {
	types := map[string]Type{
		"h": Histogram, "s": Summary, "gh": GaugeHistogram, "c": Counter, "c_total": Counter, "g": Gauge, "u": Untyped, "any": AnyType,
		"a_bucket": Gauge, "b_sum": Counter, "d_count": Untyped, "e_created": Gauge, "f_sum": AnyType,
	}
	all := []Type{Counter, Gauge, Histogram, Untyped, Summary, GaugeHistogram}
	distributions := []Type{Histogram, GaugeHistogram, Summary}
	for _, test := range []struct {
		name    string
		created bool
		other   string
		refused []Type // all others are accepted
	}{
		{"x", true, "", nil},
		{"g", true, "", nil}, // the name itself is the caller's concern
		{"_sum", true, "", nil},
		{"h_total", true, "", nil},
		{"h_sum_sum", true, "", nil},

		{"h_bucket", false, "h", all},
		{"h_sum", false, "h", all},
		{"h_count", false, "h", all},
		{"h_created", false, "", nil},
		{"h_created", true, "h", all},
		{"gh_bucket", false, "gh", all},
		{"gh_sum", false, "gh", all},
		{"gh_count", false, "gh", all},
		{"gh_created", true, "", nil},
		{"s_bucket", true, "", nil},
		{"s_sum", false, "s", all},
		{"s_count", false, "s", all},
		{"s_created", false, "", nil},
		{"s_created", true, "s", all},
		{"c_sum", true, "", nil},
		{"c_created", true, "", nil},
		{"g_count", true, "", nil},
		{"u_bucket", true, "", nil},
		{"any_bucket", false, "any", all},
		{"any_sum", false, "any", all},
		{"any_count", false, "any", all},
		{"any_created", true, "any", all},

		{"a", false, "a_bucket", []Type{Histogram, GaugeHistogram}},
		{"b", false, "b_sum", distributions},
		{"d", false, "d_count", distributions},
		{"e", false, "", nil},
		{"e", true, "e_created", []Type{Histogram, Summary}},
		{"f", false, "f_sum", distributions},
	} {
		for _, typ := range all {
			err := CheckSampleNames(test.name, typ, test.created, func(name string) (Type, bool) {
				typ, ok := types[name]
				return typ, ok
			})
			if !slices.Contains(test.refused, typ) {
				if err != nil {
					t.Errorf("%s %s, created=%t: %v", typ, test.name, test.created, err)
				}
				continue
			}
			clash, ok := errors.AsType[*NameClash](err)
			if !ok {
				t.Errorf("%s %s, created=%t: got %v, expected a clash with %s", typ, test.name, test.created, err, test.other)
			} else if want := (NameClash{Name: test.name, Type: typ, Other: test.other, OtherType: types[test.other]}); *clash != want {
				t.Errorf("%s %s, created=%t: got %+v, expected %+v", typ, test.name, test.created, *clash, want)
			}
		}
	}
}

func TestNameClashNamesBothMetrics(t *testing.T) {
	for want, c := range map[string]NameClash{
		"metric h_sum has the name of a sample of the histogram h":   {Name: "h_sum", Other: "h", OtherType: Histogram},
		"metric h_sum has the name of a sample of the metric h":      {Name: "h_sum", Other: "h", OtherType: AnyType},
		"metric h would have a sample with the name of metric h_sum": {Name: "h", Other: "h_sum", OtherType: Gauge},
	} {
		if got := c.Error(); got != want {
			t.Errorf("got %q, expected %q", got, want)
		}
	}
}
