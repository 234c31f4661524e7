package series

import (
	"sync/atomic"
	"unsafe"
)

// A Tally is a counter that many goroutines can increment at once without contending
// for one cache line. It takes 4 KB, so use it only for what happens at every event.
// The zero value is ready to use. A Tally must not be copied.
type Tally struct {
	stripes [stripes]struct {
		n atomic.Uint64
		_ [56]byte // gives each stripe its own cache line
	}
}

// stripes is large, so that goroutines rarely share a stripe.
const stripes = 64

// Inc adds one.
func (t *Tally) Inc() { t.stripes[stripe()].n.Add(1) }

// Value returns the sum of all increments made before the call.
func (t *Tally) Value() uint64 {
	var n uint64
	for i := range t.stripes {
		n += t.stripes[i].n.Load()
	}
	return n
}

// stripe returns the index of a stripe: a hash of the address of the goroutine's stack.
// It tends to stay the same for one goroutine, and to differ between goroutines. Any
// index would be correct.
func stripe() uint64 {
	var here byte
	return uint64(uintptr(unsafe.Pointer(&here))>>13) * 0x9e37_79b9_7f4a_7c15 >> 58
}
