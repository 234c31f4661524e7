package status

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-ci/signalbox/internal/buildinfo"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
)

// An overview is reused for one second, or for ten times as long as it took to collect
// if that is longer, but for at most five seconds. This bounds the cost for any number
// of clients and keeps the page up to date.
const (
	minReuseTime = time.Second
	reuseFactor  = 10
	maxReuseTime = 5 * time.Second
)

// maxMappingErrorBytes is the maximum length of the mapping file's error in the
// overview.
const maxMappingErrorBytes = 4 << 10

// Options configure a Status.
type Options struct {
	Engine *engine.Engine

	// Settings returns the flags and their values. It must not call Status.Overview.
	Settings func() []Setting

	// RealTime returns the machine's time. Nil means time.Now.
	RealTime func() time.Time
}

// A Status collects the overview from the engine, from the engine's store, and from the
// sections that other parts of the program add. It is safe for concurrent use.
type Status struct {
	engine   *engine.Engine
	settings func() []Setting
	realTime func() time.Time
	started  time.Time
	scrapes  scrapeLog
	labels   labelCounter

	sectionsMu sync.Mutex // protects sections
	sections   []Section

	mu     sync.Mutex // protects the following fields; held while an overview is collected
	latest *Overview
	number uint64    // sequence number of latest
	until  time.Time // when to collect again
}

// New returns a Status whose start time is now.
func New(o Options) *Status {
	s := &Status{engine: o.Engine, settings: o.Settings, realTime: o.RealTime, labels: labelCounter{requests: make(chan labelCountRequest)}}
	if s.realTime == nil {
		s.realTime = time.Now
	}
	s.started = s.engine.Clock().Wall().Time(s.engine.Clock().Tick())
	return s
}

// Run counts label values until ctx is done.
func (s *Status) Run(ctx context.Context) { s.labels.run(ctx) }

// Handler returns a handler that serves the page, its assets and the overview.
func (s *Status) Handler() http.Handler { return newHandler(s.Overview) }

// Add adds a section. Its fields replace fields of earlier sections that have the same
// names.
func (s *Status) Add(section Section) { s.Replace(nil, section) }

// Replace removes the section old, and adds a section, like Add. If old is nil, it
// removes none. Otherwise old must be a pointer, so that it can be compared with the
// other sections.
func (s *Status) Replace(old, section Section) {
	s.sectionsMu.Lock()
	defer s.sectionsMu.Unlock()
	s.sections = append(slices.DeleteFunc(s.sections, func(s Section) bool { return s == old }), section)
}

// Scraped records a request for the metrics page.
func (s *Status) Scraped(scrape Scrape) {
	scrape.Remote, scrape.UserAgent = excerpt.Display(scrape.Remote), excerpt.Display(scrape.UserAgent)
	s.scrapes.add(scrape)
}

// Overview returns the overview, with its lists cut to the limit, and its sequence
// number. Overviews with the same number and limit are equal. The caller must not
// modify the overview. Its times come from the engine's clock; its rates are computed
// with the machine's clock.
func (s *Status) Overview(limit int) (Overview, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.realTime()
	if s.latest == nil || !now.Before(s.until) {
		begin := time.Now()
		o := s.Collect(now)
		s.latest = &o
		s.number++
		s.until = now.Add(min(max(minReuseTime, reuseFactor*time.Since(begin)), maxReuseTime))
	}
	return s.latest.cutTo(limit), s.number
}

// Collect returns a new overview. Unlike Overview, it does not cut the lists, except
// that of the workers, which has at most MaxLimit entries.
func (s *Status) Collect(now time.Time) Overview {
	at, wall := s.engine.Clock().Tick(), s.engine.Clock().Wall()
	build := buildinfo.Read()
	o := Overview{
		Time:     wall.Time(at),
		Started:  s.started,
		Build:    Build{Version: build.Version, Revision: build.Revision, GoVersion: runtime.Version()},
		Settings: sortSettings(s.settings()),
		Mapping:  s.mapping(),
		Events:   s.events(wall),
		Workers:  s.workers(MaxLimit, at, wall),
		Families: s.families(now),
		Scrapes:  s.scrapes.list(),
		Emitters: s.emitters(),
	}
	o.fields = map[string]func(limit int) any{}
	s.sectionsMu.Lock()
	defer s.sectionsMu.Unlock()
	for _, section := range s.sections {
		for field, value := range section.OverviewFields() {
			o.fields[field] = value
		}
		if r, ok := section.(Reporter); ok {
			o.Reports = append(o.Reports, r.OverviewReport(o.Time))
		}
	}
	return o
}

// mapping returns the state of the mapping file, or nil if there is none.
func (s *Status) mapping() *Mapping {
	state := s.engine.MappingState()
	if state.File == "" {
		return nil
	}
	m := &Mapping{File: state.File, LoadedAt: state.LoadedAt.UTC()}
	if state.Err != nil {
		failed := state.FailedAt.UTC()
		m.Error, m.FailedAt = excerpt.EscapeLines(excerpt.Cut(state.Err.Error(), maxMappingErrorBytes)), &failed
	}
	return m
}

// events returns the counts and rates of events, in total and by name.
func (s *Status) events(wall series.Wall) Events {
	e := Events{
		Unknown:      s.engine.UnknownEvents(),
		Rejected:     s.engine.RejectedEvents(),
		SlotSeconds:  traffic.SlotLength.Seconds(),
		Names:        []EventName{},
		UnknownNames: []UnknownName{},
		Rejections:   []Rejection{},
	}
	s.engine.Rates(func(r traffic.Reading) {
		e.Received = s.engine.Received().Unknown.Value()
		for name, count := range s.engine.Received().All() {
			e.Received += count
			if count == 0 {
				continue
			}
			n := EventName{Name: excerpt.Display(name), Received: count, Silent: s.engine.Silent(name)}
			n.PerSecond, n.History = r.Of(name, count)
			e.Names = append(e.Names, n)
		}
		e.PerSecond, e.History = r.OfAll(e.Received)
		e.LastSlotSeconds = traffic.Rounded(r.LastSlot().Seconds())
	})
	slices.SortFunc(e.Names, func(a, b EventName) int {
		return cmp.Or(cmp.Compare(b.PerSecond, a.PerSecond), cmp.Compare(b.Received, a.Received), strings.Compare(a.Name, b.Name))
	})
	names, others := s.engine.UnknownNames(wall)
	e.UnknownOther = others
	for _, n := range names {
		e.UnknownNames = append(e.UnknownNames, UnknownName{Name: excerpt.Display(n.Name), Count: n.Count, Last: n.Last, Hint: s.engine.HintFor(n.Name)})
	}
	for _, r := range s.engine.Rejections() {
		rejection := Rejection{Reason: r.Reason, Count: r.Count}
		if x := r.Example; x != nil {
			rejection.Latest = &Example{
				Time: wall.Time(x.At), Event: excerpt.Display(x.Event), Metric: excerpt.Display(x.Metric), Message: excerpt.Display(x.Message),
			}
		}
		e.Rejections = append(e.Rejections, rejection)
	}
	return e
}

// emitters returns the state of the emitters' queues, sorted by name.
func (s *Status) emitters() []Emitter {
	list := []Emitter{}
	for _, e := range s.engine.EmitterStats() {
		list = append(list, Emitter{Name: excerpt.Display(e.Emitter), QueueLength: e.QueueLength, QueueCapacity: e.QueueCapacity, Dropped: e.Dropped})
	}
	slices.SortStableFunc(list, func(a, b Emitter) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// cutTo returns the overview with its lists cut to the limit, except for those that are
// always short.
func (o Overview) cutTo(limit int) Overview {
	o.Events.Names = first(o.Events.Names, limit)
	o.Events.UnknownNames = first(o.Events.UnknownNames, limit)
	o.Workers.List = first(o.Workers.List, limit)
	o.Families.List = first(o.Families.List, limit)
	o.Scrapes = first(o.Scrapes, limit)
	o.limit = limit
	return o
}

// maxListBytes is the maximum size of a list in JSON.
const maxListBytes = 1 << 20

// first returns the beginning of the list: at most limit elements, and at most
// maxListBytes.
func first[E any](list []E, limit int) []E {
	list = list[:min(len(list), max(limit, 0))]
	size := 0
	for i := range list {
		element, err := json.Marshal(list[i])
		if err != nil {
			panic("BUG: encoding a part of the overview: " + err.Error())
		}
		if size += len(element); size > maxListBytes {
			return list[:i]
		}
	}
	return list
}
