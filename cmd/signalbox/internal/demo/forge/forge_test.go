package forge

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/github"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitlab"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

var begin = time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)

// silent is a logger that logs nothing.
var silent = lager.NewLogger("forge")

// A sink passes events to an emitter. It implements source.Sink.
type sink struct{ *emitter.Prometheus }

func (s sink) Emit(e metric.Event, outcome *metric.Outcome) { s.EmitReporting(silent, e, outcome) }

func (s sink) Prepare(metric.EventType) (func(*metric.Event, []string, *metric.Outcome), func([][]string)) {
	return nil, nil
}
func (s sink) Malformed(error) {}

// ids is a set of IDs. It implements webhook.IDs.
type ids map[string]bool

func (s ids) Add(id []byte) bool {
	added := !s[string(id)]
	s[string(id)] = true
	return added
}

// A receiver receives deliveries over HTTP, as the daemon does.
type receiver struct {
	*webhook.Receiver
	page    *emitter.Prometheus
	own     *prometheus.Registry
	url     string
	secrets Secrets
	now     time.Time
}

func newReceiver() *receiver {
	GinkgoHelper()
	r := &receiver{secrets: NewSecrets(), now: begin, own: prometheus.NewRegistry()}
	clock := func() time.Time { return r.now }
	e, err := (&emitter.PrometheusConfig{Handler: true, Catalog: "ci", Clock: clock, GCInterval: time.Hour}).NewEmitter(nil)
	Expect(err).NotTo(HaveOccurred())
	r.page = e.(*emitter.Prometheus)
	DeferCleanup(r.page.Close)

	sources := []webhook.Source{github.NewSource(), gitlab.NewSource()}
	for _, s := range sources {
		Expect(s.(interface{ AddSecret(string) error }).AddSecret(r.secrets[s.Name()])).To(Succeed())
	}
	r.Receiver, err = webhook.New(webhook.Options{
		Logger: silent, Sources: sources, ReplayWindow: 5 * time.Minute, BodyBytes: 1 << 20, Now: clock,
		IDs: func(string) webhook.IDs { return ids{} },
		Tracker: tracker.New(tracker.Options{
			QueuedLimit: activeLimit, RunningLimit: activeLimit, LabelInputs: r.page.Engine().LabelInputs, Systems: []string{GitHub, GitLab},
		}),
	})
	Expect(err).NotTo(HaveOccurred())
	r.SetSink(sink{r.page})
	r.own.MustRegister(r.Receiver)
	server := httptest.NewServer(r.Handler())
	DeferCleanup(server.Close)
	r.url = server.URL
	return r
}

// receive posts a delivery when it arrives.
func (r *receiver) receive(d *Delivery) {
	GinkgoHelper()
	r.now = d.Arrives
	request, err := d.Request(r.url+webhook.Path(d.System), r.secrets)
	Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	if response.StatusCode != d.Status() {
		Fail(fmt.Sprintf("got status %s: %s", response.Status, answer))
	}
}

// samples returns the samples about CI systems that are not 0. Histograms have a count
// and a sum.
func (r *receiver) samples() map[string]float64 {
	GinkgoHelper()
	families, err := prometheus.Gatherers{r.page, r.own}.Gather()
	Expect(err).NotTo(HaveOccurred())
	all := map[string]float64{}
	for _, f := range families {
		name := f.GetName()
		switch {
		case !strings.HasPrefix(name, "ci_") && !strings.HasPrefix(name, "signalbox_source_"),
			name == "signalbox_source_last_delivery_timestamp_seconds", name == "signalbox_source_state_entries":
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName(), l.GetValue())
			}
			if h := m.GetHistogram(); h != nil {
				all[sample(name+"_count", labels...)] = float64(h.GetSampleCount())
				all[sample(name+"_sum", labels...)] = h.GetSampleSum()
			} else {
				all[sample(name, labels...)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	maps.DeleteFunc(all, func(_ string, value float64) bool { return value == 0 })
	return all
}

// differences returns the differences of samples. Sums of the same numbers in another
// order can differ by rounding.
func differences(got, expected map[string]float64) (all []string) {
	names := map[string]bool{}
	for _, samples := range []map[string]float64{got, expected} {
		for name := range samples {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if g, e := got[name], expected[name]; math.Abs(g-e) > 1e-9*math.Abs(e) {
			all = append(all, fmt.Sprintf("%s: got %v, expected %v", name, g, e))
		}
	}
	return all
}

// total returns the sum of all samples of a family.
func total(samples map[string]float64, family string) (n float64) {
	for name, value := range samples {
		if strings.HasPrefix(name, family+"{") {
			n += value
		}
	}
	return n
}

var _ = Describe("The organizations", func() {
	It("have the metrics that the books say, despite duplicates, reordering and losses", func() {
		const step, watched = 15 * time.Second, 70 * time.Minute
		var (
			s        = New(3, begin)
			r        = newReceiver()
			b        = newBooks()
			reports  int
			arrivals int
			ends     = map[string]report{} // all, by endOf
		)
		s.observe = func(about report) {
			reports++
			if about.state == ended {
				ends[endOf(&about)] = about
			}
		}
		advance := func() {
			now := r.now.Truncate(step).Add(step)
			for _, d := range s.Advance(now) {
				arrivals++
				r.receive(&d)
				b.arrive(&d)
			}
			r.now = now
			r.Tick()
			b.tick(now)
			if now.Sub(begin)%(10*time.Minute) == 0 {
				Expect(differences(r.samples(), b.page(now))).To(BeEmpty(), "after %s", now.Sub(begin))
			}
		}
		for r.now.Before(begin.Add(watched)) {
			advance()
		}
		s.Close()
		for !s.Idle() {
			advance()
		}
		for range int(activeLimit/step) + 2 {
			advance()
		}
		samples := r.samples()
		Expect(differences(samples, b.page(r.now))).To(BeEmpty())

		// Nothing that the organizations did is missing, except what the network lost, and
		// ends of pipelines that a later end overtook.
		faults := s.Tally()
		Expect(arrivals).To(Equal(reports - faults.Lost + faults.Repeated + faults.Forged))
		var shown, lost, overtaken int
		for end, about := range ends {
			switch {
			case b.counted[end]:
				shown++
			case !b.delivered[end]:
				lost++
			default:
				Expect(about.system).To(Equal(GitLab))
				Expect(about.kind).To(Equal(runs))
				overtaken++
			}
		}
		Expect(shown + lost + overtaken).To(Equal(len(ends)))
		Expect(total(samples, "ci_runs_finished_total") + total(samples, "ci_jobs_finished_total") + total(samples, "ci_deployments_total")).To(
			BeEquivalentTo(shown))
		Expect(lost).To(BeNumerically(">", 3))
		for _, gauge := range []string{"ci_runs_active", "ci_jobs_active", "ci_oldest_job_waiting_seconds"} {
			Expect(total(samples, gauge)).To(BeZero(), gauge)
		}

		// Everything that can happen has happened.
		for _, part := range []string{
			`outcome="accepted",source="github"`, `outcome="accepted",source="gitlab"`, `outcome="duplicate",source="github"`, `outcome="duplicate",source="gitlab"`,
			`outcome="stale",source="github"`, `outcome="stale",source="gitlab"`, `outcome="unauthorized"`, `_expired_total{source="github"`, `_expired_total{source="gitlab"`,
			`result="success"`, `result="failure"`, `result="cancellation"`, `result="timeout"`, `result="error"`, `result="skip"`, `retry="true"`,
			`ci_change_lead_time_seconds_count`, `ci_deployment_duration_seconds_count`, `tier="production"`, `ref_kind="pull_request"`,
		} {
			Expect(slices.ContainsFunc(slices.Collect(maps.Keys(samples)), func(name string) bool { return strings.Contains(name, part) })).To(BeTrue(), part)
		}
	})

	It("make the same deliveries for the same seed and time, however time advances", func() {
		deliveries := func(seed uint64, step time.Duration) (all []string) {
			s := New(seed, begin)
			for now := begin; now.Before(begin.Add(10 * time.Minute)); {
				now = now.Add(step)
				for _, d := range s.Advance(now) {
					all = append(all, fmt.Sprint(d.Arrives, d.id, d.System, string(d.report.body)))
				}
			}
			return all
		}
		once := deliveries(1, 10*time.Minute)
		Expect(len(once)).To(BeNumerically(">", 300))
		Expect(slices.Equal(once, deliveries(1, 250*time.Millisecond))).To(BeTrue())
		Expect(slices.Equal(once, deliveries(2, 10*time.Minute))).To(BeFalse())
	})

	It("have enough runners most of the time, and some jobs that wait when many people push", func() {
		for seed := range uint64(2) {
			s := New(seed, begin)
			waiting, samples := 0, 0
			for range 60 {
				s.Advance(s.now().Add(time.Minute))
				for _, o := range s.organizations {
					for _, p := range o.pools {
						Expect(p.busy).To(BeNumerically("<=", p.runners))
						Expect(len(p.queue)).To(BeNumerically("<", 4*p.runners+8), "jobs waiting for %s", p.name)
					}
				}
				if len(s.organizations[0].pools["linux"].queue) > 0 {
					waiting++
				}
				samples++
			}
			Expect(waiting).To(And(BeNumerically(">", 0), BeNumerically("<", samples*2/3)))
		}
	})
})
