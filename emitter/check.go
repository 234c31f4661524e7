package emitter

import (
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A MappingSummary counts what a mapping has.
type MappingSummary struct {
	Rules    int // in all
	Own      int // of those, that stand in the mapping file
	Families int // that are driven
}

// String is for people: "72 rules (69 built in, 3 own), 58 families".
func (s MappingSummary) String() string {
	families := fmt.Sprintf("%d families", s.Families)
	if s.Families == 1 {
		families = "1 family"
	}
	return fmt.Sprintf("%s (%d built in, %d own), %s", plural(s.Rules, "rule"), s.Rules-s.Own, s.Own, families)
}

// Check tells whether NewEmitter could start an emitter with the attributes, but for
// the address, which may be taken. It starts nothing. The summary is that of the
// mapping. The error has a line for each fault; those of the mapping file begin with
// the file and the line.
func (config *PrometheusConfig) Check(attributes map[string]string) (MappingSummary, error) {
	c, err := config.withDefaults()
	summary, mappingErr := c.CheckMapping(attributes)
	if c.checkNames() != nil {
		mappingErr = nil // it is the same, and in err
	}
	return summary, errors.Join(err, mappingErr, c.checkWebConfig())
}

// CheckMapping is Check for the mapping alone: the built-in catalog, the Rules and
// the mapping file.
func (config *PrometheusConfig) CheckMapping(attributes map[string]string) (MappingSummary, error) {
	c := *config
	setDefault(&c.Namespace, defaultNamespace)
	setDefault(&c.Naming, Inherited)
	if err := c.checkNames(); err != nil {
		return MappingSummary{}, err
	}
	source := c.ruleSource()
	read, err := source.read()
	if err != nil {
		return MappingSummary{}, err
	}
	constants, attributesErr := constantLabels(attributes, append(read.rules, lastSeenRule))
	store := series.NewStore(series.Options{Constants: constants})
	if _, err := newOwnFamilies(store, source.namespace, 0, new(tallies)); err != nil {
		return MappingSummary{}, errors.Join(attributesErr, err)
	}
	m, err := source.compile(read, store, nil)
	return read.summary(m), errors.Join(attributesErr, err)
}

// now is the time, by the clock that is configured.
func (config *PrometheusConfig) now() time.Time {
	if config.Clock != nil {
		return config.Clock()
	}
	return time.Now()
}
