package source

import "runtime"

// turns limits how many goroutines decompress and decode bodies at the same time: one
// for each processor. If hundreds did, each of them would run for up to 10 ms before
// the next, and a scrape would wait for all of them again and again.
//
// smallTurns is one more turn, for small bodies that are in memory, so that they do not
// wait for all large ones.
var (
	turns      = make(chan struct{}, runtime.GOMAXPROCS(0))
	smallTurns = make(chan struct{}, 1)
)

// maxSmallBytes is the maximum size of a small body. Decoding it takes a few
// milliseconds.
const maxSmallBytes = 64 << 10

// A turn is the right of one goroutine to decompress and decode. The zero value has
// none. A goroutine must not wait for anything else while it has one.
type turn struct{ of chan struct{} }

// take waits for the right, unless it is held already.
func (t *turn) take() {
	if t.of == nil {
		turns <- struct{}{}
		t.of = turns
	}
}

// takeSmall is take for a small body.
func (t *turn) takeSmall() {
	select {
	case turns <- struct{}{}:
		t.of = turns
	case smallTurns <- struct{}{}:
		t.of = smallTurns
	}
}

// end gives up the right, if it is held.
func (t *turn) end() {
	if t.of != nil {
		<-t.of
		t.of = nil
	}
}

// InTurn calls f, which decodes size bytes, when it is its turn. Except for locks that
// are only held while a processor is in use, f must not wait for anything.
func InTurn(size int, f func()) {
	var t turn
	if size <= maxSmallBytes {
		t.takeSmall()
	} else {
		t.take()
	}
	defer t.end()
	f()
}
