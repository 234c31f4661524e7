package metric

import (
	"strconv"
	"testing"
)

func TestScratchKeepsNoLargeMap(t *testing.T) {
	w := newDispatcher("web-1", nil, nil)
	for _, n := range []int{maxScratchAttributes, maxScratchAttributes + 1} {
		l := newScratch(w)
		attributes := make(map[string]string)
		for i := range n {
			attributes[strconv.Itoa(i)] = ""
		}
		l.merge(attributes)
		l.release()
		if kept := len(l.attributes) == n; kept != (n <= maxScratchAttributes) {
			t.Errorf("a map of %d attributes: kept is %v", n, kept)
		}
	}
}
