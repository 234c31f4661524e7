package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	"github.com/jessevdk/go-flags"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/metric"
)

func TestWebhook(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Webhook")
}

// A sink records events. It implements source.Sink.
type sink struct {
	mu     sync.Mutex
	events []string
}

func (s *sink) Emit(e metric.Event, _ *metric.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, fmt.Sprintf("%s %g %s", e.Name, e.Value, e.Attributes["state"]))
}
func (s *sink) Prepare(metric.EventType) (func(*metric.Event, []string, *metric.Outcome), func([][]string)) {
	return nil, nil
}
func (s *sink) Malformed(error) {}

// acmeCI is a made-up CI system: a delivery is a payload.Delivery as JSON, and the secret
// is a header. It implements webhook.Source.
type acmeCI struct {
	secret    string
	verifying func() // called for each delivery, unless it is nil
}

func (*acmeCI) Name() string        { return "acme" }
func (*acmeCI) Description() string { return "Acme CI" }
func (*acmeCI) Expects() string     { return "builds" }
func (*acmeCI) IsConfigured() bool  { return true }
func (*acmeCI) IsOpen() bool        { return false }
func (*acmeCI) Credential() string  { return "secret" }
func (a *acmeCI) NewVerifier(time.Duration) (webhook.Verifier, error) {
	secret := a.secret
	if secret == "" {
		return nil, errors.New("no secret")
	}
	return &acmeVerifier{a, secret}, nil
}

// An acmeVerifier implements webhook.Verifier.
type acmeVerifier struct {
	*acmeCI
	secret string
}

func (v *acmeVerifier) CheckHeader(r *http.Request, _ time.Time) error {
	if r.Header.Get("Secret") == "" {
		return errors.New("Secret is missing")
	}
	return nil
}

func (v *acmeVerifier) Verify(r *http.Request, _ []byte, _ time.Time) error {
	if v.verifying != nil {
		v.verifying()
	}
	if r.Header.Get("Secret") != v.secret {
		return errors.New("Secret does not match")
	}
	return nil
}

func (*acmeCI) Decode(_ http.Header, body []byte) (d payload.Delivery, err error) {
	return d, json.Unmarshal(body, &d)
}

// ids is a set of IDs.
type ids map[string]bool

func (s ids) Add(id []byte) bool {
	added := !s[string(id)]
	s[string(id)] = true
	return added
}

var _ = Describe("A receiver", func() {
	const start = "2026-03-04T10:00:00Z"
	var (
		logger   *lagertest.TestLogger
		emitted  *sink
		now      time.Time
		options  webhook.Options
		receiver *webhook.Receiver
		acme     *acmeCI
	)
	BeforeEach(func() {
		logger, emitted, acme = lagertest.NewTestLogger("webhooks"), &sink{}, &acmeCI{secret: "s3cret"}
		now, _ = time.Parse(time.RFC3339, start)
		options = webhook.Options{
			Logger:    logger,
			Sources:   []webhook.Source{acme},
			Tracker:   tracker.New(tracker.Options{}),
			IDs:       func(string) webhook.IDs { return ids{} },
			BodyBytes: 10_000,
			Now:       func() time.Time { return now },
		}
	})
	JustBeforeEach(func() {
		var err error
		receiver, err = webhook.New(options)
		Expect(err).NotTo(HaveOccurred())
		receiver.SetSink(emitted)
	})

	request := func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Secret", "s3cret")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		receiver.Handler().ServeHTTP(w, r)
		return w
	}
	post := func(body string, headers ...string) *httptest.ResponseRecorder {
		return request("POST", "/webhooks/acme", body, headers...)
	}
	delivery := func(d payload.Delivery) string {
		GinkgoHelper()
		body, err := json.Marshal(d)
		Expect(err).NotTo(HaveOccurred())
		return string(body)
	}
	// ended returns a delivery that reports the end of a job.
	ended := func(id string) payload.Delivery {
		return payload.Delivery{ID: id, Outcome: payload.Useful, Changes: []tracker.Change{{
			System: "acme", Kind: tracker.Job, ID: "7", State: tracker.Ended, Result: tracker.ResultSuccess,
			Queued: now.Add(-20 * time.Second), Started: now.Add(-15 * time.Second), Ended: now.Add(-2 * time.Second),
		}}}
	}
	counts := func() map[string]float64 {
		GinkgoHelper()
		registry := prometheus.NewPedanticRegistry()
		Expect(registry.Register(receiver)).To(Succeed())
		families, err := registry.Gather()
		Expect(err).NotTo(HaveOccurred())
		found := map[string]float64{}
		for _, f := range families {
			if f.GetName() != "signalbox_source_deliveries_total" {
				continue
			}
			for _, m := range f.GetMetric() {
				if v := m.GetCounter().GetValue(); v > 0 {
					found[m.GetLabel()[0].GetValue()] = v
				}
			}
		}
		return found
	}
	// source returns the field "sources" of the overview, whose only source is acme.
	source := func() map[string]any {
		GinkgoHelper()
		fields := maps.Collect(receiver.OverviewFields())
		encoded, err := json.Marshal(fields["sources"](100))
		Expect(err).NotTo(HaveOccurred())
		var sources []map[string]any
		Expect(json.Unmarshal(encoded, &sources)).To(Succeed())
		Expect(sources).To(HaveLen(1))
		return sources[0]
	}

	It("says what it expects", func() {
		w := request("GET", "/webhooks/acme", "")
		Expect(w.Code).To(Equal(http.StatusOK))
		Expect(w.Body.String()).To(Equal("This is the webhook for Acme CI. POST deliveries of builds here.\n"))
		Expect(request("PUT", "/webhooks/acme", "").Code).To(Equal(http.StatusMethodNotAllowed))
		w = request("POST", "/webhooks/other", "")
		Expect(w.Code).To(Equal(http.StatusNotFound))
		Expect(w.Body.String()).To(ContainSubstring("/webhooks/acme"))
		Expect(request("GET", "/-/healthy", "").Code).To(Equal(http.StatusOK))
		Expect(request("GET", "/metrics", "").Code).To(Equal(http.StatusNotFound))
		Expect(counts()).To(BeEmpty())
	})

	It("emits the events that a delivery causes, and says so", func() {
		w := post(delivery(ended("1")))
		Expect(w.Code).To(Equal(http.StatusAccepted))
		Expect(w.Body.String()).To(MatchJSON(`{"outcome": "accepted", "events": 5}`))
		Expect(emitted.events).To(Equal([]string{"ci job queued 1 ", "ci job started 1 ", "ci job queue time 5 ", "ci job finished 1 ", "ci job run time 13 "}))
		Expect(counts()).To(Equal(map[string]float64{"accepted": 1}))
		Expect(source()).To(And(
			HaveKeyWithValue("name", "acme"), HaveKeyWithValue("description", "Acme CI"), HaveKeyWithValue("path", "/webhooks/acme"),
			HaveKeyWithValue("deliveries", HaveKeyWithValue("accepted", 1.0)), HaveKeyWithValue("last_delivery", start),
			HaveKeyWithValue("delay_seconds", 2.0), HaveKeyWithValue("last_error", BeNil()),
		))
		Expect(testutil.CollectAndCount(receiver, "signalbox_source_delivery_delay_seconds")).To(Equal(1))
	})

	It("measures the delay of ends, since other changes can be older than what caused the delivery", func() {
		d := ended("1")
		d.Changes[0].State, d.Changes[0].Queued = tracker.Queued, now.Add(-5*time.Hour) // released by an approval
		Expect(post(delivery(d)).Body.String()).To(ContainSubstring("accepted"))
		Expect(source()).To(HaveKeyWithValue("delay_seconds", BeNil()))
		post(delivery(ended("2")))
		Expect(source()).To(HaveKeyWithValue("delay_seconds", 2.0))
	})

	It("measures the delay of each end once, since deliveries can repeat earlier ends", func() {
		d := ended("1")
		post(delivery(d))
		now = now.Add(time.Hour)
		d.ID = "2"
		d.Changes = append(d.Changes, ended("").Changes[0], d.Changes[0])
		d.Changes[1].ID = "8"
		Expect(post(delivery(d)).Body.String()).To(MatchJSON(`{"outcome": "accepted", "events": 5}`))
		Expect(source()).To(HaveKeyWithValue("delay_seconds", 2.0))
		page, err := testutil.CollectAndFormat(receiver, expfmt.TypeTextPlain, "signalbox_source_delivery_delay_seconds")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(page)).To(ContainSubstring(`signalbox_source_delivery_delay_seconds_sum{source="acme"} 4` + "\n"))
	})

	It("checks the signatures of only a few deliveries at the same time", func() {
		var active, most atomic.Int64
		release := make(chan struct{})
		acme.verifying = func() {
			n := active.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-release
			active.Add(-1)
		}
		limit := int64(runtime.GOMAXPROCS(0)) + 1
		var group sync.WaitGroup
		for range 10 * limit {
			group.Go(func() { post("{}", "Secret", "x") })
		}
		Eventually(active.Load).Should(BeNumerically(">=", limit))
		close(release)
		group.Wait()
		Expect(most.Load()).To(Equal(limit))
		Expect(counts()).To(Equal(map[string]float64{"unauthorized": float64(10 * limit)}))
	})

	It("counts a delivery once", func() {
		post(delivery(ended("1")))
		Expect(post(delivery(ended("1"))).Body.String()).To(MatchJSON(`{"outcome": "duplicate", "events": 0, "reason": "a delivery with the same ID was received before"}`))
		Expect(post(delivery(ended("2"))).Body.String()).To(MatchJSON(`{"outcome": "duplicate", "events": 0}`))
		earlier := ended("3")
		earlier.Changes[0].State = tracker.Started
		Expect(post(delivery(earlier)).Body.String()).To(MatchJSON(`{"outcome": "stale", "events": 0}`))
		Expect(emitted.events).To(HaveLen(5))
		Expect(counts()).To(Equal(map[string]float64{"accepted": 1, "duplicate": 2, "stale": 1}))
	})

	It("accepts deliveries that it cannot use, so that the CI system does not turn off the webhook", func() {
		d := payload.Delivery{ID: "1"}
		d.Ignore("the event ping is not about builds")
		Expect(post(delivery(d)).Body.String()).To(MatchJSON(`{"outcome": "ignored", "events": 0, "reason": "the event ping is not about builds"}`))
		d = ended("2")
		d.Unmap("conclusion", "exploded")
		w := post(delivery(d))
		Expect(w.Code).To(Equal(http.StatusAccepted))
		Expect(w.Body.String()).To(MatchJSON(`{"outcome": "unmapped", "events": 5, "reason": "unknown conclusion \"exploded\""}`))
		Expect(counts()).To(Equal(map[string]float64{"ignored": 1, "unmapped": 1}))
		Expect(source()).To(HaveKeyWithValue("last_error", HaveKeyWithValue("message", `unknown conclusion "exploded"`)))
	})

	DescribeTable("rejects what cannot be a delivery", func(status int, outcome, reason, body string, headers ...string) {
		w := post(body, headers...)
		Expect(w.Code).To(Equal(status))
		Expect(w.Body.String()).To(ContainSubstring(reason))
		Expect(counts()).To(Equal(map[string]float64{outcome: 1}))
		Expect(emitted.events).To(BeEmpty())
		Expect(source()).To(And(HaveKeyWithValue("last_delivery", BeNil()),
			HaveKeyWithValue("last_error", And(HaveKeyWithValue("outcome", outcome), HaveKeyWithValue("remote", "192.0.2.1:1234"), HaveKeyWithValue("message", ContainSubstring(reason))))))
		Expect(logger.Logs()).To(HaveLen(1))
		Expect(logger.Logs()[0].Message).To(Equal("webhooks.delivery-" + outcome))
		Expect(receiver.OverviewReport(now).Findings).To(ConsistOf(And(HaveField("Level", "warn"), HaveField("Section", "sources"))))
		now = now.Add(time.Hour)
		Expect(receiver.OverviewReport(now).Findings).To(BeEmpty())
	},
		Entry("without a secret", 401, "unauthorized", "Secret is missing", "{}", "Secret", ""),
		Entry("a wrong secret, even if the body is not JSON", 401, "unauthorized", "Secret does not match", "{", "Secret", "x"),
		Entry("an unknown encoding", 415, "malformed", "Content-Encoding", "{}", "Content-Encoding", "br"),
		Entry("a damaged encoding", 400, "malformed", "gzip", "not gzip at all", "Content-Encoding", "gzip"),
		Entry("too large", 413, "malformed", "the limit of 10000 bytes", strings.Repeat(" ", 10_001)),
	)

	It("rejects an authentic delivery that is not JSON, which shows nevertheless that the webhook is alive", func() {
		w := post("{")
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body.String()).To(ContainSubstring("unexpected end of JSON input"))
		Expect(counts()).To(Equal(map[string]float64{"malformed": 1}))
		Expect(source()).To(And(HaveKeyWithValue("last_delivery", start), HaveKeyWithValue("last_unauthenticated_error", BeNil()),
			HaveKeyWithValue("last_error", HaveKeyWithValue("outcome", "malformed"))))
	})

	It("logs at most one problem a second", func() {
		for range 10 {
			post("{}", "Secret", "x")
		}
		Expect(logger.Logs()).To(HaveLen(1))
		Expect(counts()).To(Equal(map[string]float64{"unauthorized": 10}))
	})

	It("does not alarm the operator because of strangers if the secret is known to work", func() {
		post(delivery(ended("1")))
		post("{}", "Secret", "x")
		Expect(receiver.OverviewReport(now).Findings).To(ConsistOf(HaveField("Level", "note")))
	})

	// Strangers cannot hide what is wrong with authentic deliveries, and cannot alarm the
	// operator.
	DescribeTable("keeps the problems of strangers apart", func(stranger func()) {
		post(delivery(ended("1")))
		stranger()
		Expect(receiver.OverviewReport(now).Findings).To(ConsistOf(HaveField("Level", "note")))
		unmapped := ended("2")
		unmapped.Changes[0].ID = "8"
		unmapped.Unmap("conclusion", "exploded")
		post(delivery(unmapped))
		stranger()
		Expect(source()).To(And(HaveKeyWithValue("last_error", HaveKeyWithValue("message", `unknown conclusion "exploded"`)),
			HaveKeyWithValue("last_unauthenticated_error", HaveKeyWithValue("outcome", Not(Equal("unmapped"))))))
		Expect(receiver.OverviewReport(now).Findings).To(ConsistOf(HaveField("Level", "warn"), HaveField("Level", "note")))
		var logged []string
		for _, line := range logger.Logs() {
			if line.LogLevel == lager.ERROR {
				logged = append(logged, strings.TrimPrefix(line.Message, "webhooks.delivery-"))
			}
		}
		Expect(logged).To(HaveLen(2))
		Expect(logged[1]).To(Equal("unmapped"))
	},
		Entry("with a wrong secret", func() { post("{}", "Secret", "x") }),
		Entry("with an unknown encoding", func() { post("{}", "Secret", "x", "Content-Encoding", "br") }),
		Entry("with a body that is too large", func() { post(strings.Repeat(" ", 10_001), "Secret", "x") }),
	)

	It("reads no body if the headers show that the delivery is not authentic", func() {
		r := httptest.NewRequest("POST", "/webhooks/acme", iotest.ErrReader(errors.New("the body was read")))
		r.Header.Set("Content-Encoding", "br")
		w := httptest.NewRecorder()
		receiver.Handler().ServeHTTP(w, r)
		Expect(w.Code).To(Equal(http.StatusUnauthorized))
		Expect(w.Body.String()).To(ContainSubstring("Secret is missing"))
		Expect(counts()).To(Equal(map[string]float64{"unauthorized": 1}))
	})

	Describe("without memory", func() {
		var budgets *membudget.Budgets
		BeforeEach(func() {
			budgets = membudget.Divide(1 << 20)
			options.Buffer, options.Parse = budgets.Buffer, budgets.Parse
		})
		It("asks the CI system to try again", func() {
			budgets.Buffer.Add(budgets.Buffer.Size())
			w := post(delivery(ended("1")))
			Expect(w.Code).To(Equal(http.StatusServiceUnavailable))
			Expect(w.Header()).To(HaveKey("Retry-After"))
			Expect(counts()).To(Equal(map[string]float64{"overloaded": 1}))
		})
		It("gives back what it uses", func() {
			for i := range 100 {
				Expect(post(delivery(ended(fmt.Sprint(i)))).Code).To(Equal(http.StatusAccepted))
			}
			Expect(budgets.Buffer.Used()).To(BeZero())
			Expect(budgets.Parse.Used()).To(BeZero())
		})
	})

	It("reads the secrets again", func() {
		acme.secret = "n3w"
		receiver.Reload()
		Expect(post("{}").Code).To(Equal(http.StatusUnauthorized))
		Expect(post(delivery(ended("1")), "Secret", "n3w").Code).To(Equal(http.StatusAccepted))
		acme.secret = ""
		receiver.Reload()
		Expect(post(delivery(ended("2")), "Secret", "n3w").Code).To(Equal(http.StatusAccepted))
		Expect(string(logger.Buffer().Contents())).To(And(ContainSubstring("secrets-not-reloaded"), Not(ContainSubstring("n3w"))))
	})

	It("refreshes the gauges of active jobs, and removes those that never end", func() {
		d := ended("1")
		d.Changes[0].State = tracker.Started
		post(delivery(d))
		Expect(emitted.events).To(ContainElement("ci jobs active 1 executing"))
		emitted.events = nil
		receiver.Tick()
		Expect(emitted.events).To(ContainElement("ci jobs active 1 executing"))
		now = now.Add(25 * time.Hour)
		receiver.Tick()
		Expect(emitted.events).To(ContainElement("ci jobs active 0 executing"))
		Expect(testutil.CollectAndCompare(receiver, bytes.NewReader([]byte(`
# HELP signalbox_source_state_expired_total Number of runs, jobs and other objects that did not change for too long and are no longer counted as active, by state.
# TYPE signalbox_source_state_expired_total counter
signalbox_source_state_expired_total{source="acme",state="blocked"} 0
signalbox_source_state_expired_total{source="acme",state="executing"} 1
signalbox_source_state_expired_total{source="acme",state="pending"} 0
`)), "signalbox_source_state_expired_total")).To(Succeed())
	})

	It("takes deliveries from many connections at once", func() {
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				d := ended(fmt.Sprint(i))
				d.ID, d.Changes[0].ID = "", fmt.Sprint(i)
				post(delivery(d))
				receiver.Tick()
				source()
				counts()
			})
		}
		group.Wait()
		Expect(counts()).To(Equal(map[string]float64{"accepted": 50}))
		finished := slices.DeleteFunc(emitted.events, func(e string) bool { return !strings.HasPrefix(e, "ci job finished") })
		Expect(finished).To(HaveLen(50))
	})

	Describe("of a CI system that sends a token", func() {
		BeforeEach(func() {
			file := filepath.Join(GinkgoT().TempDir(), "token")
			Expect(os.WriteFile(file, []byte("t0ken\nn3xt\n"), 0o600)).To(Succeed())
			s := webhook.NewSource(webhook.System{Name: "acme", Decode: acme.Decode})
			_, err := flags.NewParser(s, flags.None).ParseArgs([]string{"--token-file", file})
			Expect(err).NotTo(HaveOccurred())
			options.Sources = []webhook.Source{s}
		})
		It("accepts it, and shows it to no client", func() {
			Expect(request("POST", "/webhooks/acme?token=t0ken", delivery(ended("1"))).Code).To(Equal(http.StatusAccepted))
			Expect(post(delivery(ended("2")), "Authorization", "Bearer n3xt").Code).To(Equal(http.StatusAccepted))
			for _, query := range []string{"", "?token=wr0ng", "?token=t0ken&token=wr0ng", "?token=t0ken%zz", "?t0ken=wr0ng"} {
				now = now.Add(time.Minute)
				w := request("POST", "/webhooks/acme"+query, "{}")
				Expect(w.Code).To(Equal(http.StatusUnauthorized))
				Expect(w.Body.String()).NotTo(ContainSubstring("0"))
				Expect(source()["last_unauthenticated_error"]).To(HaveKeyWithValue("message", Not(ContainSubstring("t0ken"))))
			}
			w := request("POST", "/webhooks/acme", "{}")
			Expect(w.Body.String()).To(ContainSubstring("the token is missing: send it"))
			Expect(string(logger.Buffer().Contents())).To(And(ContainSubstring("the token is missing: send it"), Not(ContainSubstring("t0ken")), Not(ContainSubstring("wr0ng"))))
			Expect(request("POST", "//webhooks/acme?token=t0ken", "{}").Code).To(BeNumerically("<", 400)) // a redirection by net/http
			Expect(string(logger.Buffer().Contents())).NotTo(ContainSubstring("t0ken"))
		})
	})

	It("does not start if a source has no valid secrets", func() {
		options.Sources = []webhook.Source{&acmeCI{}}
		_, err := webhook.New(options)
		Expect(err).To(MatchError("no secret"))
	})
})
