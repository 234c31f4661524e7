package straightforward

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-github/v88/github"
	"github.com/prometheus/client_golang/prometheus"
)

// A Webhook receives webhooks about the jobs of GitHub Actions. Unlike Signalbox, it
// keeps no state: it counts repeated deliveries again, and those that arrive in the
// wrong order as they arrive. The metrics have the names, labels and buckets of
// Signalbox's catalog ci.
type Webhook struct {
	secret []byte

	deliveries, jobsFinished   *prometheus.CounterVec
	queueDuration, jobDuration *prometheus.HistogramVec
	jobsActive                 *prometheus.GaugeVec
}

// NewWebhook returns a Webhook that accepts deliveries signed with the secret.
func NewWebhook(registerer prometheus.Registerer, secret string) *Webhook {
	h := &Webhook{
		secret: []byte(secret),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "deliveries_total", Help: "Number of webhook deliveries, by outcome.",
		}, []string{"outcome"}),
		jobsFinished: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ci_jobs_finished_total", Help: "Number of jobs finished, by result.",
		}, []string{"pipeline", "repository", "result", "retry", "runner_class", "system"}),
		queueDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ci_job_queue_duration_seconds", Help: "Time that jobs waited for a runner, in seconds.",
			Buckets: []float64{1, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400},
		}, []string{"runner_class", "system"}),
		jobDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ci_job_duration_seconds", Help: "Time from the start to the end of jobs, in seconds.",
			Buckets: []float64{10, 30, 60, 120, 300, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 14400, 21600},
		}, []string{"repository", "result", "runner_class", "system"}),
		jobsActive: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ci_jobs_active", Help: "Number of jobs that have not finished, by state.",
		}, []string{"runner_class", "state", "system"}),
	}
	registerer.MustRegister(h.deliveries, h.jobsFinished, h.queueDuration, h.jobDuration, h.jobsActive)
	return h
}

// ServeHTTP implements http.Handler.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	payload, err := github.ValidatePayload(r, h.secret)
	if err != nil {
		h.deliveries.WithLabelValues("unauthorized").Inc()
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	event, err := github.ParseWebHook(github.WebHookType(r), payload)
	if err != nil {
		h.deliveries.WithLabelValues("malformed").Inc()
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if job, ok := event.(*github.WorkflowJobEvent); ok {
		h.countJob(job)
	}
	h.deliveries.WithLabelValues("accepted").Inc()
	w.WriteHeader(http.StatusAccepted)
}

func (h *Webhook) countJob(event *github.WorkflowJobEvent) {
	job, repository := event.GetWorkflowJob(), event.GetRepo().GetFullName()
	labels := slices.Clone(job.Labels)
	slices.Sort(labels)
	class := strings.ToLower(strings.Join(labels, ","))
	switch event.GetAction() {
	case "queued":
		h.jobsActive.WithLabelValues(class, "pending", "github").Inc()
	case "in_progress":
		h.jobsActive.WithLabelValues(class, "pending", "github").Dec()
		h.jobsActive.WithLabelValues(class, "executing", "github").Inc()
		h.queueDuration.WithLabelValues(class, "github").Observe(job.GetStartedAt().Sub(job.GetCreatedAt().Time).Seconds())
	case "completed":
		h.jobsActive.WithLabelValues(class, "executing", "github").Dec()
		retry := strconv.FormatBool(job.GetRunAttempt() > 1)
		h.jobsFinished.WithLabelValues(job.GetWorkflowName(), repository, job.GetConclusion(), retry, class, "github").Inc()
		h.jobDuration.WithLabelValues(repository, job.GetConclusion(), class, "github").Observe(job.GetCompletedAt().Sub(job.GetStartedAt().Time).Seconds())
	}
}
