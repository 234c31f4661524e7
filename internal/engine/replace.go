package engine

import (
	"hash/maphash"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// A replacer maps attribute values to label values, by replacements of which the
// first that matches counts. It is safe for concurrent use.
//
// The same values come over and over, so it remembers what became of them: in sets
// of a few ways each, like the cache of a processor, where a new value takes the
// place of an old one. So looking up takes no lock, and values that never come back
// cannot take more memory than that.
type replacer struct {
	replacements []rule.Replacement
	matches      []*regexp.Regexp // by the index of the replacement
	sets         [replacerSets]replacerSet
	turn         atomic.Uint32 // chooses who has to go
}

const (
	replacerSets = 256
	replacerWays = 4

	// maxRemembered is how long a value and what becomes of it may be together, to
	// be remembered: so that a replacer takes no more than a megabyte.
	maxRemembered = 1 << 10
)

type replacerSet [replacerWays]atomic.Pointer[replaced]

// A replaced is a value, and what became of it.
type replaced struct{ from, to string }

var replacerSeed = maphash.MakeSeed()

// newReplacer makes a replacer. It fails if a replacement has no regular expression.
func newReplacer(replacements []rule.Replacement) (*replacer, error) {
	r := &replacer{replacements: slices.Clone(replacements)}
	for _, by := range replacements {
		match, err := by.Compile()
		if err != nil {
			return nil, err
		}
		r.matches = append(r.matches, match)
	}
	return r, nil
}

// replace is what becomes of the value. It allocates only for a value that it does
// not remember.
func (r *replacer) replace(value string) string {
	set := &r.sets[maphash.String(replacerSeed, value)%replacerSets]
	for i := range set {
		if known := set[i].Load(); known != nil && known.from == value {
			return known.to
		}
	}
	to := r.compute(value)
	if len(value)+len(to) <= maxRemembered {
		set.remember(&r.turn, strings.Clone(value), to)
	}
	return to
}

// compute is replace without the cache. A value that could not be a label's in any
// case stays as it is, and is rejected for that.
func (r *replacer) compute(value string) string {
	if len(value) > maxLabelValueBytes || !utf8.ValidString(value) {
		return value
	}
	for i, match := range r.matches {
		if found := match.FindStringSubmatchIndex(value); found != nil {
			return string(match.ExpandString(nil, r.replacements[i].With, value, found))
		}
	}
	return strings.Clone(value) // which may be part of something large
}

func (set *replacerSet) remember(turn *atomic.Uint32, from, to string) {
	for i := range set {
		if set[i].CompareAndSwap(nil, &replaced{from, to}) {
			return
		}
	}
	set[turn.Add(1)%replacerWays].Store(&replaced{from, to})
}
