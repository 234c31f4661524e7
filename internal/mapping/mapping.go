package mapping

import (
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/regularfile"
)

// A Source is where the rules come from: the program, and a mapping file that adds
// rules and changes those.
type Source struct {
	File string // the mapping file; empty if there is none

	Rules        []rule.Rule // the rules without the file
	SilentEvents []string    // events that are known and update nothing, without the file

	Namespace        string // prefix of all metrics
	NativeHistograms bool   // adds native buckets to all histograms
}

// A Mapping is the rules that are to be compiled, with their positions in the mapping
// file.
type Mapping struct {
	Rules        []rule.Rule
	SilentEvents []string
	Own          int // how many of Rules are from the mapping file

	positions []position // by the index of the rule; nil without a file
	document  *document  // nil without a file
}

// A RuleError says what is wrong with one of a Mapping's rules.
type RuleError struct {
	Index int // in Mapping.Rules
	rule.FieldError
}

// Read reads the rules. The error is that of reading the file; what is wrong with its
// content, Err returns.
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

// Parse is Read of a mapping file that has the content.
func (s Source) Parse(content []byte) Mapping { return s.finish(read(s, content)) }

// finish adds native buckets if the source asks for them.
func (s Source) finish(m Mapping) Mapping {
	if s.NativeHistograms {
		m.Rules = slices.Clone(m.Rules)
		for i := range m.Rules {
			m.Rules[i].NativeHistogram = m.Rules[i].NativeHistogram || m.Rules[i].Type == rule.Histogram
		}
	}
	return m
}

// Err returns everything that is wrong: with the mapping file, and with the rules, as
// compiling them found out. The result is nil, or joins errors of type
// *rule.MappingError, those of the file in the order of its lines.
func (m Mapping) Err(wrong []RuleError) error {
	if m.document != nil {
		m.explain(wrong)
		return m.document.err()
	}
	var errs []error
	for _, w := range wrong {
		errs = append(errs, m.errorOf(w))
	}
	return errors.Join(errs...)
}

// errorOf returns the error of a rule that is not from a file.
func (m Mapping) errorOf(w RuleError) *rule.MappingError {
	r := m.Rules[w.Index]
	return &rule.MappingError{Event: r.Event, Metric: r.Metric, Field: w.Field, Reason: w.Reason}
}

// explain adds what is wrong with the rules to the document.
func (m Mapping) explain(wrong []RuleError) {
	for _, w := range wrong {
		path := m.positions[w.Index].path(w.Field, m.document)
		if path == "" {
			m.document.fault("", "%v", m.errorOf(w))
		} else if !m.document.doubtful(path) {
			m.document.fault(path, "%s", w.Reason)
		}
	}
}
