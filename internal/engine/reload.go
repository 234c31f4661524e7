package engine

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// A Summary counts the rules and families of a mapping.
type Summary struct {
	Rules    int // all of them
	Own      int // those from the mapping file
	Families int // that the rules update
}

// String returns the counts, as in "72 rules (69 built in, 3 own), 58 families".
func (s Summary) String() string {
	rules, families := "rules", "families"
	if s.Rules == 1 {
		rules = "rule"
	}
	if s.Families == 1 {
		families = "family"
	}
	return fmt.Sprintf("%d %s (%d built in, %d own), %d %s", s.Rules, rules, s.Rules-s.Own, s.Own, s.Families, families)
}

func summaryOf(m mapping.Mapping, c compiled) Summary {
	return Summary{Rules: len(m.Rules), Own: m.Own, Families: len(c.families)}
}

// A mappingInForce is the mapping in force and its source.
type mappingInForce struct {
	source mapping.Source

	mu       sync.Mutex             // held while a mapping is put in force; protects families
	families map[string]*definition // by metric

	state atomic.Pointer[MappingState]
}

// A MappingState is the state of the mapping and of the last attempt to load it.
type MappingState struct {
	File     string    // empty if there is no mapping file
	LoadedAt time.Time // when the mapping in force was loaded
	FailedAt time.Time // when the last attempt failed; zero if it succeeded
	Err      error     // the error of that attempt; nil if it succeeded
}

// MappingState returns the state of the mapping.
func (e *Engine) MappingState() MappingState { return *e.mapping.state.Load() }

// Reload reads the mapping file again and puts it in force. It returns a one-line
// summary of the changes. Families whose definition stays the same keep their series
// and values; those that are defined differently start empty. Events are not blocked:
// those that are being emitted meanwhile update what they updated before.
//
// If the file has errors, nothing changes. The returned error joins a
// *rule.MappingError for each of them and is also logged, and
// signalbox_mapping_last_reload_successful is 0 until a reload succeeds. Without a
// mapping file, Reload does nothing. Concurrent calls wait for each other.
func (e *Engine) Reload() (changes string, err error) {
	m := &e.mapping
	logger := *e.logger.Load()
	if m.source.File == "" {
		logger.Info("nothing-to-reload", lager.Data{"because": "--mapping-file is not set"})
		return "nothing to reload: --mapping-file is not set", nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	changed, err := e.readAndPutInForce()
	if err != nil {
		m.state.Store(&MappingState{m.source.File, m.state.Load().LoadedAt, e.now(), err})
		e.self.set(e.self.mappingReloaded, 0)
		logger.Error("mapping-not-reloaded", err, lager.Data{"file": m.source.File})
		return "", err
	}
	logger.Info("mapping-reloaded", lager.Data{"file": m.source.File, "changes": changed.String()})
	return fmt.Sprintf("reloaded %s: %v", m.source.File, changed), nil
}

// readAndPutInForce reads the mapping file and puts it in force. It turns a panic,
// which would be a bug, into an error. The caller must hold mapping.mu.
func (e *Engine) readAndPutInForce() (changes mappingChanges, err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("--mapping-file: %s: reading it panicked, which is a bug in Signalbox: %v", e.mapping.source.File, why)
		}
	}()
	rules, err := e.mapping.source.Read()
	if err != nil {
		return mappingChanges{}, err
	}
	return e.putInForce(rules)
}

// mappingChanges counts what a new mapping changed.
type mappingChanges struct {
	summary                       Summary
	kept, changed, added, dropped int // families
}

func (c mappingChanges) String() string {
	return fmt.Sprintf("%v; of the families %d kept, %d changed, %d added, %d dropped", c.summary, c.kept, c.changed, c.added, c.dropped)
}

// putInForce compiles a mapping and puts it in force, or returns the errors in it. It
// replaces the families before the plans, so that the page already contains a new
// family when its first event arrives. The caller must hold mapping.mu unless the
// engine is not shared yet.
func (e *Engine) putInForce(rules mapping.Mapping) (mappingChanges, error) {
	m := &e.mapping
	next, err := compile(m.source.Namespace, rules, e.store, m.families)
	if err != nil {
		return mappingChanges{}, err
	}
	changes := mappingChanges{summary: summaryOf(rules, next)}
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
	if err := e.store.Replace(out, in); err != nil {
		return mappingChanges{}, err
	}
	for event, plan := range next.plans {
		plan.received = e.received.Of(event)
	}
	e.plans.Store(newNameTable(next.plans))
	e.self.names.Forget(e.Knows)
	e.self.forget(gone)
	m.families = next.families

	now := e.now()
	m.state.Store(&MappingState{File: m.source.File, LoadedAt: now})
	e.self.set(e.self.mappingReloaded, 1)
	e.self.set(e.self.mappingReloadTime, float64(now.UnixMilli())/1000)
	return changes, nil
}
