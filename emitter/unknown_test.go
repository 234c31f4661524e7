package emitter

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
)

func TestUnknownNamesAreBounded(t *testing.T) {
	var u unknownNames
	const goroutines, each = 4, 3 * maxUnknownNames
	var running sync.WaitGroup
	for range goroutines {
		running.Go(func() {
			for i := range each {
				u.count(fmt.Sprintf("%d%s", i, strings.Repeat("ü", maxUnknownNameBytes)), series.Instant(i))
			}
		})
	}
	running.Wait()
	list := u.list(series.Wall{})
	if len(list) != maxUnknownNames {
		t.Errorf("%d names, want %d", len(list), maxUnknownNames)
	}
	n := u.other.Load()
	for _, name := range list {
		n += name.Count
		if len(name.Name) > maxUnknownNameBytes || !utf8.ValidString(name.Name) {
			t.Errorf("%q has %d bytes", name.Name, len(name.Name))
		}
	}
	if n != goroutines*each || u.other.Load() != goroutines*(each-maxUnknownNames) {
		t.Errorf("%d events, %d of them of other names", n, u.other.Load())
	}
}

func TestUnknownNamesKeepNothingOfWhatIsLarge(t *testing.T) {
	var u unknownNames
	line := []byte("deploy" + strings.Repeat("x", 1<<20))
	u.count(unsafeString(line[:6]), 0)
	copy(line, "xxxxxx")
	if list := u.list(series.Wall{}); list[0].Name != "deploy" {
		t.Errorf("the name is now %q", list[0].Name)
	}
}

func TestUnknownNamesAllocNothingOnceTheyAreKnown(t *testing.T) {
	var u unknownNames
	for i := range maxUnknownNames {
		u.count(fmt.Sprint(i), 0)
	}
	if n := testing.AllocsPerRun(100, func() { u.count("7", 1); u.count("another", 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// unsafeString is a string that changes with the bytes.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
