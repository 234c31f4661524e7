package emitter

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/regularfile"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// A ruleSource is where an emitter's rules come from.
type ruleSource struct {
	file      string // may be empty
	base      rulebook
	namespace string
	native    bool // all histograms have native buckets too
}

func (config *PrometheusConfig) ruleSource() ruleSource {
	return ruleSource{
		file:      config.MappingFile,
		base:      rulebook{rules: append(CatalogNamed(config.Naming), cloned(config.Rules)...), silent: SilentEvents()},
		namespace: config.Namespace,
		native:    config.NativeHistograms,
	}
}

// A mappingRead is the rules as they are read, with the file that they came from.
type mappingRead struct {
	rulebook
	document *document // nil if there is no file
}

// read reads the rules. The error is that of reading the file; what is wrong with
// its content, compile reports.
func (s *ruleSource) read() (mappingRead, error) {
	if s.file == "" {
		return mappingRead{s.base, nil}, nil
	}
	content, err := regularfile.Read(s.file)
	if err != nil {
		return mappingRead{}, fmt.Errorf("--mapping-file: %w", err)
	}
	book, d := readMapping(s.file, content, s.base, s.namespace)
	return mappingRead{book, d}, nil
}

// err is what is known to be wrong with the file's content.
func (r mappingRead) err() error {
	if r.document == nil {
		return nil
	}
	return r.document.err()
}

// compile resolves the rules, for a store in which those families are in force. It
// reports everything that is wrong with the file and with the rules.
func (s *ruleSource) compile(r mappingRead, store *series.Store, inForce map[string]*definition) (compiled, error) {
	c := compiler{namespace: s.namespace, store: store, inForce: inForce}
	rules := r.rules
	if s.native {
		rules = withNativeHistograms(rules)
	}
	m, wrong := c.compile(rules, r.silent)
	if r.document != nil {
		r.explain(r.document, wrong)
		return m, r.document.err()
	}
	var errs []error
	for _, f := range wrong {
		errs = append(errs, f)
	}
	return m, errors.Join(errs...)
}

// summary counts what there is.
func (r mappingRead) summary(m compiled) MappingSummary {
	s := MappingSummary{Rules: len(r.rules), Families: len(m.families)}
	for _, place := range r.places {
		if place.rule != "" {
			s.Own++
		}
	}
	return s
}

// A mappingInForce is what the emitter goes by at present, and where it came from.
type mappingInForce struct {
	source ruleSource
	now    func() time.Time

	mu       sync.Mutex             // held while a mapping is taken over
	families map[string]*definition // by metric; guarded by mu

	state atomic.Pointer[mappingState]
}

// A mappingState is how the last attempts to take a mapping over went.
type mappingState struct {
	loadedAt time.Time // of the one in force
	failedAt time.Time // of the last one, if it failed
	err      error     // why; nil if it did not
}

// Reload reads the mapping file again, and goes by it from then on. Families that
// are still defined in the same way keep their series and values; those that are
// defined differently start anew; dropped ones leave the page, and new ones come.
// Events that are under way drive what they drove before, and none waits.
//
// If there is anything wrong with the file, nothing changes. The error says what is
// wrong, one line for each fault, with file and line; it is logged as well, and
// signalbox_mapping_last_reload_successful is 0 until a reload succeeds. Without a
// mapping file there is nothing to do.
//
// It is safe for concurrent use: reloads wait for each other.
func (p *Prometheus) Reload() error {
	_, err := p.reload()
	return err
}

// reload is Reload. It also says what changed.
func (p *Prometheus) reload() (what string, err error) {
	m := &p.mapping
	logger := *p.logger.Load()
	if m.source.file == "" {
		logger.Info("nothing-to-reload", lager.Data{"because": "there is no --mapping-file"})
		return "nothing to reload: there is no --mapping-file", nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	changes, err := p.readAndTakeOver()
	if err != nil {
		m.state.Store(&mappingState{m.state.Load().loadedAt, m.now(), err})
		p.self.set(p.self.mappingReloaded, 0)
		logger.Error("mapping-not-reloaded", err, lager.Data{"file": m.source.file})
		return "", err
	}
	logger.Info("mapping-reloaded", lager.Data{"file": m.source.file, "changes": changes.String()})
	return fmt.Sprintf("reloaded %s: %v", m.source.file, changes), nil
}

// readAndTakeOver puts what stands in the file in force, for who holds the lock. The
// file is not the program's: a panic over it is an error like others.
func (p *Prometheus) readAndTakeOver() (changes mappingChanges, err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("--mapping-file: %s: reading it failed, which is a fault of Signalbox: %v", p.mapping.source.file, why)
		}
	}()
	read, err := p.mapping.source.read()
	if err != nil {
		return mappingChanges{}, err
	}
	return p.takeOver(read)
}

// mappingChanges are what is different about a mapping that was taken over.
type mappingChanges struct {
	summary                       MappingSummary
	kept, changed, added, dropped int // families
}

func (c mappingChanges) String() string {
	return fmt.Sprintf("%v; of the families %d kept, %d changed, %d added, %d dropped", c.summary, c.kept, c.changed, c.added, c.dropped)
}

// takeOver puts a mapping in force, or tells what is wrong with it. The families come
// first, and then the plans: what an event drives is on the page from its first event
// on. Whoever calls it holds the lock, unless nobody else has the emitter yet.
func (p *Prometheus) takeOver(read mappingRead) (mappingChanges, error) {
	m := &p.mapping
	next, err := m.source.compile(read, p.store, m.families)
	if err != nil {
		return mappingChanges{}, err
	}
	changes := mappingChanges{summary: read.summary(next)}
	var out, in, gone []*series.Family
	for metric, def := range m.families {
		switch after := next.families[metric]; {
		case after == nil:
			changes.dropped++
			out, gone = append(out, def.family), append(gone, def.family)
		case after.family != def.family:
			changes.changed++
			out = append(out, def.family)
		default:
			changes.kept++
		}
	}
	for metric, def := range next.families {
		switch before := m.families[metric]; {
		case before == nil:
			changes.added++
			in = append(in, def.family)
		case before.family != def.family:
			in = append(in, def.family)
		}
	}
	if err := p.store.Replace(out, in); err != nil {
		return mappingChanges{}, err
	}
	for event, plan := range next.plans {
		plan.received = p.received.of(event)
	}
	p.plans.Store(newNameTable(next.plans))
	p.self.names.forget(p.Knows)
	p.self.forget(gone)
	m.families = next.families

	now := m.now()
	m.state.Store(&mappingState{loadedAt: now})
	p.self.set(p.self.mappingReloaded, 1)
	p.self.set(p.self.mappingReloadTime, float64(now.UnixMilli())/1000)
	return changes, nil
}
