package aggregator

import (
	"fmt"
	"math/big"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// An exactSum is a sum of finite numbers without rounding errors. So the order in which
// numbers are added and subtracted does not matter, even across restarts, and adding a
// non-negative number never decreases the sum. The zero value is 0. An exactSum must
// not be copied.
type exactSum struct{ sum big.Float }

// exactBits is the precision of a sum. It suffices for the range from the smallest to
// the largest float64, and for 2^64 additions.
const exactBits = 2200

// add adds v.
func (e *exactSum) add(v float64) {
	var x big.Float
	e.sum.SetPrec(exactBits).Add(&e.sum, x.SetFloat64(v))
}

// addExact adds another sum.
func (e *exactSum) addExact(v *exactSum) { e.sum.SetPrec(exactBits).Add(&e.sum, &v.sum) }

// value returns the float64 nearest to the sum.
func (e *exactSum) value() float64 {
	v, _ := e.sum.Float64()
	return v
}

// String returns the sum without rounding, in the format that parse reads.
func (e *exactSum) String() string { return e.sum.Text('p', 0) }

// parse sets the sum to the one in the text, which String returned.
func (e *exactSum) parse(text string) error {
	if _, _, err := e.sum.SetPrec(exactBits).Parse(text, 0); err != nil {
		return fmt.Errorf("invalid sum %q: %w", excerpt.Short(text), err)
	}
	return nil
}
