package metric

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

func TestInternTableReturnsTheSameStringForEqualText(t *testing.T) {
	var table internTable
	text := []byte("plain/bulky")
	first := table.of(text)
	text[0] = 'P'
	if first != "plain/bulky" {
		t.Errorf("the string changed with the bytes: %q", first)
	}
	if second := table.of([]byte("plain/bulky")); unsafe.StringData(second) != unsafe.StringData(first) {
		t.Error("got another string for the same text")
	}
}

func TestInternTableIsBounded(t *testing.T) {
	var table internTable
	for i := range 3*maxInterned + 1 {
		text := strconv.Itoa(i)
		if got := table.of([]byte(text)); got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
		if len(table.strings) > maxInterned {
			t.Fatalf("%d strings, want at most %d", len(table.strings), maxInterned)
		}
	}
	if len(table.strings) != 1 {
		t.Errorf("%d strings after the table was full, want 1", len(table.strings))
	}
	long := strings.Repeat("x", maxInternedLength+1)
	if got := table.of([]byte(long)); got != long {
		t.Errorf("got %q, want %q", got, long)
	}
	if len(table.strings) != 1 {
		t.Error("the table keeps a string that is too long")
	}
}

func TestInternTableIsSafeForConcurrentUse(t *testing.T) {
	var table internTable
	var using sync.WaitGroup
	for range 4 {
		using.Go(func() {
			for i := range maxInterned + 500 {
				if got := table.of(strconv.AppendInt(nil, int64(i), 10)); got != strconv.Itoa(i) {
					t.Errorf("got %q, want %d", got, i)
				}
			}
		})
	}
	using.Wait()
}
