package events_test

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/metric"
)

// fuzzLimits are so small that a fuzzer reaches them.
var fuzzLimits = source.Limits{LineBytes: 300, Attributes: 4, LabelValueBytes: 24}

var seeds = []string{
	"",
	"\ufeff",
	`{"name":"a"}`,
	"{\"name\":\"a\"}\r\n\n{\"name\":\"b\",\"value\":1e3}\n",
	`{"name":"a","value":-0.5E-3,"attributes":{"s":"v","n":1.50,"b":true},"host":"h","time":"2026-08-07T10:11:12.5Z"}`,
	`{"name":"a","attributes":{"s":"v","n":"1.50","b":"","":"x"}}`,
	`{"name":"a","attributes":{"s":"v","n":"1.50","s":"v"}}`,
	`{"name":"a","attributes":{"s" : "v","n":"1.5"}}`,
	`{"name":"a","attributes":{"s":"v\u0041","n":"1.50\"","b":12345}}`,
	`{"attributes":{"s":"v","n":"w"},"name":"a"}`,
	`{"name":"\u00e4\ud83d\ude80\n","attributes":{"\"":"\\"}}`,
	`{"name":"\ud800"}`,
	`{"name":null,"value":null,"attributes":null,"host":null,"time":null}`,
	`{"name":"a","name":"b"}`,
	`{"id":"1","name":"a","value":2}`,
	`{"name":"a","id":"\u0031\""}`,
	`{"name":"a","id":""}`,
	`{"name":"a","attributes":{"k":{}}}`,
	`[{"name":"a"},{"name":5},` + "\n" + `{"name":"b"}]`,
	`[{"name":"a"},oops]`,
	"{\n\"name\": \"a\"\n}",
	"{\"name\":\"\xff\"}",
	strings.Repeat(" ", 301),
	`{"name":"` + strings.Repeat("x", 25) + `"}`,
}

// The events that precede an input in FuzzEvent. The first is written like most of the
// seeds; the second is not.
var (
	expected   = []byte(`{"name":"a","value":3,"attributes":{"s":"v","n":"1.50","b":"","":"x"}}`)
	unexpected = []byte(`{"attributes":{"s":"v"},"value":3,"name":"a"}`)
)

// A decoded is the result of decoding an input.
type decoded struct {
	events []metric.Event
	lines  []int    // of the rejections
	errs   []string // the reasons
}

func decode(t *testing.T, r io.Reader, format source.Format) decoded {
	var got decoded
	decoder := events.NewDecoder(fuzzLimits)
	err := decoder.Decode(r, format,
		func(event *events.Event) { got.events = append(got.events, plain(event)) },
		func(line int, err error) {
			got.lines = append(got.lines, line)
			got.errs = append(got.errs, err.Error())
		})
	if err != nil {
		t.Errorf("got error %v, expected none: the reader did not fail", err)
	}
	return got
}

// FuzzDecoder decodes arbitrary input. The result must not depend on the sizes of the
// reads, every line that is not blank must be either accepted or rejected, and the
// reasons must be short and in the order of the lines.
func FuzzDecoder(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, input []byte) {
		for _, format := range []source.Format{source.Lines, source.Sniff} {
			got := decode(t, bytes.NewReader(input), format)
			if again := decode(t, iotest.OneByteReader(bytes.NewReader(input)), format); !reflect.DeepEqual(got, again) {
				t.Errorf("got %+v from one read,\n%+v byte by byte", got, again)
			}

			all := bytes.Split(bytes.TrimPrefix(input, []byte("\ufeff")), []byte("\n"))
			for i, line := range got.lines {
				if line < 1 || line > len(all) || i > 0 && line < got.lines[i-1] {
					t.Errorf("got lines %v, expected ascending ones from 1 to %d", got.lines, len(all))
				}
			}
			for _, reason := range got.errs {
				if len(reason) > 400 || !utf8.ValidString(reason) || strings.ContainsAny(reason, "\n\r\x00") {
					t.Errorf("got reason %q, expected short, valid UTF-8 on one line", reason)
				}
			}
			if format != source.Lines {
				continue
			}

			filled := 0
			for _, line := range all {
				// A blank line that is too long is rejected.
				if len(bytes.Trim(line, " \t\r")) > 0 || len(bytes.TrimSuffix(line, []byte("\r"))) > fuzzLimits.LineBytes {
					filled++
				}
			}
			if handled := len(got.events) + len(got.errs); handled != filled {
				t.Errorf("got %d accepted and %d rejected events for %d lines", len(got.events), len(got.errs), filled)
			}
		}
	})
}

// FuzzEvent compares the parser with a parser based on encoding/json.
func FuzzEvent(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsAny(line, "\n") || bytes.HasPrefix(line, []byte("\ufeff")) || len(bytes.TrimSpace(line)) == 0 {
			return
		}

		got := decode(t, bytes.NewReader(line), source.Lines)
		// Earlier events affect what the parser expects, but not the result.
		if len(line) <= fuzzLimits.LineBytes {
			stream := bytes.Join([][]byte{line, expected, line, line, unexpected, line}, []byte("\n"))
			after := decode(t, bytes.NewReader(stream), source.Lines)
			if n := len(got.events); len(after.events) != 4*n+2 || n > 0 && !(reflect.DeepEqual(after.events[0], got.events[0]) &&
				reflect.DeepEqual(after.events[2], got.events[0]) && reflect.DeepEqual(after.events[3], got.events[0]) &&
				reflect.DeepEqual(after.events[5], got.events[0])) {
				t.Errorf("got %+v alone, but %+v after other events", got.events, after.events)
			}
		}
		want, ok := decodeEvent(line)
		switch {
		case ok && len(got.events) == 0:
			t.Errorf("got errors %v, expected %+v", got.errs, want)
		case !ok && len(got.events) > 0:
			t.Errorf("got %+v, expected an error", got.events[0])
		case ok && !reflect.DeepEqual(got.events[0], want):
			t.Errorf("got %+v, expected %+v", got.events[0], want)
		}
	})
}

// decodeEvent is a slow and simple parser of events.
func decodeEvent(line []byte) (metric.Event, bool) {
	event := metric.Event{Value: 1}
	fields, ok := object(line)
	if !ok || len(bytes.TrimSuffix(line, []byte("\r"))) > fuzzLimits.LineBytes {
		return event, false
	}

	for key, raw := range fields {
		var ok bool
		switch {
		case string(raw) == "null" && strings.Contains("name value attributes host time id", key) && key != "":
			ok = true
		case key == "name":
			event.Name, ok = text(raw)
		case key == "host":
			event.Host, ok = text(raw)
		case key == "id":
			var id string
			id, ok = text(raw)
			ok = ok && id != ""
		case key == "value":
			value, err := strconv.ParseFloat(string(raw), 64)
			event.Value, ok = value, err == nil && kindOf(raw) == '0'
		case key == "time":
			ok = json.Unmarshal(raw, &event.Time) == nil && kindOf(raw) == '"'
			if ok {
				var s string
				ok = json.Unmarshal(raw, &s) == nil && event.Time.UnmarshalText([]byte(s)) == nil
			}
		case key == "attributes":
			event.Attributes, ok = texts(raw)
		}
		if !ok {
			return event, false
		}
	}

	if len(event.Attributes) == 0 {
		event.Attributes = nil
	}
	return event, event.Name != ""
}

func texts(raw json.RawMessage) (map[string]string, bool) {
	members, ok := object(raw)
	if !ok || len(members) > fuzzLimits.Attributes {
		return nil, false
	}

	all := map[string]string{}
	for key, raw := range members {
		value := string(raw)
		switch kindOf(raw) {
		case '"':
			if value, ok = text(raw); !ok {
				return nil, false
			}
		case '0', 't', 'f':
		default:
			return nil, false
		}
		if len(key) > fuzzLimits.LabelValueBytes || len(value) > fuzzLimits.LabelValueBytes {
			return nil, false
		}
		all[key] = value
	}
	return all, true
}

func text(raw json.RawMessage) (string, bool) {
	var s string
	ok := kindOf(raw) == '"' && json.Unmarshal(raw, &s) == nil && !repaired(raw, s)
	return s, ok && len(s) <= fuzzLimits.LabelValueBytes
}

// object returns the members of an object in which no key is duplicated.
func object(raw []byte) (map[string]json.RawMessage, bool) {
	members := map[string]json.RawMessage{}
	if !utf8.Valid(raw) || kindOf(raw) != '{' || json.Unmarshal(raw, &members) != nil {
		return nil, false
	}

	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.Token() //nolint:errcheck // it is valid
	keys := 0
	for decoder.More() {
		before := decoder.InputOffset()
		key, _ := decoder.Token()
		if repaired(raw[before:decoder.InputOffset()], key.(string)) {
			return nil, false
		}
		var skipped json.RawMessage
		decoder.Decode(&skipped) //nolint:errcheck // it is valid
		keys++
	}
	return members, keys == len(members)
}

// repaired reports whether encoding/json replaced half of a surrogate pair with U+FFFD.
func repaired(raw []byte, s string) bool {
	lower := strings.ToLower(string(raw))
	given := strings.Count(lower, "\ufffd") + strings.Count(lower, `\ufffd`) - strings.Count(lower, `\\ufffd`)
	return strings.Count(s, "\ufffd") > given
}

func kindOf(raw []byte) byte {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	switch {
	case len(raw) == 0:
		return 0
	case raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9':
		return '0'
	default:
		return raw[0]
	}
}

// FuzzLager checks that each line of a log is either an event, or counted and copied.
func FuzzLager(f *testing.F) {
	for _, seed := range []string{
		"",
		"a\nb",
		`{"timestamp":"2026-01-02T15:04:05Z","message":"a.emit.event","data":{"name":"a","value":1,"x-y":"z","l":[1]}}`,
		`{"timestamp":"1546300800.12","message":"a.emit.event","data":{"name":"\u003c","value":1e3,"x":null}}`,
		`{"data":{"message":"b.emit.event"},"message":"a.emit.event"` + "\n" + strings.Repeat(".emit.event\"", 40),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.ReplaceAll(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\r"), nil)
		var rest bytes.Buffer
		var accepted, rejected, skipped int
		decoder := events.NewDecoder(fuzzLimits)
		err := decoder.DecodeLager(iotest.HalfReader(bytes.NewReader(text)), &rest,
			func(event *events.Event) {
				accepted++
				if event.Name == "" || len(event.Values) != len(event.Shape.Attributes) {
					t.Errorf("got invalid event %+v", event)
				}
			},
			func(int, error) { rejected++ },
			func() { skipped++ })
		if err != nil {
			t.Fatal(err)
		}

		lines := bytes.Count(text, []byte("\n"))
		if len(text) > 0 && text[len(text)-1] != '\n' {
			lines++
		}
		if accepted+rejected+skipped != lines {
			t.Errorf("got %d accepted, %d rejected and %d skipped lines, expected %d in total", accepted, rejected, skipped, lines)
		}
		if accepted == 0 && !bytes.Equal(bytes.TrimSuffix(rest.Bytes(), []byte("\n")), bytes.TrimSuffix(text, []byte("\n"))) {
			t.Errorf("got copy %q, expected %q", rest.Bytes(), text)
		}
	})
}
