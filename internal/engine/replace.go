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

// A replacer maps attribute values to label values. It applies the first replacement
// that matches. A replacer is safe for concurrent use.
//
// Because the same values occur again and again, a replacer caches results. Its cache
// is set-associative, like that of a processor: the hash of a value selects a set of a
// few entries, in which a new entry replaces an old one. Lookups take no lock, and the
// memory is bounded.
type replacer struct {
	replacements []rule.Replacement
	matches      []*regexp.Regexp // by index of the replacement
	sets         [replacerSets]replacerSet
	turn         atomic.Uint32 // selects the entry to replace
}

const (
	replacerSets = 256
	replacerWays = 4 // entries per set

	// maxCached is the maximum total length of a cached value and its replacement. It
	// limits the cache of a replacer to about a megabyte.
	maxCached = 1 << 10
)

type replacerSet [replacerWays]atomic.Pointer[cachedReplacement]

// A cachedReplacement is a value and its replacement.
type cachedReplacement struct{ from, to string }

var replacerSeed = maphash.MakeSeed()

// newReplacer returns a replacer. It returns an error if the Match of a replacement is
// not a valid regular expression.
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
		if cached := set[i].Load(); cached != nil && cached.from == value {
			return cached.to
		}
	}
	to := r.compute(value)
	if len(value)+len(to) <= maxCached {
		set.add(&r.turn, strings.Clone(value), to)
	}
	return to
}

// compute is like replace, without the cache. It returns values that cannot be label
// values unchanged, because the family rejects them later.
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

// add adds an entry to the set. If the set is full, the entry replaces another one.
func (set *replacerSet) add(turn *atomic.Uint32, from, to string) {
	for i := range set {
		if set[i].CompareAndSwap(nil, &cachedReplacement{from, to}) {
			return
		}
	}
	set[turn.Add(1)%replacerWays].Store(&cachedReplacement{from, to})
}
