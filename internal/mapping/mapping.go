// Package mapping reads mapping files and applies them to the rules of a program. It
// records the positions of fields in the file, so that errors have line numbers.
package mapping

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/regularfile"
)

// A Source specifies the rules of a program, and a mapping file that adds to them and
// changes them.
type Source struct {
	File string // path of the mapping file; empty if there is none

	Rules        []rule.Rule // rules of the program
	SilentEvents []string    // known events of the program that update no metric

	// Catalogs are the selected catalogs, whose rules are among Rules.
	Catalogs []catalog.Name

	Namespace        string // prefix of the names of metrics whose rules have no namespace
	NativeHistograms bool   // whether to add native buckets to all histograms
}

// A Mapping is a list of rules to compile, with their positions in the mapping file.
type Mapping struct {
	Rules        []rule.Rule
	SilentEvents []string
	Custom       int // number of rules from the mapping file

	source    Source     // zero without a mapping file
	*document            // nil without a mapping file
	positions []position // by index of the rule; nil without a mapping file
}

// A RuleError is an error in one of a Mapping's rules.
type RuleError struct {
	Index int // in Mapping.Rules
	rule.FieldError
}

// Read reads the mapping file, if there is one, and applies it to the rules. It returns
// an error if it cannot read the file. Mapping.Err returns the errors in its content.
func (s Source) Read() (Mapping, error) {
	if s.File == "" {
		return s.finish(Mapping{Rules: s.Rules, SilentEvents: s.SilentEvents}), nil
	}
	content, err := regularfile.Read(s.File)
	if err != nil {
		return Mapping{}, fmt.Errorf("--mapping-file: %w", err)
	}
	return s.Parse(content), nil
}

// Parse is like Read, but takes the content of the mapping file.
func (s Source) Parse(content []byte) Mapping { return s.finish(read(s, content)) }

// finish adds native buckets to all histograms if s.NativeHistograms is set.
func (s Source) finish(m Mapping) Mapping {
	if s.NativeHistograms {
		m.Rules = slices.Clone(m.Rules)
		for i := range m.Rules {
			m.Rules[i].NativeHistogram = m.Rules[i].NativeHistogram || m.Rules[i].Type == rule.Histogram
		}
	}
	return m
}

// Err returns the errors in the mapping file, sorted by line, along with inRules, the
// errors that the caller found in the rules. The result is nil, or it joins errors of
// type *rule.MappingError. Err omits errors that may be consequences of others. It
// modifies the Mapping, so the caller must call it only once.
func (m Mapping) Err(inRules []RuleError) error {
	d := cmp.Or(m.document, newDocument(""))
	for _, e := range inRules {
		path := ""
		if m.positions != nil {
			path = m.positions[e.Index].path(e.Field, d)
		}
		switch r := m.Rules[e.Index]; {
		case path == "":
			d.errs = append(d.errs, &rule.MappingError{Event: r.Event, Metric: r.Metric, Field: e.Field, Reason: e.Reason})
		case !d.hasRelatedError(path):
			d.errorf(path, "%s", e.Reason)
		}
	}
	return d.err()
}
