package series

import (
	"fmt"
	"math"
)

// A Fold says how the gauges of several sources that have the same labels are
// shown as one.
type Fold uint8

// The folds. Alone is for series that nobody else may have the labels of.
const (
	Alone Fold = iota
	Sum
	Last // of what was updated last
	Max
	Min
	Mean
)

var foldNames = [...]string{"alone", "sum", "last", "max", "min", "mean"}

// String is the fold's name: "sum".
func (f Fold) String() string { return foldNames[f] }

// ParseFold is the fold of that name, which must not be Alone.
func ParseFold(name string) (Fold, error) {
	for f := Sum; f <= Mean; f++ {
		if foldNames[f] == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("%q is none of sum, last, max, min, mean", name)
}

// A folding is a run of series with the same labels, on its way to become a row.
type folding struct {
	labels string
	n      int
	fold   Fold
	value  float64
	at     int64 // of Last
}

// add takes one more series into the run, or begins it.
func (r *folding) add(s *OpenSeries) {
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
		r.value = math.Max(r.value, v)
	case Min:
		r.value = math.Min(r.value, v)
	case Last:
		if at >= r.at {
			r.value, r.at = v, at
		}
	}
}

// end yields the run as a row, and makes ready for the next.
func (r *folding) end(row *Row, yield func(*Row) bool) bool {
	if r.fold == Mean {
		r.value /= float64(r.n)
	}
	*row = Row{Labels: r.labels, Value: r.value}
	r.n = 0
	return yield(row)
}
