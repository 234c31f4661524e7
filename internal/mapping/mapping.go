package mapping

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/regularfile"
)

// A Source is where rules come from: the program, and a mapping file that adds rules
// and changes those of the program.
type Source struct {
	File string // path of the mapping file; empty if there is none

	Rules        []rule.Rule // the rules without the file
	SilentEvents []string    // events that are known and update nothing, without the file

	Namespace        string // prefix of all metrics
	NativeHistograms bool   // adds native buckets to all histograms
}

// A Mapping is a list of rules to compile, with their positions in the mapping file.
type Mapping struct {
	Rules        []rule.Rule
	SilentEvents []string
	Own          int // number of Rules that are from the mapping file

	*document            // nil without a file
	positions []position // by the index of the rule; nil without a file
}

// A RuleError is an error in one of a Mapping's rules.
type RuleError struct {
	Index int // in Mapping.Rules
	rule.FieldError
}

// Read reads the mapping file, if there is one, and applies it to the rules. It returns
// an error if it cannot read the file. Errors in its content are returned by Err.
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

// finish adds native buckets to all histograms, if the source says so.
func (s Source) finish(m Mapping) Mapping {
	if s.NativeHistograms {
		m.Rules = slices.Clone(m.Rules)
		for i := range m.Rules {
			m.Rules[i].NativeHistogram = m.Rules[i].NativeHistogram || m.Rules[i].Type == rule.Histogram
		}
	}
	return m
}

// Err returns all errors: those in the mapping file, in the order of its lines, and
// those in the rules, which compiling them found. The result is nil, or joins errors of
// type *rule.MappingError. An error that may be the consequence of another is left out.
// Err changes the Mapping, so the caller must call it only once.
func (m Mapping) Err(inRules []RuleError) error {
	d := cmp.Or(m.document, newDocument(""))
	for _, e := range inRules {
		path := ""
		if m.positions != nil {
			path = m.positions[e.Index].path(e.Field, d)
		}
		switch r := m.Rules[e.Index]; {
		case path == "":
			d.faults = append(d.faults, &rule.MappingError{Event: r.Event, Metric: r.Metric, Field: e.Field, Reason: e.Reason})
		case !d.doubtful(path):
			d.fault(path, "%s", e.Reason)
		}
	}
	return d.err()
}
