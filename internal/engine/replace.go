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

// A replacer maps attribute values to label values. The first replacement that matches
// applies. It is safe for concurrent use.
//
// Because the same values are replaced again and again, it has a cache. Like the cache
// of a processor, that is divided into sets of a few entries each, in which a new entry
// replaces an old one. So looking up takes no lock, and the memory is bounded.
type replacer struct {
	replacements []rule.Replacement
	matches      []*regexp.Regexp // by the index of the replacement
	sets         [replacerSets]replacerSet
	turn         atomic.Uint32 // chooses the entry to replace
}

const (
	replacerSets = 256
	replacerWays = 4

	// maxRemembered is the maximum length of a value and its replacement, together, in
	// the cache. It limits a replacer to about a megabyte.
	maxRemembered = 1 << 10
)

type replacerSet [replacerWays]atomic.Pointer[replaced]

// A replaced is a value and its replacement.
type replaced struct{ from, to string }

var replacerSeed = maphash.MakeSeed()

// newReplacer returns a replacer. It returns an error if a replacement's Match is not a
// regular expression.
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

// replace returns the replacement of the value. It allocates only for a value that is
// not in the cache.
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

// compute is replace without the cache. It returns values that cannot be label values
// unchanged; they are rejected later.
func (r *replacer) compute(value string) string {
	if len(value) > maxLabelValueBytes || !utf8.ValidString(value) {
		return value
	}
	for i, match := range r.matches {
		if found := match.FindStringSubmatchIndex(value); found != nil {
			return string(match.ExpandString(nil, r.replacements[i].With, value, found))
		}
	}
	return strings.Clone(value) // value may be part of a large request
}

func (set *replacerSet) remember(turn *atomic.Uint32, from, to string) {
	for i := range set {
		if set[i].CompareAndSwap(nil, &replaced{from, to}) {
			return
		}
	}
	set[turn.Add(1)%replacerWays].Store(&replaced{from, to})
}
