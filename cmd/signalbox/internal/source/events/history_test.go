package events_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/metric"
)

// Earlier events affect what a Decoder expects, but not the result. In each pair, the
// Decoder expects the second event to be like the first.
func TestResultDoesNotDependOnEarlierEvents(t *testing.T) {
	read := func(d *events.Decoder, line string) (accepted []metric.Event, errs []string) {
		_ = d.Decode(strings.NewReader(line), source.Lines,
			func(e *events.Event) { accepted = append(accepted, plain(e)) },
			func(_ int, err error) { errs = append(errs, err.Error()) })
		return accepted, errs
	}
	ev := func(attrs string) string { return `{"name":"a","attributes":{` + attrs + `}}` }
	whole := `{"name":"a","value":1,"attributes":{"s":"v","t":"w"},"host":"h"}`
	pairs := [][2]string{
		{ev(`"s":"v"`), `{"attributes":{"s":"v"},"name":"b"}`},
		{ev(`"s":"v"`), `{"attributes":{"x":"v"},"name":"a"}`},
		{ev(`"s\"":"v"`), ev(`"s"":"v"`)},
		{ev(`"\\":"v"`), ev(`"\":"v"`)},
		{ev(`"\\n":"v"`), ev(`"\n":"v"`)},
		{ev(`"\u0001":"v"`), ev("\"\x01\":\"v\"")},
		{ev(`"s":"\\n"`), ev(`"s":"\n"`)},
		{ev(`"s":"\u0001"`), ev("\"s\":\"\x01\"")},
		{ev(`"s":"v\""`), ev(`"s":"v""`)},
	}
	for i := range whole {
		pairs = append(pairs, [2]string{whole, whole[:i]})
	}
	for _, p := range pairs {
		d := events.NewDecoder(source.Limits{})
		for range 3 {
			read(d, p[0])
		}
		got, gotErrs := read(d, p[1])
		want, wantErrs := read(events.NewDecoder(source.Limits{}), p[1])
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(gotErrs, wantErrs) {
			t.Errorf("%q after %q: got %v %q, expected %v %q", p[1], p[0], got, gotErrs, want, wantErrs)
		}
	}
	// The Scanner inspects eight bytes at a time. It must find a control character at
	// any of these positions.
	for c := range byte(' ') {
		if c == '\n' {
			continue
		}
		for i := range 24 {
			v := strings.Repeat("x", i) + string(rune(c)) + strings.Repeat("x", 24-i)
			if got, _ := read(events.NewDecoder(source.Limits{}), ev(`"s":"`+v+`"`)); len(got) > 0 {
				t.Errorf("accepted %q, expected an error", v)
			}
		}
	}
	for text, value := range map[string]float64{"12345678901234567890123": 12345678901234567890123, "3000000000": 3e9, "999999999999999": 999999999999999} {
		got, _ := read(events.NewDecoder(source.Limits{}), `{"name":"a","value":`+text+`}`)
		if got[0].Value != value {
			t.Errorf("%s: got %v, expected %v", text, got[0].Value, value)
		}
	}
}
