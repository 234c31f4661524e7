package agents_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

var seeds = []string{
	"",
	"\ufeff",
	"5",
	one("a"),
	one("a") + "\r\n\n" + one("rejected") + "\noops\n" + one("b"),
	spread("a") + spread("b"),
	"[" + one("a") + "," + one("b") + ",\n5,null]",
	"[" + one("a") + ",oops]",
	"[" + one("a") + ",]",
	"[" + one("a"),
	`{"labels":{},"metrics":[{"name":"a","type":"counter","value":-0.5E-3,"labels":{"\u00e4":"\ud83d\ude80\n","\"":"\\"}}]}`,
	`{"labels":{"username":"rejected"},"metrics":[{},{"name":"x"}]}`,
	`{"metrics":[{"name":"a","type":"gauge","value":"NaN"},{"name":"a","type":"gauge","value":1e999},5]}`,
	`{"metrics":[{"name":"\ud800","type":"gauge","value":"+Inf"},{"name":"\\ud800","type":"gauge","value":"-Inf"}]}`,
	`{"metrics":[{"name":"a","type":"gauge","value":1,"labels":{"a":"1","\u0061":"2"}}]}`,
	`{"metrics":[{"name":"a","name":"a","type":"gauge","value":1},{"NAME":"a","type":null,"value":1}]}`,
	"{\"metrics\":[{\"name\":\"\xff\",\"type\":\"gauge\",\"value\":1}]}",
	`{"metrics":[],"metrics":[]}`,
}

// FuzzBody posts arbitrary bodies. The numbers in each response must be consistent, and
// the applied metrics must be those that a strict parser based on encoding/json finds.
func FuzzBody(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		for _, contentType := range []string{"application/json", "application/x-ndjson"} {
			sink := &recorder{}
			malformed := 0
			handler := agents.NewHandler(agents.Options{
				Logger: lager.NewLogger("fuzz"), Sink: sink, BodyBytes: 1 << 20, Malformed: func() { malformed++ },
			})
			r := httptest.NewRequest(http.MethodPost, agents.Path, bytes.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)

			checkAnswer(t, w, body, len(sink.metrics()), malformed)

			want, ok := updatesIn(body, contentType == "application/x-ndjson")
			if ok && !reflect.DeepEqual(sink.updates, want) {
				t.Errorf("%s: got updates %q, expected %q", contentType, sink.updates, want)
			}
		}
	})
}

func checkAnswer(t *testing.T, w *httptest.ResponseRecorder, body []byte, applied, malformed int) {
	var answer responseJSON
	decoder := json.NewDecoder(w.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil {
		t.Fatal(err)
	}

	if answer.Accepted != applied {
		t.Errorf("got accepted %d, expected %d, the number of applied metrics", answer.Accepted, applied)
	}
	if bad := w.Code != http.StatusOK; bad != (answer.Rejected > 0) || bad != (len(answer.Errors) > 0) {
		t.Errorf("got status %d with %d rejected metrics and %d errors", w.Code, answer.Rejected, len(answer.Errors))
	}
	if malformed > answer.Rejected || len(answer.Errors) > min(answer.Rejected, 10) {
		t.Errorf("got %d malformed metrics and %d errors, expected at most %d, the number of rejected ones", malformed, len(answer.Errors), answer.Rejected)
	}
	for i, e := range answer.Errors {
		if e.Line < 1 || e.Line > 1+bytes.Count(body, []byte("\n")) || i > 0 && e.Line < answer.Errors[i-1].Line {
			t.Errorf("got line %d, out of range or order in %q", e.Line, body)
		}
		if i > 0 && e.Update < answer.Errors[i-1].Update {
			t.Errorf("got update %d after %d", e.Update, answer.Errors[i-1].Update)
		}
		if len(e.Reason) > 500 || !utf8.ValidString(e.Reason) || strings.ContainsAny(e.Reason, "\n\r\x00") {
			t.Errorf("got reason %q, expected short, valid UTF-8 on one line", e.Reason)
		}
	}
}

// updatesIn returns the updates of a body that should be applied, in the form of a
// recorder's updates, according to encoding/json. It returns false if the body is
// neither lines, an array, nor JSON.
func updatesIn(body []byte, lines bool) ([][]string, bool) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	first := bytes.TrimSpace(body)
	pieces := bytes.Split(body, []byte("\n"))

	switch {
	case lines:
	case len(first) > 0 && first[0] == '[':
		pieces = elementsIn(body)
	case json.Valid(body):
		pieces = [][]byte{body}
	case json.Valid(bytes.SplitN(first, []byte("\n"), 2)[0]):
	default:
		return nil, false
	}

	sink := &recorder{}
	for _, piece := range pieces {
		base, metrics, ok := updateIn(piece)
		if ok {
			sink.UpdateFrom(context.Background(), base, metrics) //nolint:errcheck // only the recorded updates matter
		}
	}
	return sink.updates, true
}

// elementsIn returns the elements of an array before the first syntax error.
func elementsIn(array []byte) [][]byte {
	decoder := json.NewDecoder(bytes.NewReader(array))
	decoder.Token() //nolint:errcheck // it is a bracket

	var elements [][]byte
	for decoder.More() {
		var element json.RawMessage
		if decoder.Decode(&element) != nil {
			break
		}
		elements = append(elements, element)
	}
	return elements
}

func updateIn(piece []byte) (base []aggregator.Label, metrics []aggregator.Metric, ok bool) {
	keys, fields, ok := objectIn(piece)
	if !ok {
		return nil, nil, false
	}

	var elements []json.RawMessage
	found := false
	for i, key := range keys {
		switch key {
		case "labels":
			if base, ok = labelsIn(fields[i]); !ok {
				return nil, nil, false
			}
		case "metrics":
			if json.Unmarshal(fields[i], &elements) != nil || elements == nil {
				return nil, nil, false
			}
			found = true
		default:
			return nil, nil, false
		}
	}
	for _, element := range elements {
		if metric, ok := metricIn(element); ok {
			metrics = append(metrics, metric)
		}
	}
	return base, metrics, found
}

func metricIn(element []byte) (metric aggregator.Metric, ok bool) {
	keys, fields, ok := objectIn(element)
	if !ok {
		return metric, false
	}

	typed, valued := false, false
	for i, key := range keys {
		switch key {
		case "name":
			metric.Name, ok = textIn(fields[i])
		case "type":
			var name string
			name, ok = textIn(fields[i])
			metric.Type = map[string]aggregator.Type{"counter": aggregator.Counter, "gauge": aggregator.Gauge}[name]
			typed = metric.Type != 0
		case "value":
			var number *float64
			if json.Unmarshal(fields[i], &number) == nil && number != nil {
				metric.Value, valued = *number, true
				break
			}
			var name string
			name, ok = textIn(fields[i])
			metric.Value, valued = map[string]float64{"NaN": math.NaN(), "+Inf": math.Inf(1), "-Inf": math.Inf(-1)}[name]
		case "labels":
			metric.Labels, ok = labelsIn(fields[i])
		default:
			return metric, false
		}
		if !ok {
			return metric, false
		}
	}
	return metric, metric.Name != "" && typed && valued
}

func labelsIn(object []byte) ([]aggregator.Label, bool) {
	keys, values, ok := objectIn(object)
	if !ok || len(keys) > 64 {
		return nil, false
	}

	var labels []aggregator.Label
	for i, key := range keys {
		value, ok := textIn(values[i])
		if !ok {
			return nil, false
		}
		labels = append(labels, aggregator.Label{Name: key, Value: value})
	}
	return labels, true
}

// objectIn returns the members of an object. It returns false if a key is duplicated or
// damaged.
func objectIn(data []byte) (keys []string, values []json.RawMessage, ok bool) {
	if !json.Valid(data) {
		return nil, nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, _ := decoder.Token(); token != json.Delim('{') {
		return nil, nil, false
	}

	seen := map[string]bool{}
	for decoder.More() {
		before := decoder.InputOffset()
		token, _ := decoder.Token()
		key := token.(string)
		if seen[key] || damaged(data[before:decoder.InputOffset()]) {
			return nil, nil, false
		}
		seen[key] = true

		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			panic(fmt.Sprintf("decoding %q, which is valid: %v", data, err))
		}
		keys, values = append(keys, key), append(values, value)
	}
	return keys, values, true
}

func textIn(data []byte) (string, bool) {
	var s *string
	if json.Unmarshal(data, &s) != nil || s == nil || damaged(data) {
		return "", false
	}
	return *s, true
}

var (
	escapedBackslash = regexp.MustCompile(`\\\\`)
	pair             = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
	half             = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
)

// damaged reports whether encoding/json would replace invalid parts of the string.
func damaged(str []byte) bool {
	str = escapedBackslash.ReplaceAll(str, []byte("x"))
	return !utf8.Valid(str) || half.Match(pair.ReplaceAll(str, []byte("x")))
}
