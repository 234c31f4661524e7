package events

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
)

func TestTheShapeOfTheLatestEventIsExpected(t *testing.T) {
	var ss shapes
	first := ss.keep("deploy", []string{"stage"})
	second := ss.keep("deploy", []string{"stage", "zone"})
	if got := ss.guess([]byte("deploy")); got != second {
		t.Errorf("expected %v, not the latest", got.Attributes)
	}
	for range 2 {
		for _, latest := range []*Shape{first, second, second} {
			if got := ss.find("deploy", latest.Attributes); got != latest {
				t.Errorf("found %v for %v", got, latest.Attributes)
			}
			if got := ss.guess([]byte("deploy")); got != latest {
				t.Errorf("expected %v, not the latest, %v", got.Attributes, latest.Attributes)
			}
		}
	}
	if got := ss.guess([]byte("build")); got != nil {
		t.Errorf("expected %v of an unknown name", got)
	}
	ss.find("deploy", first.Attributes)
	ss.guess([]byte("build"))
	if got := ss.guess([]byte("deploy")); got != first {
		t.Errorf("expected %v after an event of another name, not the latest", got)
	}
}

func TestWhatShapesHoldOnToIsBounded(t *testing.T) {
	long := strings.Repeat("x", maxTextBytes+1)
	decoder := NewDecoder(source.Limits{})
	ss := &decoder.events.shapes
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lines, `{"name":"event %d","attributes":{`, i)
		for j := range i % 20 {
			fmt.Fprintf(&lines, `"a%d":"%s",`, j, long)
		}
		lines.WriteString(`"last":"x"}}` + "\n")
		fmt.Fprintf(&lines, `{"name":"%s"}`+"\n"+`{"name":"long","attributes":{"%s":"x"}}`+"\n", long, long)
	}
	for range 2 {
		if err := decoder.Decode(strings.NewReader(lines.String()), source.Lines, func(*Event) {
			if ss.attributes > maxShapeAttributes {
				t.Fatalf("%d attributes are kept", ss.attributes)
			}
		}, func(line int, err error) { t.Fatal(line, err) }); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	for name, ways := range ss.byName {
		for _, s := range ways {
			kept += 1 + len(s.Attributes)
			for _, text := range append(append([]string{name}, s.Attributes...), s.latest...) {
				if len(text) > maxTextBytes {
					t.Fatalf("a text of %d bytes is kept", len(text))
				}
			}
		}
	}
	if kept != ss.attributes || kept == 0 {
		t.Errorf("%d attributes are kept, %d were counted", kept, ss.attributes)
	}
}
