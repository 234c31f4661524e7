package emitter

import (
	"cmp"
	"encoding/json"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// What the overview shows of a text: of one that somebody sent, or of what is wrong
// with the mapping file.
const (
	maxShownBytes      = 1 << 10
	maxShownFaultBytes = 4 << 10
)

// An overview is good for a second, or ten times as long as it took to make, but for
// five seconds at most: a page that many people look at costs nothing that anybody
// notices, and is never old.
const (
	overviewAge      = time.Second
	overviewAgeTimes = 10
	overviewAgeMost  = 5 * time.Second
)

// overviews make the overview, and keep it for those who ask soon after. The lock is
// held while it is made, so that nobody makes it beside.
type overviews struct {
	started  time.Time
	build    status.Build
	now      func() time.Time // of the machine, whatever the emitter's clock says
	settings func() map[string]string

	mu     sync.Mutex // guards what follows
	latest *status.Overview
	made   uint64 // overviews so far
	until  time.Time
	labels labelCounts
}

// watch begins to keep what the overview shows. It must come before the first event.
func (p *Prometheus) watch(c PrometheusConfig) {
	p.status.labels.wanted = make(chan labelsWanted)
	p.status.now = time.Now
	if c.realTime != nil {
		p.status.now = c.realTime
	}
	p.status.settings = c.settingsInForce
	build := readBuild()
	p.status.build = status.Build{Version: build.version, Revision: build.revision, GoVersion: runtime.Version()}
	p.status.started = p.clock.Wall().Time(p.clock.Tick())
	p.history = newHistory(&p.received, p.status.now())
}

// BeginHistory leaves what has been emitted so far out of the rates that the status
// page shows, now and over the last hour: for a program that replays its past when it
// starts. It changes no metric, and is safe for concurrent use.
func (p *Prometheus) BeginHistory() { p.history.begin(p.status.now()) }

// overview is what GET /api/v1/overview answers, and which one it is: the limit apart,
// two of the same number are the same. What is in it must not be changed. Times are by
// the emitter's clock, but rates by the machine's.
func (p *Prometheus) overview(limit int) (status.Overview, uint64) {
	p.status.mu.Lock()
	defer p.status.mu.Unlock()
	now := p.status.now()
	if p.status.latest == nil || !now.Before(p.status.until) {
		begin := time.Now()
		o := p.makeOverview(now)
		p.status.latest = &o
		p.status.made++
		p.status.until = now.Add(min(max(overviewAge, overviewAgeTimes*time.Since(begin)), overviewAgeMost))
	}
	return cutTo(*p.status.latest, limit), p.status.made
}

// makeOverview makes an overview with as much as anybody can ask for.
func (p *Prometheus) makeOverview(now time.Time) status.Overview {
	at, wall := p.clock.Tick(), p.clock.Wall()
	o := status.Overview{
		Time:     wall.Time(at),
		Started:  p.status.started,
		Build:    p.status.build,
		Settings: settingsOf(p.status.settings()),
		Mapping:  p.mappingStatus(),
		Input:    p.self.inputStatus(),
		Events:   p.events(now),
		Workers:  p.workers(status.MaxLimit, at, wall),
		Families: p.families(now),
		Scrapes:  p.scrapes.list(wall),
		Emitters: p.emitters(),
	}
	// Those that a rule knows by now are not there to be mapped any more.
	o.Events.UnknownNames = slices.DeleteFunc(p.self.names.list(wall), func(n status.UnknownName) bool { return p.Knows(n.Name) })
	o.Events.Rejections = p.self.rejections(wall)
	o.Groups, o.Agents = p.pushedBy()
	return o
}

// mappingStatus is how it stands with the mapping file, or nil if there is none.
func (p *Prometheus) mappingStatus() *status.Mapping {
	file, state := p.mapping.source.file, p.mapping.state.Load()
	if file == "" {
		return nil
	}
	m := &status.Mapping{File: file, LoadedAt: state.loadedAt.UTC()}
	if state.err != nil {
		m.Error, m.FailedAt = cutText(maxShownFaultBytes, state.err.Error()), unlessZero(state.failedAt)
	}
	return m
}

// events are the counts and rates of events, all together and by name.
func (p *Prometheus) events(now time.Time) status.Events {
	e := status.Events{
		Unknown:      p.self.unknown.Load(),
		UnknownOther: p.self.names.other.Load(),
		Rejected:     p.self.refused.Load(),
		SlotSeconds:  slotLength.Seconds(),
		Names:        []status.EventName{},
	}
	p.history.read(now, func(r reading) {
		e.Received = p.received.unplanned.Value()
		for name, count := range p.received.all() {
			e.Received += count
			if count == 0 {
				continue
			}
			n := status.EventName{Name: presented(name), Received: count}
			n.PerSecond, n.History = r.of(name, count)
			plan := p.plans.Load().find(name)
			n.Silent = plan != nil && len(plan.updates) == 0
			e.Names = append(e.Names, n)
		}
		e.PerSecond, e.History = r.ofAll(e.Received)
		e.LastSlotSeconds = rounded(r.lastSlot().Seconds())
	})
	slices.SortFunc(e.Names, func(a, b status.EventName) int {
		return cmp.Or(cmp.Compare(b.PerSecond, a.PerSecond), cmp.Compare(b.Received, a.Received), strings.Compare(a.Name, b.Name))
	})
	return e
}

// emitters are how it stands with the queues, the emitters sorted by name.
func (p *Prometheus) emitters() []status.Emitter {
	list := []status.Emitter{}
	if stats := p.self.stats.Load(); stats != nil {
		for _, s := range (*stats)() {
			list = append(list, emitterOf(s))
		}
	}
	slices.SortStableFunc(list, func(a, b status.Emitter) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func emitterOf(s metric.EmitterStats) status.Emitter {
	return status.Emitter{Name: presented(s.Emitter), QueueLength: s.QueueLength, QueueCapacity: s.QueueCapacity, Dropped: s.Dropped}
}

// What the overview has of groups and agents if nothing can be pushed.
const (
	noGroups = `{"total":0,"series":0,"limit":0,"list":[],"damaged_file":"","storage_error":""}`
	noAgents = `{"total":0,"series":0,"limit":0,"list":[]}`
)

// pushedBy returns the sections about what is pushed.
func (p *Prometheus) pushedBy() (groups, agents any) {
	fields := map[string]any{"groups": json.RawMessage(noGroups), "agents": json.RawMessage(noAgents)}
	if pushed := p.beside.provider.Load(); pushed != nil {
		for _, section := range (*pushed).OverviewSections() {
			field, value := section.OverviewSection(status.MaxLimit)
			fields[field] = value
		}
	}
	return fields["groups"], fields["agents"]
}

// presented is a text as the overview shows it.
func presented(text string) string { return cutText(maxShownBytes, text) }

// cutText cuts what is longer between characters, and says so with an ellipsis.
func cutText(most int, text string) string {
	const ellipsis = "…"
	if len(text) <= most {
		return text
	}
	return beginning(text, most-len(ellipsis)) + ellipsis
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// cutTo cuts the lists of an overview, but for those that are short anyway.
func cutTo(o status.Overview, limit int) status.Overview {
	o.Events.Names = first(o.Events.Names, limit)
	o.Events.UnknownNames = first(o.Events.UnknownNames, limit)
	o.Workers.List = first(o.Workers.List, limit)
	o.Families.List = first(o.Families.List, limit)
	o.Groups, o.Agents = cutLists(o.Groups, limit), cutLists(o.Agents, limit)
	o.Scrapes = first(o.Scrapes, limit)
	return o
}

// cutLists returns a section with the slices among its fields cut to the limit.
func cutLists(section any, limit int) any {
	value := reflect.ValueOf(section)
	if value.Kind() != reflect.Struct {
		return section
	}
	cut := reflect.New(value.Type()).Elem()
	cut.Set(value)
	for i := range cut.NumField() {
		if f := cut.Field(i); f.Kind() == reflect.Slice {
			f.SetLen(min(f.Len(), max(limit, 0)))
		}
	}
	return cut.Interface()
}

func first[E any](list []E, most int) []E { return list[:min(len(list), max(most, 0))] }
