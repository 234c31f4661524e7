package metric

import (
	"strconv"
	"testing"
)

func TestLaneKeepsNoLargeMap(t *testing.T) {
	w := newWiring("web-1", nil, nil)
	for _, n := range []int{maxLaneAttributes, maxLaneAttributes + 1} {
		l := newLane(w)
		attributes := make(map[string]string)
		for i := range n {
			attributes[strconv.Itoa(i)] = ""
		}
		l.merge(attributes)
		l.giveBack()
		if kept := len(l.attributes) == n; kept != (n <= maxLaneAttributes) {
			t.Errorf("a map of %d attributes: kept is %v", n, kept)
		}
	}
}
