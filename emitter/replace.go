package emitter

import (
	"errors"
	"fmt"
	"hash/maphash"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// A replacer maps attribute values to label values, by replacements of which the
// first that matches counts. It is safe for concurrent use.
//
// The same values come over and over, so it remembers what became of them: in sets
// of a few ways each, like the cache of a processor, where a new value takes the
// place of an old one. So looking up takes no lock, and values that never come back
// cannot take more memory than that.
type replacer struct {
	replacements []Replacement
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
func newReplacer(replacements []Replacement) (*replacer, error) {
	r := &replacer{replacements: slices.Clone(replacements)}
	for _, by := range replacements {
		match, err := anchored(by.Match)
		if err != nil {
			return nil, err
		}
		r.matches = append(r.matches, match)
	}
	return r, nil
}

// anchored makes an expression match whole values, as Prometheus has it. It is parsed
// by itself first: what is put around it must not become a part of it, as it would
// of a \Q that does not end.
func anchored(match string) (*regexp.Regexp, error) {
	tree, err := syntax.Parse(match, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + tree.String() + ")$")
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

// reference is what stands for a group in the text that replaces a value.
var reference = regexp.MustCompile(`\$(?:\$|\{([\pL\pN_]+)\}|([\pL\pN_]+))?`)

// faults are what is wrong with the replacement.
func (r Replacement) faults() (found faults) {
	groups, err := anchored(r.Match)
	if err != nil {
		found.add("match", "%s is not a regular expression (RE2)%s", shortened(r.Match), whereWrong(r.Match, err))
		return found
	}
	for _, at := range reference.FindAllStringSubmatch(r.With, -1) {
		text, name := at[0], at[1]+at[2]
		n, err := strconv.Atoi(name)
		switch {
		case text == "$$":
		case name == "":
			found.add("with", "%q has a $ that stands for nothing: want $1, ${1}, ${name}, or $$ for a dollar", r.With)
		case err == nil && n > groups.NumSubexp():
			found.add("with", "%q refers to %s, but match has %s", r.With, text, plural(groups.NumSubexp(), "group"))
		case err != nil && groups.SubexpIndex(name) < 0:
			hint := ""
			if digits := strings.TrimLeft(name, "0123456789"); digits != name && at[2] != "" {
				hint = fmt.Sprintf(": did you mean ${%s}%s?", strings.TrimSuffix(name, digits), digits)
			}
			found.add("with", "%q refers to %s, but match has no group of that name%s", r.With, text, hint)
		}
	}
	return found
}

// whereWrong says what is wrong with a regular expression, and where.
func whereWrong(match string, err error) string {
	wrong, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return ": " + err.Error()
	}
	if i := strings.Index(match, wrong.Expr); i > 0 {
		return fmt.Sprintf(": %s at character %d, %s", wrong.Code, utf8.RuneCountInString(match[:i])+1, shortened(wrong.Expr))
	}
	return ": " + wrong.Code.String()
}
