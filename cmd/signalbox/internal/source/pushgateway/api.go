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

// The keys of a group in the API that are not the names of families.
const (
	labelsKey  = "labels"
	successKey = "last_push_successful"

	// expiryKey is an addition to the Pushgateway's API. It cannot be the name of a
	// family, because it contains a dot.
	expiryKey = "signalbox.expiry"

	// familyPrefix precedes the name of a family that is equal to labelsKey or
	// successKey. In the Pushgateway, such a family overwrites the key.
	familyPrefix = "signalbox.family."
)

// The families that each group has in addition to those that were pushed.
const (
	pushName = "push_time_seconds"
	pushHelp = "Last Unix time when changing this group in the Pushgateway succeeded."

	failureName = "push_failure_time_seconds"
	failureHelp = "Last Unix time when changing this group in the Pushgateway failed."
)

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

// serveMetrics responds with all groups, sorted by labels. It encodes one group at a
// time, because all of them together can take gigabytes.
func (h *handler) serveMetrics(w http.ResponseWriter) {
	select {
	case h.listing <- struct{}{}:
		defer func() { <-h.listing }()
	default:
		reject(http.StatusServiceUnavailable, fmt.Sprintf("the limit of %d concurrent requests for all groups is reached", maxListings)).writeTo(w)
		return
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(listTimeout)) //nolint:errcheck // without support for it there is no deadline

	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriter(w)
	out.WriteString(`{"status":"success","data":[`) //nolint:errcheck // Flush returns the error
	separator := ""
	for group := range h.Store.List() {
		out.WriteString(separator) //nolint:errcheck // Flush returns the error
		separator = ","
		if _, err := out.Write(marshal(groupJSON(group))); err != nil {
			return // the client is gone
		}
	}
	out.WriteString("]}") //nolint:errcheck // Flush returns the error
	out.Flush()           //nolint:errcheck // the client is gone
}

func marshal(response any) []byte {
	text, err := json.Marshal(response)
	if err != nil {
		panic("BUG: encoding a response: " + err.Error())
	}
	return text
}

// A familyJSON is a family as the API shows it.
type familyJSON struct {
	Timestamp time.Time        `json:"time_stamp"`
	Type      string           `json:"type"`
	Help      string           `json:"help,omitempty"`
	Metrics   []map[string]any `json:"metrics"`
}

// An expiryJSON is the expiry of a group as the API shows it.
type expiryJSON struct {
	// If the group never expires, Expires is omitted and TTL is 0.
	Expires *time.Time `json:"expires,omitempty"`
	TTL     float64    `json:"ttl_seconds"`
}

// groupJSON returns a group as the API shows it.
func groupJSON(g aggregator.Group) map[string]any {
	expiry := expiryJSON{TTL: g.TTL.Seconds()}
	if !g.Expires.IsZero() {
		expires := g.Expires.UTC()
		expiry.Expires = &expires
	}

	labels := make(map[string]string, len(g.Labels))
	for _, label := range g.Labels {
		labels[label.Name] = label.Value
	}

	result := make(map[string]any, len(g.Families)+5)
	for _, family := range g.Families {
		name := family.GetName()
		if name == labelsKey || name == successKey {
			name = familyPrefix + name
		}
		result[name] = familyJSON{
			Timestamp: family.Pushed.UTC(),
			Type:      family.GetType().String(),
			Help:      family.GetHelp(),
			Metrics:   metricsJSON(family.MetricFamily),
		}
	}
	result[labelsKey] = labels
	result[successKey] = !g.Failed.After(g.Pushed)
	result[expiryKey] = expiry
	result[pushName] = timeJSON(pushHelp, labels, g.Pushed, g.Failed)
	result[failureName] = timeJSON(failureHelp, labels, g.Failed, g.Pushed)
	return result
}

// timeJSON returns the family that shows at, the time of the last successful or failed
// change of a group. If there was none, at is zero; the value of the family is then 0,
// and its timestamp is the other of the two times.
func timeJSON(help string, group map[string]string, at, other time.Time) familyJSON {
	labels := map[string]string{model.InstanceLabel: ""}
	for name, value := range group {
		labels[name] = value
	}

	seconds, stamp := 0.0, other
	if !at.IsZero() {
		seconds, stamp = float64(at.UnixNano())/1e9, at
	}
	return familyJSON{
		Timestamp: stamp.UTC(),
		Type:      dto.MetricType_GAUGE.String(),
		Help:      help,
		Metrics:   []map[string]any{{"labels": labels, "value": fmt.Sprint(seconds)}},
	}
}

func metricsJSON(family *dto.MetricFamily) []map[string]any {
	all := make([]map[string]any, len(family.Metric))
	for i, m := range family.Metric {
		labels := make(map[string]string, len(m.Label))
		for _, label := range m.Label {
			labels[label.GetName()] = label.GetValue()
		}

		result := map[string]any{"labels": labels}
		switch {
		case m.Summary != nil:
			quantiles := make(map[string]string, len(m.Summary.Quantile))
			for _, q := range m.Summary.Quantile {
				quantiles[fmt.Sprint(q.GetQuantile())] = fmt.Sprint(q.GetValue())
			}
			result["quantiles"] = quantiles
			result["count"] = fmt.Sprint(m.Summary.GetSampleCount())
			result["sum"] = fmt.Sprint(m.Summary.GetSampleSum())
		case m.Histogram != nil:
			result["buckets"] = bucketsJSON(m.Histogram)
			result["count"] = formatCount(m.Histogram.GetSampleCountFloat(), m.Histogram.GetSampleCount())
			result["sum"] = fmt.Sprint(m.Histogram.GetSampleSum())
		case m.Gauge != nil:
			result["value"] = fmt.Sprint(m.Gauge.GetValue())
		case m.Counter != nil:
			result["value"] = fmt.Sprint(m.Counter.GetValue())
		default:
			result["value"] = fmt.Sprint(m.Untyped.GetValue())
		}
		all[i] = result
	}
	return all
}

// bucketsJSON returns the native buckets if there are any, or else the counts of the
// classic buckets by upper bound.
func bucketsJSON(h *dto.Histogram) any {
	if len(h.PositiveSpan)+len(h.NegativeSpan) > 0 {
		return nativeBuckets(h)
	}

	buckets := make(map[string]string, len(h.Bucket))
	for _, b := range h.Bucket {
		buckets[fmt.Sprint(b.GetUpperBound())] = formatCount(b.GetCumulativeCountFloat(), b.GetCumulativeCount())
	}
	return buckets
}

// formatCount formats the float if it is positive, or else the integer.
func formatCount(float float64, integer uint64) string {
	if float > 0 {
		return fmt.Sprint(float)
	}
	return fmt.Sprint(integer)
}
