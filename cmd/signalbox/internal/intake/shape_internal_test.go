package intake

import "testing"

func TestTheShapeOfTheLatestEventIsExpected(t *testing.T) {
	var ss shapes
	first := ss.keep("deploy", []string{"stage"}, 0)
	second := ss.keep("deploy", []string{"stage", "zone"}, 1)
	if got := ss.guess([]byte("deploy")); got != second {
		t.Errorf("expected %v, not the latest", got.Attributes)
	}
	for range 2 {
		for _, latest := range []*Shape{first, second, second} {
			if got, _ := ss.find("deploy", latest.Attributes); got != latest {
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
	if got := ss.guess([]byte("deploy")); got == nil {
		t.Error("expected nothing of a known name, after another")
	}
}
