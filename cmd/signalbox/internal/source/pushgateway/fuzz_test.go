package pushgateway_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/pagetest"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// A fuzzed is a handler with a store that records the last push.
type fuzzed struct {
	handler http.Handler
	discard
	pushed *aggregator.Push
}

func newFuzzed() *fuzzed {
	f := &fuzzed{}
	f.handler = pushgateway.NewHandler(pushgateway.Options{Store: f, Logger: lager.NewLogger("fuzz"), BodyBytes: 1 << 20})
	return f
}

func (f *fuzzed) Push(_ context.Context, p aggregator.Push) error {
	if p.Invalid != nil {
		return &aggregator.PushError{Refusal: aggregator.Inconsistent, Err: p.Invalid}
	}
	f.pushed = &p
	return nil
}

// put pushes a body, and returns the push that the store received, or nil if the
// handler rejected it.
func (f *fuzzed) put(t *testing.T, path string, contentType string, body []byte) (*aggregator.Push, *httptest.ResponseRecorder) {
	t.Helper()
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil, nil
	}
	r := httptest.NewRequest(http.MethodPut, "/", bytes.NewReader(body))
	r.URL = u
	r.Header.Set("Content-Type", contentType)

	f.pushed = nil
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if (f.pushed != nil) != (w.Code == http.StatusOK) {
		t.Fatalf("%s: got status %d, but pushed: %t", path, w.Code, f.pushed != nil)
	}
	if !utf8.Valid(w.Body.Bytes()) || w.Body.Len() > 4200 {
		t.Errorf("%s: got response %q, expected short, valid UTF-8", path, w.Body)
	}
	return f.pushed, w
}

// FuzzPath pushes to arbitrary paths. The handler must accept the same paths as a
// simple parser, with the same labels, and return the same labels if they are
// base64-encoded.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"/metrics/job/j", "/metrics/job/j/", "/metrics/job/j/e/", "/metrics/job/j/a/b/c/d",
		"/metrics/job@base64/YQ==/l@base64/_w", "/metrics/job%40base64/YQ", "/metrics/job/a%2Fb/n%61me/%2F",
		"/metrics//job/j", "//metrics/job/j", "/metrics/job/j/../k/./", "/metrics/job/%2e%2e/l/%2E", "/metrics/job/j/job/k",
		"/metrics/job/j/__x/v", "/metrics/job/%FF", "/metrics/job/j?ttl=5", "/metrics/job/j/l/1/l/2", "/api/v1/metrics", "/", "*",
		"http://host/metrics/job/j", "http:metrics", "/%6detrics/job/j", "/metrics/job/☃/é/v",
	} {
		f.Add(seed)
	}
	handler := newFuzzed()

	f.Fuzz(func(t *testing.T, path string) {
		got, w := handler.put(t, path, "", nil)
		if w == nil {
			return
		}
		u, _ := url.ParseRequestURI(path)
		r := &http.Request{Method: http.MethodPut, URL: u}
		switch {
		case w.Code == http.StatusTemporaryRedirect:
			followRedirect(t, handler, r, w)
			return
		case !pushgateway.Handles(r) && w.Code != http.StatusNotFound:
			t.Errorf("got status %d, expected 404: Handles reported false", w.Code)
		}

		want, ok := readPath(u.EscapedPath())
		if strings.Count(path, "/") > 120 {
			return // near the limit of labels
		}
		if u.RawQuery != "" {
			return
		}
		if ok != (got != nil) {
			t.Fatalf("got accepted %t, expected %t: %s", got != nil, ok, w.Body)
		}
		if !ok {
			return
		}
		if labels := labelMap(t, got.Grouping); !maps.Equal(labels, want) {
			t.Fatalf("got labels %q, expected %q", labels, want)
		}

		encoded := "/metrics/job@base64/" + inBase64(want["job"])
		for name, value := range want {
			if name != "job" {
				encoded += "/" + name + "@base64/" + inBase64(value)
			}
		}
		again, w := handler.put(t, encoded, "", nil)
		if again == nil || !slices.Equal(again.Grouping, got.Grouping) {
			t.Errorf("base64-encoded as %q, the path is rejected or has other labels: %s", encoded, w.Body)
		}
	})
}

func inBase64(value string) string {
	if value == "" {
		return "="
	}
	return base64.RawURLEncoding.EncodeToString([]byte(value))
}

// followRedirect checks that a redirect stays on this host, and that its target does
// not redirect again.
func followRedirect(t *testing.T, f *fuzzed, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	location := w.Header().Get("Location")
	if !pushgateway.Handles(r) || !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.HasPrefix(location, "/\\") {
		t.Errorf("redirected to %q, expected a path of this API", location)
	}
	resolved, err := (&url.URL{Scheme: "http", Host: "here"}).Parse(location)
	if err != nil || resolved.Host != "here" {
		t.Errorf("redirected to %q, which resolves to %v, %v", location, resolved, err)
	}
	if _, w := f.put(t, location, "", nil); w == nil || w.Code == http.StatusTemporaryRedirect {
		t.Errorf("redirected to %q, which is redirected again", location)
	}
}

// labelMap returns the labels as a map. They must be sorted by name, without
// duplicates.
func labelMap(t *testing.T, labels []aggregator.Label) map[string]string {
	t.Helper()
	all := map[string]string{}
	for i, label := range labels {
		if i > 0 && labels[i-1].Name >= label.Name {
			t.Errorf("got labels %q, expected them to be sorted", labels)
		}
		all[label.Name] = label.Value
	}
	return all
}

var (
	labelName  = regexp.MustCompile(`^([a-zA-Z]|_[a-zA-Z0-9]|_$)[a-zA-Z0-9_]*$`)
	base64Text = regexp.MustCompile(`^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?$`)
)

// readPath is a slow and simple parser of clean paths.
func readPath(escaped string) (map[string]string, bool) {
	var parts []string
	raw := strings.Split(escaped, "/")
	for i, part := range raw {
		if i >= 3 && (part == "." || part == ".." || part == "" && i < len(raw)-1) {
			return nil, false
		}
		part, err := url.PathUnescape(part)
		if err != nil {
			return nil, false
		}
		parts = append(parts, part)
	}
	if len(parts) < 4 || parts[0] != "" || parts[1] != "metrics" || parts[2] != "job" && parts[2] != "job@base64" {
		return nil, false
	}
	if len(parts) == 5 && parts[4] == "" {
		parts = parts[:4]
	}
	if len(parts)%2 != 0 {
		return nil, false
	}

	labels := map[string]string{}
	for i := len(parts) - 2; i >= 2; i -= 2 { // the first job and the last of all other labels count
		name, value := parts[i], parts[i+1]
		if plain, ok := strings.CutSuffix(name, "@base64"); ok {
			name = plain
			if value, ok = fromBase64(value); !ok {
				return nil, false
			}
		}
		if !labelName.MatchString(name) || !utf8.ValidString(value) {
			return nil, false
		}
		if _, ok := labels[name]; !ok || i == 2 {
			labels[name] = value
		}
	}
	return labels, labels["job"] != ""
}

func fromBase64(value string) (string, bool) {
	for strings.HasSuffix(value, "=") {
		value = value[:len(value)-1]
	}
	value = strings.NewReplacer("\r", "", "\n", "").Replace(value) // as all decoders of encoding/base64 do
	if !base64Text.MatchString(value) {
		return "", false
	}
	value = strings.NewReplacer("-", "+", "_", "/").Replace(value)
	for len(value)%4 != 0 {
		value += "="
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	return string(raw), err == nil
}

// FuzzBody pushes arbitrary bodies, as text and as protobuf, to a real aggregator.
// After each push, accepted or not, the groups must be valid for a registry, for every
// exposition format and for the API.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		"", "x 1\n", "x{a=\"1\"} NaN 5\n", "# HELP x Help \\n\\\\.\n# TYPE x counter\nx 1\n",
		"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n",
		"# TYPE h gaugehistogram\nh_bucket{a=\"b\",le=\"1\"} 0.5\n",
		"# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n",
		"g 1\n# TYPE s summary\ng 2\n{\"s\",a=\"1\"} 1\n", "{\"x\",\"a\"=\"1\"} 1\n", "# TYPE \"a.b\" histogram\n{\"a.b_bucket\",\"c.d\"=\"1\",le=\"+Inf\"} 1\n{\"a.b_sum\",\"c.d\"=\"1\"} 1\n",
		"x{a=\"\",le=\"1\"} -0\nx{le=\"1.0\"} 1\n", "# TYPE a counter\na_total 1 # {t=\"1\"} 1 1\na_created 1\n# TYPE b info\nb_info{c=\"1\"} 1\n# EOF\n",
		"# TYPE h gaugehistogram\nh_bucket{le=\"+Inf\"} 1\nh_gcount 1\nh_gsum -0\n# TYPE s stateset\ns{s=\"a\"} 1\n# EOF",
		"# TYPE \"a\x00b\" counter\n{\"a\x00b\"} 1\n", "x{\"a\x00b\"=\"1\"} 1\n",
		delimited(familyOf("`\x18\x00", dto.MetricType_COUNTER, gaugeOf(1))), delimited(familyOf("x", dto.MetricType_GAUGE, gaugeOf(1, "a\x00b", "1"))),
		"{} 1\n", "x{__a=\"1\"} 1\n", "x{a=\"\xff\"} 1\n",
		delimited(familyOf("x", dto.MetricType_GAUGE, gaugeOf(1, "b", "1", "a", "2"), gaugeOf(2))),
		delimited(familyOf("x", dto.MetricType_COUNTER, gaugeOf(1)), familyOf("x", dto.MetricType_COUNTER)),
		delimited(familyOf("h", dto.MetricType_HISTOGRAM, histogramOf(nativeOf()))),
		delimited(familyOf("h", dto.MetricType_GAUGE_HISTOGRAM, histogramOf(&dto.Histogram{Bucket: []*dto.Bucket{bucketOf(1, 0)}}, "l", "e"))),
		delimited(familyOf("c", dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{
			Exemplar: &dto.Exemplar{Label: pairs("a", "b"), Timestamp: timestamppb.New(time.Unix(1, 0))}, CreatedTimestamp: timestamppb.New(time.Unix(1, 0)),
		}})),
	} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		for _, contentType := range []string{"", protobufType, "application/openmetrics-text"} {
			for _, aggregateBy := range [][]string{nil, {"job"}} {
				if status, answer := pushAndCheck(t, body, contentType, aggregateBy); status != http.StatusOK && status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge {
					t.Errorf("got status %d, expected 200, 400 or 413: %s", status, answer)
				}
			}
		}
	})
}

// TestEveryFormat pushes metrics of all types in every format, which must be accepted,
// and checks the pages in every format.
func TestEveryFormat(t *testing.T) {
	for contentType, bodies := range map[string][]string{
		"": {
			"u{a=\"\"} -0\n# TYPE c counter\nc 1\n# TYPE g gauge\ng NaN\n# TYPE s summary\ns{quantile=\".5\"} -0\ns_sum NaN\ns_count 1\n" +
				"# TYPE h histogram\nh_bucket{le=\"1e0\"} 2\nh_bucket{le=\"Inf\"} 2.5\nh_sum 1\n",
			"# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 3\nh_count 9\nh_sum -Inf\n# TYPE c_total counter\nc_total -1\nc 1\nc_created 1\n",
			"# TYPE \"a.b\" histogram\n{\"a.b_bucket\",\"c.d\"=\"1\",le=\"+Inf\"} 1\n{\"a.b_sum\",\"c.d\"=\"1\"} 1\n",
		},
		"application/openmetrics-text": {
			"# TYPE c counter\nc_total 1 # {t=\"1\"} 1 1\nc_created 1\n# TYPE g gauge\ng -0\n# TYPE i info\ni_info{v=\"\"} 1\n# TYPE st stateset\nst{st=\"a\"} 1\nst{st=\"b\"} 0\n" +
				"# TYPE s summary\ns{quantile=\"0.50\"} NaN\ns_count 1\ns_sum 0\ns_created 1\n# TYPE u unknown\nu +Inf\n" +
				"# TYPE gh gaugehistogram\ngh_bucket{le=\"-1\"} 1 # {} 1\ngh_bucket{le=\"+Inf\"} 1\ngh_gcount 1\ngh_gsum -1\n" +
				"# TYPE h_seconds histogram\n# UNIT h_seconds seconds\nh_seconds_bucket{le=\"1e0\"} 1 # {t=\"1\"} 1\nh_seconds_bucket{le=\"+Inf\"} 1\nh_seconds_count 1\nh_seconds_sum 1\nh_seconds_created 1\n# EOF",
		},
		protobufType: {
			delimited(
				familyOf("u", dto.MetricType_UNTYPED, &dto.Metric{Untyped: &dto.Untyped{Value: proto.Float64(math.Copysign(0, -1))}, Label: pairs("a", "")}),
				familyOf("g", dto.MetricType_GAUGE, gaugeOf(math.NaN())),
				familyOf("c", dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{
					Exemplar: &dto.Exemplar{Label: pairs("a", "b"), Timestamp: timestamppb.New(time.Unix(1, 0))}, CreatedTimestamp: timestamppb.New(time.Unix(1, 0)),
				}}),
				familyOf("s", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{SampleCount: proto.Uint64(1), SampleSum: proto.Float64(-1)}}),
				familyOf("n", dto.MetricType_HISTOGRAM, histogramOf(nativeOf())),
				familyOf("gh", dto.MetricType_GAUGE_HISTOGRAM, histogramOf(nativeOf())),
				familyOf("h", dto.MetricType_HISTOGRAM, histogramOf(&dto.Histogram{SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{bucketOf(math.Inf(1), 3), bucketOf(1, 1)}})),
			),
		},
	} {
		for _, body := range bodies {
			if status, answer := pushAndCheck(t, []byte(body), contentType, nil); status != http.StatusOK {
				t.Errorf("got status %d, expected 200: %s", status, answer)
			}
			pushAndCheck(t, []byte(body), contentType, []string{"job"}) // not all of them can be aggregated
		}
	}
}

// pushAndCheck pushes a body to two groups of a new aggregator, and checks what it
// serves. It returns the status and the body of the last response.
func pushAndCheck(t *testing.T, body []byte, contentType string, aggregateBy []string) (status int, answer string) {
	t.Helper()
	store, err := aggregator.New(aggregator.Options{GroupUTF8Names: true, GroupAggregateBy: aggregateBy})
	if err != nil {
		t.Fatal(err)
	}
	handler := pushgateway.NewHandler(pushgateway.Options{Store: store.Groups, Logger: lager.NewLogger("fuzz"), BodyBytes: 1 << 20, UTF8Names: true})
	for _, run := range []string{"1", "2"} {
		r := httptest.NewRequest(http.MethodPut, "/metrics/job/j/run/"+run, bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		status, answer = w.Code, w.Body.String()
	}
	checkScrape(t, store)
	checkPages(t, store)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/metrics", nil))
	if w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) {
		t.Errorf("got status %d and body %s from the API, expected JSON", w.Code, w.Body)
	}
	return status, answer
}

// checkPages checks that the metrics page with all metrics in a store is valid in every
// format, and can be parsed by Prometheus.
func checkPages(t *testing.T, store *aggregator.Aggregator) {
	t.Helper()
	sources := exposition.NewSources(series.NewStore(series.Options{}), func(string) string { return "" })
	sources.Push(store)
	page := sources.Page()
	page.Others, page.Created = nil, true
	for _, accept := range pagetest.Formats {
		format := expfmt.NegotiateAccept(http.Header{"Accept": {accept}}, expfmt.DefaultOpenMetricsAcceptedFormats()...)
		var b bytes.Buffer
		if err := page.Write(&b, format); err != nil && !strings.Contains(err.Error(), "omitted") {
			t.Errorf("%s: %v", format, err)
		}
		if err := pagetest.Check(b.Bytes(), string(format)); err != nil {
			t.Errorf("%s: %v\n%s", format, err, b.Bytes())
		}
	}
}

// checkScrape checks that all metrics in a store can be gathered, encoded and, from the
// text format, parsed again.
func checkScrape(t *testing.T, store *aggregator.Aggregator) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(store); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Error(err)
	}

	for _, family := range families {
		for _, format := range []expfmt.Format{
			expfmt.NewFormat(expfmt.TypeTextPlain),
			expfmt.NewFormat(expfmt.TypeOpenMetrics),
			expfmt.NewFormat(expfmt.TypeProtoDelim),
		} {
			var text bytes.Buffer
			encoder := expfmt.NewEncoder(&text, format, expfmt.WithCreatedLines())
			if err := encoder.Encode(family); err != nil {
				if strings.Contains(err.Error(), "does not support float histogram") {
					continue // other formats do
				}
				t.Errorf("as %s: %v", format, err)
			}
			if !utf8.Valid(text.Bytes()) && format.FormatType() != expfmt.TypeProtoDelim {
				t.Errorf("got %q, expected valid UTF-8", text.Bytes())
			}
			if format.FormatType() == expfmt.TypeTextPlain {
				parser := expfmt.NewTextParser(model.UTF8Validation)
				if strings.Contains(text.String(), `{"`) {
					continue // the parser does not support all names
				}
				if _, err := parser.TextToMetricFamilies(&text); err != nil {
					t.Errorf("parsing the metrics again: %v", err)
				}
			}
		}
	}
}
