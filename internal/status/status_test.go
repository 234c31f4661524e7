package status_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"net/http/httptest"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// start is the time at which the clocks of the tests start.
var start = time.UnixMilli(1_700_000_000_000).UTC()

// newEngine returns an engine with the rules; now is its clock and the machine's clock.
// Workers become stale after five minutes.
func newEngine(now func() time.Time, maxSeries int, rules ...rule.Rule) *engine.Engine {
	e, err := engine.New(engine.Options{
		Source:           mapping.Source{Rules: rules, Namespace: "ci"},
		WorkerStaleAfter: 5 * time.Minute,
		MaxSeries:        maxSeries,
		Clock:            now,
		RealTime:         now,
	})
	if err != nil {
		panic(err)
	}
	return e
}

// newStatus returns a Status of the engine, without settings.
func newStatus(e *engine.Engine, now func() time.Time) *status.Status {
	return status.New(status.Options{Engine: e, RealTime: now, Settings: func() []status.Setting { return nil }})
}

// counter returns a rule that counts events.
func counter(event, metric string, labels ...string) rule.Rule {
	r := rule.Rule{Event: event, Metric: metric, Type: rule.Counter, Operation: rule.Inc, Help: "Events."}
	for _, label := range labels {
		r.Labels = append(r.Labels, rule.Label{Name: label, Attribute: label})
	}
	return r
}

// fields is a Section with one field.
type fields struct {
	name  string
	value func(limit int) any
}

func (f fields) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(yield func(string, func(limit int) any) bool) { yield(f.name, f.value) }
}

// reporter is a Reporter without fields.
type reporter func(now time.Time) status.Report

func (r reporter) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(func(string, func(limit int) any) bool) {}
}

func (r reporter) OverviewReport(now time.Time) status.Report { return r(now) }

var _ = Describe("A status", func() {
	var (
		now   time.Time
		clock func() time.Time
		e     *engine.Engine
		s     *status.Status
	)
	BeforeEach(func() {
		now = start
		clock = func() time.Time { return now }
		e = newEngine(clock, 0, counter("deploy", "deploys_total"), counter("release", "releases_total"))
		s = newStatus(e, clock)
	})
	get := func(query string) map[string]json.RawMessage {
		GinkgoHelper()
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/overview"+query, nil))
		Expect(w.Code).To(Equal(200), w.Body.String())
		Expect(w.Body.String()).To(HaveSuffix("}\n"))
		var o map[string]json.RawMessage
		Expect(json.Unmarshal(w.Body.Bytes(), &o)).To(Succeed(), w.Body.String())
		return o
	}
	constant := func(name string, value any) fields { return fields{name, func(int) any { return value }} }

	Describe("with sections", func() {
		It("has their fields in the JSON, in addition to its own", func() {
			s.Add(constant("journal", map[string]int{"entries": 7}))
			s.Add(constant("a \"quoted\" name", "<b>"))
			o := get("")
			Expect(o["journal"]).To(MatchJSON(`{"entries": 7}`))
			Expect(string(o[`a "quoted" name`])).To(Equal(`"<b>"`))
			Expect(o["started"]).To(MatchJSON(`"2023-11-14T22:13:20Z"`))
			Expect(o).To(HaveKey("events"))
		})

		It("passes them the limit of the request", func() {
			s.Add(fields{"limit", func(limit int) any { return limit }})
			for query, limit := range map[string]string{"": "100", "?limit=3": "3", "?limit=1000": "1000"} {
				Expect(string(get(query)["limit"])).To(Equal(limit))
			}
		})

		It("replaces fields of earlier sections with those of later ones", func() {
			s.Add(constant("first", 1))
			s.Add(constant("second", 2))
			s.Add(constant("first", 3))
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/overview", nil))
			Expect(w.Body.String()).To(HaveSuffix(`,"first":3,"second":2}` + "\n"))
		})

		It("removes a section that another one replaces", func() {
			first, second := &fields{"first", func(int) any { return 1 }}, &fields{"second", func(int) any { return 2 }}
			s.Add(constant("third", 3))
			s.Replace(nil, first)
			s.Replace(first, second)
			Expect(get("")).To(And(HaveKey("second"), HaveKey("third"), Not(HaveKey("first"))))
		})

		It("has valid JSON without sections, reports and mapping file", func() {
			Expect(get("")).To(And(HaveLen(9), Not(HaveKey("reports")), Not(HaveKey("mapping"))))
		})

		It("answers 500 if a field cannot be encoded", func() {
			s.Add(constant("bad", math.NaN()))
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/overview", nil))
			Expect(w.Code).To(Equal(500))
			Expect(w.Body.String()).To(ContainSubstring("NaN"))
		})

		It("has the reports of the sections that are Reporters, in order", func() {
			s.Add(reporter(func(at time.Time) status.Report {
				return status.Report{
					Line:     at.Format(time.TimeOnly),
					Findings: []status.Finding{{Level: "warn", Kind: "full", Text: "it is full"}},
					Help:     []status.HelpText{{Section: "events", Text: "Run this:"}, {Section: "events", Snippet: "echo '<1>'"}},
				}
			}))
			s.Add(constant("journal", 1))
			s.Add(reporter(func(time.Time) status.Report { return status.Report{Line: "second"} }))
			Expect(get("")["reports"]).To(MatchJSON(`[{
				"line": "22:13:20",
				"findings": [{"level": "warn", "kind": "full", "text": "it is full"}],
				"help": [{"section": "events", "text": "Run this:"}, {"section": "events", "snippet": "echo '<1>'"}]
			}, {"line": "second"}]`))
			now = now.Add(time.Minute)
			Expect(get("")["reports"]).To(ContainSubstring("22:14:20"), "as of the overview")
		})
	})

	It("collects the overview at most once a second", func() {
		collected := 0
		s.Add(reporter(func(time.Time) status.Report { collected++; return status.Report{} }))
		for limit := range 50 {
			now = now.Add(999 * time.Millisecond / 50)
			_, number := s.Overview(limit)
			Expect(number).To(Equal(uint64(1)))
		}
		Expect(collected).To(Equal(1))
		now = now.Add(5 * time.Second) // even if collecting was slow
		_, number := s.Overview(1)
		Expect(number).To(Equal(uint64(2)))
		Expect(collected).To(Equal(2))
	})

	It("keeps the latest scrapes, newest first, and cuts their texts", func() {
		Expect(s.Collect(now).Scrapes).To(BeEmpty())
		for i := range 21 {
			s.Scraped(status.Scrape{Status: 200 + i, Remote: "10.0.0.1", UserAgent: "curl"})
		}
		o, _ := s.Overview(1000)
		Expect(o.Scrapes).To(HaveLen(20))
		for i, scrape := range o.Scrapes {
			Expect(scrape).To(Equal(status.Scrape{Status: 220 - i, Remote: "10.0.0.1", UserAgent: "curl"}))
		}
		o, _ = s.Overview(3)
		Expect(o.Scrapes).To(HaveExactElements(HaveField("Status", 220), HaveField("Status", 219), HaveField("Status", 218)))

		s.Scraped(status.Scrape{Remote: strings.Repeat("ü", 600), UserAgent: strings.Repeat("ü", 600)})
		cut := strings.Repeat("ü", 510) + "…"
		Expect(s.Collect(now).Scrapes[0]).To(Equal(status.Scrape{Remote: cut, UserAgent: cut}))
	})

	It("has the emitters sorted by name", func() {
		e.Attach(lager.NewLogger("status"), func() []metric.EmitterStats {
			return []metric.EmitterStats{{Emitter: "Slow", QueueLength: 3, QueueCapacity: 10, Dropped: 7}, {Emitter: "Fast"}}
		})
		Expect(s.Collect(now).Emitters).To(Equal([]status.Emitter{
			{Name: "Fast"}, {Name: "Slow", QueueLength: 3, QueueCapacity: 10, Dropped: 7},
		}))
	})

	It("counts all events, and cuts the lists of names to the limit", func() {
		e.Emit(nil, metric.Event{Name: "release"})
		for i := range 5 {
			e.Emit(nil, metric.Event{Name: fmt.Sprint("unknown ", i)})
			e.Emit(nil, metric.Event{Name: "deploy"})
		}
		o, _ := s.Overview(1)
		Expect(o.Events.Received).To(Equal(uint64(11)))
		Expect(o.Events.Unknown).To(Equal(uint64(5)))
		Expect(o.Events.Names).To(HaveExactElements(And(HaveField("Name", "deploy"), HaveField("Received", uint64(5)))))
		Expect(o.Events.UnknownNames).To(HaveLen(1))
		o, _ = s.Overview(4)
		Expect(o.Events.Names).To(HaveLen(2), "the previous call cut only its own lists")
		Expect(o.Events.UnknownNames).To(HaveLen(4))
	})
})
