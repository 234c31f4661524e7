package series

import (
	"fmt"
	"math"
)

// A Fold defines how gauges with the same labels from several sources are combined into
// one.
type Fold uint8

// The folds. Alone is for series whose labels no other series may have. Like PromQL,
// Max and Min ignore NaN, unless all values are NaN.
const (
	Alone Fold = iota
	Sum
	Last // the value that was updated last
	Max
	Min
	Mean
)

var foldNames = [...]string{"alone", "sum", "last", "max", "min", "mean"}

// String returns the name of the fold, such as "sum".
func (f Fold) String() string { return foldNames[f] }

// ParseFold returns the fold with the name. It accepts all but Alone.
func ParseFold(name string) (Fold, error) {
	for f := Sum; f <= Mean; f++ {
		if foldNames[f] == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("got %q, expected sum, last, max, min or mean", name)
}

// A foldRun combines a run of consecutive series with the same labels into a row.
type foldRun struct {
	labels string
	n      int
	fold   Fold
	value  float64
	at     int64 // when the value was updated; for Last
}

// add adds a series to the run.
func (r *foldRun) add(s *OpenSeries) {
	v, at := s.Value(), s.updated.Load()
	r.n++
	if r.n == 1 {
		r.labels, r.fold, r.value, r.at = s.labels, s.fold, v, at
		return
	}
	switch r.fold {
	case Sum, Mean:
		r.value += v
	case Max:
		if v > r.value || math.IsNaN(r.value) {
			r.value = v
		}
	case Min:
		if v < r.value || math.IsNaN(r.value) {
			r.value = v
		}
	case Last:
		if at >= r.at {
			r.value, r.at = v, at
		}
	}
}

// end yields the run as a row, and resets it for the next run.
func (r *foldRun) end(row *Row, yield func(*Row) bool) bool {
	if r.fold == Mean {
		r.value /= float64(r.n)
	}
	*row = Row{Labels: r.labels, Value: r.value}
	r.n = 0
	return yield(row)
}
