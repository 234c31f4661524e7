package pushgateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// The keys of a group in the API that are not names of families.
const (
	labelsKey  = "labels"
	successKey = "last_push_successful"

	// expiryKey is an addition to the Pushgateway's API. Names of metrics have no dot.
	expiryKey = "signalbox.expiry"

	// familyPrefix precedes the name of a family that is equal to one of the keys
	// above. In the Pushgateway, such a family hides the group's labels.
	familyPrefix = "signalbox.family."
)

// The families that each group has in addition to those that were pushed.
const (
	pushName = "push_time_seconds"
	pushHelp = "Last Unix time when changing this group in the Pushgateway succeeded."

	failureName = "push_failure_time_seconds"
	failureHelp = "Last Unix time when changing this group in the Pushgateway failed."
)

// setCORS lets scripts of any site read the API, but not wipe the groups.
func setCORS(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin")
	header.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", "Date")
	header.Set("Cache-Control", "no-cache, no-store, must-revalidate")
}

func (h *handler) serveStatus(w http.ResponseWriter) {
	text := marshal(map[string]any{
		"status": "success",
		"data": map[string]any{
			"flags":             h.Flags,
			"start_time":        h.StartTime,
			"build_information": h.BuildInfo,
		},
	})
	w.Header().Set("Content-Type", "application/json")
	w.Write(text) //nolint:errcheck // the client is gone
}

// listTimeout is the time that a client has to read a list of all groups.
const listTimeout = time.Minute

// serveMetrics answers with all groups, sorted by their labels. It creates the answer
// for one group at a time, because together they can be gigabytes.
func (h *handler) serveMetrics(w http.ResponseWriter) {
	select {
	case h.listing <- struct{}{}:
		defer func() { <-h.listing }()
	default:
		refuse(http.StatusServiceUnavailable, fmt.Sprintf("%d lists of all groups are being written, which is the limit", maxListings)).answer(w)
		return
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(listTimeout)) //nolint:errcheck // then there is no deadline

	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriter(w)
	out.WriteString(`{"status":"success","data":[`) //nolint:errcheck // Flush returns the error
	separator := ""
	for group := range h.Store.List() {
		out.WriteString(separator) //nolint:errcheck // Flush returns the error
		separator = ","
		if _, err := out.Write(marshal(groupAnswer(group))); err != nil {
			return // the client is gone
		}
	}
	out.WriteString("]}") //nolint:errcheck // Flush returns the error
	out.Flush()           //nolint:errcheck // the client is gone
}

func marshal(answer any) []byte {
	text, err := json.Marshal(answer)
	if err != nil {
		panic("BUG: an answer that is not JSON: " + err.Error())
	}
	return text
}

// A familyAnswer is a family in the API.
type familyAnswer struct {
	Timestamp time.Time        `json:"time_stamp"`
	Type      string           `json:"type"`
	Help      string           `json:"help,omitempty"`
	Metrics   []map[string]any `json:"metrics"`
}

// An expiryAnswer is the expiry of a group in the API.
type expiryAnswer struct {
	// Expires is left out, and TTL is 0, if the group never expires.
	Expires *time.Time `json:"expires,omitempty"`
	TTL     float64    `json:"ttl_seconds"`
}

// groupAnswer returns a group in the form of the API.
func groupAnswer(g aggregator.Group) map[string]any {
	expiry := expiryAnswer{TTL: g.TTL.Seconds()}
	if !g.Expires.IsZero() {
		expires := g.Expires.UTC()
		expiry.Expires = &expires
	}

	labels := make(map[string]string, len(g.Labels))
	for _, label := range g.Labels {
		labels[label.Name] = label.Value
	}

	answer := make(map[string]any, len(g.Families)+5)
	for _, family := range g.Families {
		name := family.GetName()
		if name == labelsKey || name == successKey {
			name = familyPrefix + name
		}
		answer[name] = familyAnswer{
			Timestamp: family.Pushed.UTC(),
			Type:      family.GetType().String(),
			Help:      family.GetHelp(),
			Metrics:   metricAnswers(family.MetricFamily),
		}
	}
	answer[labelsKey] = labels
	answer[successKey] = !g.Failed.After(g.Pushed)
	answer[expiryKey] = expiry
	answer[pushName] = timeAnswer(pushHelp, labels, g.Pushed, g.Failed)
	answer[failureName] = timeAnswer(failureHelp, labels, g.Failed, g.Pushed)
	return answer
}

// timeAnswer is how the API shows when a group was last pushed to. If it was not, it is
// a zero as old as the other time.
func timeAnswer(help string, group map[string]string, at, other time.Time) familyAnswer {
	labels := map[string]string{model.InstanceLabel: ""}
	for name, value := range group {
		labels[name] = value
	}

	seconds, stamp := 0.0, other
	if !at.IsZero() {
		seconds, stamp = float64(at.UnixNano())/1e9, at
	}
	return familyAnswer{
		Timestamp: stamp.UTC(),
		Type:      dto.MetricType_GAUGE.String(),
		Help:      help,
		Metrics:   []map[string]any{{"labels": labels, "value": fmt.Sprint(seconds)}},
	}
}

func metricAnswers(family *dto.MetricFamily) []map[string]any {
	answers := make([]map[string]any, len(family.Metric))
	for i, m := range family.Metric {
		labels := make(map[string]string, len(m.Label))
		for _, label := range m.Label {
			labels[label.GetName()] = label.GetValue()
		}

		answer := map[string]any{"labels": labels}
		switch {
		case m.Summary != nil:
			quantiles := make(map[string]string, len(m.Summary.Quantile))
			for _, q := range m.Summary.Quantile {
				quantiles[fmt.Sprint(q.GetQuantile())] = fmt.Sprint(q.GetValue())
			}
			answer["quantiles"] = quantiles
			answer["count"] = fmt.Sprint(m.Summary.GetSampleCount())
			answer["sum"] = fmt.Sprint(m.Summary.GetSampleSum())
		case m.Histogram != nil:
			answer["buckets"] = bucketAnswer(m.Histogram)
			answer["count"] = number(m.Histogram.GetSampleCountFloat(), m.Histogram.GetSampleCount())
			answer["sum"] = fmt.Sprint(m.Histogram.GetSampleSum())
		case m.Gauge != nil:
			answer["value"] = fmt.Sprint(m.Gauge.GetValue())
		case m.Counter != nil:
			answer["value"] = fmt.Sprint(m.Counter.GetValue())
		default:
			answer["value"] = fmt.Sprint(m.Untyped.GetValue())
		}
		answers[i] = answer
	}
	return answers
}

// bucketAnswer returns the native buckets if there are any, or else the classic ones by
// their bounds.
func bucketAnswer(h *dto.Histogram) any {
	if len(h.PositiveSpan)+len(h.NegativeSpan) > 0 {
		return nativeBuckets(h)
	}

	buckets := make(map[string]string, len(h.Bucket))
	for _, b := range h.Bucket {
		buckets[fmt.Sprint(b.GetUpperBound())] = number(b.GetCumulativeCountFloat(), b.GetCumulativeCount())
	}
	return buckets
}

// number formats the float if it is positive, or else the integer.
func number(float float64, integer uint64) string {
	if float > 0 {
		return fmt.Sprint(float)
	}
	return fmt.Sprint(integer)
}
