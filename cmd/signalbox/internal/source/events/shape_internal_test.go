package events

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
)

func TestGuessReturnsLatestShape(t *testing.T) {
	var ss shapes
	first := ss.keep("deploy", []string{"stage"})
	second := ss.keep("deploy", []string{"stage", "zone"})
	if got := ss.guess([]byte("deploy")); got != second {
		t.Errorf("guessed %v, expected the latest shape, %v", got.Attributes, second.Attributes)
	}
	for range 2 {
		for _, latest := range []*Shape{first, second, second} {
			if got := ss.find("deploy", latest.Attributes); got != latest {
				t.Errorf("found %v, expected %v", got, latest.Attributes)
			}
			if got := ss.guess([]byte("deploy")); got != latest {
				t.Errorf("guessed %v, expected the latest shape, %v", got.Attributes, latest.Attributes)
			}
		}
	}
	if got := ss.guess([]byte("build")); got != nil {
		t.Errorf("guessed %v for an unknown name, expected nil", got)
	}
	ss.find("deploy", first.Attributes)
	ss.guess([]byte("build"))
	if got := ss.guess([]byte("deploy")); got != first {
		t.Errorf("guessed %v after an event with another name, expected the latest shape, %v", got, first)
	}
}

func TestShapesUseBoundedMemory(t *testing.T) {
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
				t.Fatalf("%d attributes are kept, expected at most %d", ss.attributes, maxShapeAttributes)
			}
		}, func(line int, err error) { t.Fatal(line, err) }); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	for name, ofName := range ss.byName {
		for _, s := range ofName {
			kept += 1 + len(s.Attributes)
			for _, text := range append(append([]string{name}, s.Attributes...), s.latest...) {
				if len(text) > maxTextBytes {
					t.Fatalf("a text of %d bytes is kept, expected at most %d", len(text), maxTextBytes)
				}
			}
		}
	}
	if kept != ss.attributes || kept == 0 {
		t.Errorf("%d attributes are kept, expected the count %d", kept, ss.attributes)
	}
}
