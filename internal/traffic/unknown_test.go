package traffic

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/signalbox-ci/signalbox/internal/series"
)

func TestUnknownNamesAreBounded(t *testing.T) {
	var u UnknownNames
	const goroutines, each = 4, 3 * maxUnknownNames
	var running sync.WaitGroup
	for range goroutines {
		running.Go(func() {
			for i := range each {
				u.Count(fmt.Sprintf("%d%s", i, strings.Repeat("ü", maxUnknownNameBytes)), series.Instant(i))
			}
		})
	}
	running.Wait()
	list := u.List(series.Wall{})
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
	var u UnknownNames
	line := []byte("deploy" + strings.Repeat("x", 1<<20))
	u.Count(unsafeString(line[:6]), 0)
	copy(line, "xxxxxx")
	if list := u.List(series.Wall{}); list[0].Name != "deploy" {
		t.Errorf("the name is now %q", list[0].Name)
	}
}

func TestUnknownNamesAllocNothingOnceTheyAreKnown(t *testing.T) {
	var u UnknownNames
	for i := range maxUnknownNames {
		u.Count(fmt.Sprint(i), 0)
	}
	if n := testing.AllocsPerRun(100, func() { u.Count("7", 1); u.Count("another", 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUnknownNamesGiveWayWhenTheyAreQuiet(t *testing.T) {
	const second = series.Instant(time.Second)
	var u UnknownNames
	for i := range maxUnknownNames {
		for range 2 + i%7 {
			u.Count(fmt.Sprint(i), 100*second)
		}
	}
	u.Count("rare", 159*second) // too early: all were seen within the minute
	has := func(name string) bool {
		return slices.ContainsFunc(u.List(series.Wall{}), func(n UnknownName) bool { return n.Name == name })
	}
	if has("rare") || u.other.Load() != 1 {
		t.Errorf("a name gave way that was seen within the minute; %d others", u.other.Load())
	}
	for i := range maxUnknownNames {
		if i != 3 && i != 7 {
			u.Count(fmt.Sprint(i), 160*second)
		}
	}
	u.Count("new", 161*second) // in the place of 7, which came twice, and 3 five times
	if !has("new") || has("7") || !has("3") || u.other.Load() != 3 {
		t.Errorf("new %v, 7 %v, 3 %v; %d others, want 3", has("new"), has("7"), has("3"), u.other.Load())
	}
	u.Count("newer", 161*second+second/2) // within the second
	if has("newer") || !has("3") {
		t.Error("two names gave way within a second")
	}
	u.Count("newer", 162*second)
	if !has("newer") || has("3") || len(u.List(series.Wall{})) != maxUnknownNames {
		t.Error("no name gave way a second later")
	}
}

func TestUnknownNamesForgetWhatIsKnownByNow(t *testing.T) {
	var u UnknownNames
	for i := range maxUnknownNames {
		u.Count(fmt.Sprint(i), 0)
	}
	u.Forget(func(name string) bool { return name == "7" })
	u.Count("new", 0)
	list := u.List(series.Wall{})
	if len(list) != maxUnknownNames || slices.ContainsFunc(list, func(n UnknownName) bool { return n.Name == "7" }) {
		t.Errorf("%d names, 7 still among them or new not", len(list))
	}
}

// unsafeString is a string that changes with the bytes.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
