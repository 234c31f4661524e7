package series

import (
	"sync/atomic"
	"unsafe"
)

// A Tally counts what many goroutines do at once, without making them queue for
// one cache line. Its zero value is ready to use; it must not be copied.
type Tally struct {
	stripes [8]struct {
		n atomic.Uint64
		_ [56]byte // a cache line to each
	}
}

// Inc adds one.
func (t *Tally) Inc() { t.stripes[stripe()%8].n.Add(1) }

// Value is the sum of all that was added before the call.
func (t *Tally) Value() uint64 {
	var n uint64
	for i := range t.stripes {
		n += t.stripes[i].n.Load()
	}
	return n
}

// stripe is a number that tends to stay the same for one goroutine and to
// differ between goroutines: where its stack is. Any number would be correct.
func stripe() uintptr {
	var here byte
	return uintptr(unsafe.Pointer(&here)) >> 13
}
