package aggregator

import (
	"fmt"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// gaugeFolds defines how gauges of groups are aggregated, by name.
type gaugeFolds struct {
	patterns []foldPattern
	fallback series.Fold // for names that match no pattern
}

// A foldPattern is the fold of the gauges whose names match a pattern.
type foldPattern struct {
	pattern string
	fold    series.Fold
}

// CheckAggregateGauges returns an error if text is not a valid value of
// Options.GroupAggregateGauges. Empty text is valid.
func CheckAggregateGauges(text string) error {
	_, err := parseGaugeFolds(text)
	return err
}

// parseGaugeFolds parses Options.GroupAggregateGauges.
func parseGaugeFolds(text string) (gaugeFolds, error) {
	folds := gaugeFolds{fallback: series.Sum}
	if text == "" {
		return folds, nil
	}
	hasFallback := false
	seen := make(map[string]bool)
	for item := range strings.SplitSeq(text, ",") {
		pattern, mode, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok {
			pattern, mode = "", pattern
		}
		fold, err := series.ParseFold(strings.TrimSpace(mode))
		pattern = strings.TrimSpace(pattern)
		switch {
		case err != nil:
			return folds, err
		case ok && pattern == "":
			return folds, fmt.Errorf("got %q, expected PATTERN=MODE, such as *_timestamp_seconds=max", excerpt.Short(item))
		case !ok && hasFallback:
			return folds, fmt.Errorf("got a second mode %s without a pattern, expected one", fold)
		case seen[pattern]:
			return folds, fmt.Errorf("pattern %q is duplicated", excerpt.Short(pattern))
		case !ok:
			folds.fallback, hasFallback = fold, true
		default:
			seen[pattern] = true
			folds.patterns = append(folds.patterns, foldPattern{pattern, fold})
		}
	}
	return folds, nil
}

// of returns how gauges with the name are aggregated: the fold of the first pattern
// that matches.
func (f *gaugeFolds) of(name string) series.Fold {
	for _, p := range f.patterns {
		if matches(p.pattern, name) {
			return p.fold
		}
	}
	return f.fallback
}

// matches reports whether the name matches the pattern, in which * stands for any
// characters.
func matches(pattern, name string) bool {
	first, rest, found := strings.Cut(pattern, "*")
	if !found {
		return name == pattern
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, last)
}
