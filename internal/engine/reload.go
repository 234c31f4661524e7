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
	Rules    int // number of all rules
	Custom   int // number of rules from the mapping file
	Families int // number of families that the rules update
}

// String returns the counts, as in "72 rules (69 built-in, 3 custom), 72 families".
func (s Summary) String() string {
	rules, families := "rules", "families"
	if s.Rules == 1 {
		rules = "rule"
	}
	if s.Families == 1 {
		families = "family"
	}
	return fmt.Sprintf("%d %s (%d built-in, %d custom), %d %s", s.Rules, rules, s.Rules-s.Custom, s.Custom, s.Families, families)
}

func summaryOf(m mapping.Mapping, c compiledMapping) Summary {
	return Summary{Rules: len(m.Rules), Custom: m.Custom, Families: len(c.families)}
}

// An activeMapping is the active mapping and its source.
type activeMapping struct {
	source mapping.Source

	mu       sync.Mutex             // held while a mapping is activated; protects families
	families map[string]*definition // by name, with the namespace

	events atomic.Pointer[map[string]string] // by name of the metric with its namespace; see EventOf
	state  atomic.Pointer[MappingState]
}

// A MappingState describes the active mapping and the last attempt to load a mapping.
type MappingState struct {
	File     string    // path of the mapping file; empty if there is none
	LoadedAt time.Time // when the active mapping was loaded
	FailedAt time.Time // when the last attempt failed; zero if it succeeded
	Err      error     // error of the last attempt; nil if it succeeded
}

// MappingState returns the state of the mapping.
func (e *Engine) MappingState() MappingState { return *e.mapping.state.Load() }

// Reload reads the mapping file again and activates it. It returns a one-line summary
// of the changes. Families whose definition does not change keep their series and
// values. Families whose definition changes start empty. Reload does not block events:
// events that are emitted during a reload may still use the previous mapping.
//
// If the file has errors, the active mapping does not change. Reload then returns and
// logs an error that joins a *rule.MappingError for each of them, and sets
// signalbox_mapping_last_reload_successful to 0 until a reload succeeds. Without a
// mapping file, Reload does nothing. Concurrent calls wait for each other.
func (e *Engine) Reload() (changes string, err error) {
	m := &e.mapping
	logger := *e.logger.Load()
	if m.source.File == "" {
		logger.Info("nothing-to-reload", lager.Data{"reason": "--mapping-file is not set"})
		return "nothing to reload: --mapping-file is not set", nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	changed, err := e.readAndActivate()
	if err != nil {
		m.state.Store(&MappingState{m.source.File, m.state.Load().LoadedAt, e.now(), err})
		e.self.set(e.self.mappingReloaded, 0)
		logger.Error("mapping-not-reloaded", err, lager.Data{"file": m.source.File})
		return "", err
	}
	logger.Info("mapping-reloaded", lager.Data{"file": m.source.File, "changes": changed.String()})
	return fmt.Sprintf("reloaded %s: %v", m.source.File, changed), nil
}

// readAndActivate reads the mapping file and activates it. It converts a panic, which
// would be a bug, to an error. The caller must hold mapping.mu.
func (e *Engine) readAndActivate() (changes mappingChanges, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("--mapping-file: %s: loading the file caused a panic, which is a bug in Signalbox: %v", e.mapping.source.File, v)
		}
	}()
	rules, err := e.mapping.source.Read()
	if err != nil {
		return mappingChanges{}, err
	}
	return e.activate(rules)
}

// mappingChanges describes the effect of a new mapping.
type mappingChanges struct {
	summary                       Summary
	kept, changed, added, removed int // numbers of families
}

func (c mappingChanges) String() string {
	return fmt.Sprintf("%v; families: %d kept, %d changed, %d added, %d removed", c.summary, c.kept, c.changed, c.added, c.removed)
}

// activate compiles a mapping and makes it the active one, or returns the errors in it.
// It replaces the families before the plans, so that the store already contains a new
// family when the first event for it arrives. The caller must hold mapping.mu unless no
// other goroutine can access the engine yet.
func (e *Engine) activate(rules mapping.Mapping) (mappingChanges, error) {
	m := &e.mapping
	next, err := compile(m.source.Namespace, rules, e.store, m.families)
	if err != nil {
		return mappingChanges{}, err
	}
	changes := mappingChanges{summary: summaryOf(rules, next)}
	var out, in, removed []*series.Family
	for name, def := range m.families {
		switch after := next.families[name]; {
		case after == nil:
			changes.removed++
			out, removed = append(out, def.family), append(removed, def.family)
		case after.family != def.family:
			changes.changed++
			out = append(out, def.family)
		default:
			changes.kept++
		}
	}
	for name, def := range next.families {
		switch before := m.families[name]; {
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
		plan.received, plan.tap = e.received.Of(event), e.taps[event]
	}
	e.plans.Store(newNameTable(next.plans))
	e.self.names.Forget(e.Knows)
	e.self.forget(removed)
	m.families = next.families
	events := make(map[string]string, len(m.families))
	for name, def := range m.families {
		events[name] = def.rule.Event
	}
	m.events.Store(&events)

	now := e.now()
	m.state.Store(&MappingState{File: m.source.File, LoadedAt: now})
	e.self.set(e.self.mappingReloaded, 1)
	e.self.set(e.self.mappingReloadTime, float64(now.UnixMilli())/1000)
	return changes, nil
}
