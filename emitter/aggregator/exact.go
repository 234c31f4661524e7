package aggregator

import (
	"fmt"
	"math/big"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// An exact is a sum of finite numbers without rounding errors. So it is the same in
// whatever order numbers are added and subtracted, even after a restart, and adding a
// number that is not negative never decreases it. The zero value is 0. It must not be
// copied.
type exact struct{ sum big.Float }

// exactBits is the precision for the difference between the largest and the smallest
// number, and for 2^64 additions.
const exactBits = 2200

// add adds v.
func (e *exact) add(v float64) {
	var x big.Float
	e.sum.SetPrec(exactBits).Add(&e.sum, x.SetFloat64(v))
}

// addExact adds another sum.
func (e *exact) addExact(v *exact) { e.sum.SetPrec(exactBits).Add(&e.sum, &v.sum) }

// value returns the nearest float64.
func (e *exact) value() float64 {
	v, _ := e.sum.Float64()
	return v
}

// String returns the sum in full.
func (e *exact) String() string { return e.sum.Text('p', 0) }

// parse sets the sum to a text that String returned.
func (e *exact) parse(text string) error {
	if _, _, err := e.sum.SetPrec(exactBits).Parse(text, 0); err != nil {
		return fmt.Errorf("invalid sum %q: %w", excerpt.Short(text), err)
	}
	return nil
}
