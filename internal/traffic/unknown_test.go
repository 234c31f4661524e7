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
		t.Errorf("got %d names, want %d", len(list), maxUnknownNames)
	}
	n := u.other.Load()
	for _, name := range list {
		n += name.Count
		if len(name.Name) > maxUnknownNameBytes || !utf8.ValidString(name.Name) {
			t.Errorf("got name %q of %d bytes, want valid UTF-8 of limited length", name.Name, len(name.Name))
		}
	}
	if n != goroutines*each || u.other.Load() != goroutines*(each-maxUnknownNames) {
		t.Errorf("got %d events, %d of them with other names, want %d and %d", n, u.other.Load(), goroutines*each, goroutines*(each-maxUnknownNames))
	}
}

func TestUnknownNamesDoNotRetainTheInput(t *testing.T) {
	var u UnknownNames
	line := []byte("deploy" + strings.Repeat("x", 1<<20))
	u.Count(unsafeString(line[:6]), 0)
	copy(line, "xxxxxx")
	if list := u.List(series.Wall{}); list[0].Name != "deploy" {
		t.Errorf("got name %q, want deploy", list[0].Name)
	}
}

func TestCountingAListedNameDoesNotAllocate(t *testing.T) {
	var u UnknownNames
	for i := range maxUnknownNames {
		u.Count(fmt.Sprint(i), 0)
	}
	if n := testing.AllocsPerRun(100, func() { u.Count("7", 1); u.Count("another", 1) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func TestNewNamesReplaceQuietNames(t *testing.T) {
	const second = series.Instant(time.Second)
	var u UnknownNames
	for i := range maxUnknownNames {
		for range 2 + i%7 {
			u.Count(fmt.Sprint(i), 100*second)
		}
	}
	u.Count("rare", 159*second) // too early: all names were received within the last minute
	has := func(name string) bool {
		return slices.ContainsFunc(u.List(series.Wall{}), func(n UnknownName) bool { return n.Name == name })
	}
	if has("rare") || u.other.Load() != 1 {
		t.Errorf("a name that was received within the last minute was replaced; other = %d", u.other.Load())
	}
	for i := range maxUnknownNames {
		if i != 3 && i != 7 {
			u.Count(fmt.Sprint(i), 160*second)
		}
	}
	u.Count("new", 161*second) // replaces 7, which was received twice; 3 was received five times
	if !has("new") || has("7") || !has("3") || u.other.Load() != 3 {
		t.Errorf("has(new) = %v, has(7) = %v, has(3) = %v, other = %d; want true, false, true, 3", has("new"), has("7"), has("3"), u.other.Load())
	}
	u.Count("newer", 161*second+second/2) // less than a second later
	if has("newer") || !has("3") {
		t.Error("two names were replaced within a second")
	}
	u.Count("newer", 162*second)
	if !has("newer") || has("3") || len(u.List(series.Wall{})) != maxUnknownNames {
		t.Error("no name was replaced a second later")
	}
}

func TestForgetRemovesKnownNames(t *testing.T) {
	var u UnknownNames
	for i := range maxUnknownNames {
		u.Count(fmt.Sprint(i), 0)
	}
	u.Forget(func(name string) bool { return name == "7" })
	u.Count("new", 0)
	list := u.List(series.Wall{})
	if len(list) != maxUnknownNames || slices.ContainsFunc(list, func(n UnknownName) bool { return n.Name == "7" }) {
		t.Errorf("got %d names %v, want %d without 7", len(list), list, maxUnknownNames)
	}
}

// unsafeString returns a string that shares its memory with b.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
