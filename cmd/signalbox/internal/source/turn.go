package source

import "runtime"

// turns limits how many goroutines decompress and decode bodies at the same time: one
// for each processor. If hundreds did, each of them would run for up to 10 ms before
// the next, and a scrape would wait for all of them again and again.
var turns = make(chan struct{}, runtime.GOMAXPROCS(0))

// A turn is the right of one goroutine to decompress and decode. The zero value has
// none. A goroutine must not wait for anything else while it has one.
type turn struct{ has bool }

// take waits for the right, unless it is held already.
func (t *turn) take() {
	if !t.has {
		turns <- struct{}{}
		t.has = true
	}
}

// end gives up the right, if it is held.
func (t *turn) end() {
	if t.has {
		<-turns
		t.has = false
	}
}

// InTurn calls f when it is its turn. Except for locks that are only held while a
// processor is in use, f must not wait for anything.
func InTurn(f func()) {
	var t turn
	t.take()
	defer t.end()
	f()
}
