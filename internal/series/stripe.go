package series

import (
	"sync/atomic"
	"unsafe"
)

// A Tally counts what many goroutines do at once, without making them queue for
// one cache line. It takes 4 KB: it is for what happens at each event. Its zero
// value is ready to use; it must not be copied.
type Tally struct {
	stripes [stripes]struct {
		n atomic.Uint64
		_ [56]byte // a cache line to each
	}
}

// stripes are so many that few goroutines meet on one.
const stripes = 64

// Inc adds one.
func (t *Tally) Inc() { t.stripes[stripe()].n.Add(1) }

// Value is the sum of all that was added before the call.
func (t *Tally) Value() uint64 {
	var n uint64
	for i := range t.stripes {
		n += t.stripes[i].n.Load()
	}
	return n
}

// stripe is a number that tends to stay the same for one goroutine and to
// differ between goroutines: where its stack is, mixed. Any number would be correct.
func stripe() uint64 {
	var here byte
	return uint64(uintptr(unsafe.Pointer(&here))>>13) * 0x9e37_79b9_7f4a_7c15 >> 58
}
