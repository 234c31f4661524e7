package source

import (
	"fmt"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// smallBytes is the amount of memory up to which a body is small. A part of the budget
// is reserved for small bodies, so that large ones that arrive slowly do not block
// them.
const smallBytes = 256 << 10

// A reservation is the part of a budget that one body takes up.
type reservation struct {
	budget *membudget.Budget // nil if memory is not limited
	bytes  int64
	others int64 // bytes that the same request has reserved otherwise
}

// add reserves n more bytes.
func (r *reservation) add(n int64) error {
	if r.budget == nil {
		return nil
	}
	acquire, most := r.budget.TryAcquire, r.budget.Size()
	if r.bytes+n > smallBytes {
		acquire, most = r.budget.TryAcquireLarge, r.budget.Max()
	}
	if acquire(n) {
		r.bytes += n
		return nil
	}
	if r.others+r.bytes+n > most {
		return fmt.Errorf("%w: buffering it takes more than the %d bytes available for one body (--memory-limit)", ErrTooLarge, most)
	}
	return fmt.Errorf("%w: the bodies of other requests take up the memory for bodies; try again later", membudget.ErrExhausted)
}

// release releases n bytes.
func (r *reservation) release(n int64) {
	if r.budget != nil {
		r.bytes -= n
		r.budget.Release(n)
	}
}
