package metric

import (
	"strconv"
	"testing"
)

func TestScratchKeepsNoLargeMap(t *testing.T) {
	d := newDispatcher("web-1", nil, nil)
	for _, n := range []int{maxScratchAttributes, maxScratchAttributes + 1} {
		s := newScratch(d)
		attributes := make(map[string]string)
		for i := range n {
			attributes[strconv.Itoa(i)] = ""
		}
		s.merge(attributes)
		s.release()
		if kept := len(s.attributes) == n; kept != (n <= maxScratchAttributes) {
			t.Errorf("map of %d attributes: got kept %v, want %v", n, kept, !kept)
		}
	}
}
