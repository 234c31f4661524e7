package pushgateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
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

// serveMetrics responds with all groups, sorted by labels. It encodes one metric at a
// time, because all of them together can take gigabytes. If the response would exceed
// ListBytes, it leaves out the rest and says so in a warning, as Prometheus does.
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
	l := listWriter{out: bufio.NewWriter(w), left: h.ListBytes}
	l.write(`{"status":"success","data":[`)
	separator := ""
	for group := range h.Store.List() {
		if l.full() {
			break
		}
		l.write(separator)
		separator = ","
		l.writeGroup(group)
	}
	l.write("]")
	if l.full() && l.err == nil {
		l.write(`,"warnings":`)
		l.writeJSON([]string{fmt.Sprintf("the list is incomplete, because it exceeds the limit of %d bytes", h.ListBytes)})
	}
	l.write("}")
	l.out.Flush() //nolint:errcheck // the client is gone
}

// A listWriter writes the list of all groups.
type listWriter struct {
	out  *bufio.Writer
	left int64 // number of bytes until the list is full; negative beyond
	err  error // error of the last write: the client is gone
}

// full reports whether to leave out the rest of the list.
func (l *listWriter) full() bool { return l.left < 0 || l.err != nil }

func (l *listWriter) write(text string) {
	_, l.err = l.out.WriteString(text)
	l.left -= int64(len(text))
}

func (l *listWriter) writeJSON(v any) { l.write(string(marshal(v))) }

// writeGroup writes a group, with its fields sorted by name.
func (l *listWriter) writeGroup(g aggregator.Group) {
	type field struct {
		name     string
		required bool // to be written even if the list is full
		write    func()
	}
	var fields []field
	for name, value := range groupFields(g) {
		fields = append(fields, field{name, true, func() { l.writeJSON(value) }})
	}
	for _, family := range g.Families {
		name := family.Name
		switch name {
		case pushName, failureName:
			continue // the group's own
		case labelsKey, successKey:
			name = familyPrefix + name
		}
		fields = append(fields, field{name, false, func() { l.writeFamily(family) }})
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	separator := "{"
	for _, f := range fields {
		if l.full() && !f.required {
			continue
		}
		l.write(separator)
		separator = ","
		l.writeJSON(f.name)
		l.write(":")
		f.write()
	}
	l.write("}")
}

func (l *listWriter) writeFamily(f aggregator.GroupFamily) {
	head := marshal(familyJSON{Timestamp: f.Pushed.UTC(), Type: f.Type.String(), Help: f.Help, Metrics: []map[string]any{}})
	l.write(string(head[:len(head)-len("]}")]))
	separator := ""
	for m := range f.Metrics {
		if l.full() {
			break
		}
		l.write(separator)
		separator = ","
		l.writeJSON(metricJSON(m))
	}
	l.write("]}")
}

// marshal returns the value as JSON, in which characters that are invisible or change the
// direction of text are escaped, as in the responses of source.Answer.
func marshal(response any) []byte {
	text, err := json.Marshal(response)
	if err != nil {
		panic("BUG: encoding a response: " + err.Error())
	}
	return excerpt.EscapeJSON(text)
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

// groupFields returns the fields of a group as the API shows it, without its families.
func groupFields(g aggregator.Group) map[string]any {
	expiry := expiryJSON{TTL: g.TTL.Seconds()}
	if !g.Expires.IsZero() {
		expires := g.Expires.UTC()
		expiry.Expires = &expires
	}

	labels := make(map[string]string, len(g.Labels))
	for _, label := range g.Labels {
		labels[label.Name] = label.Value
	}
	return map[string]any{
		labelsKey:   labels,
		successKey:  !g.Failed.After(g.Pushed),
		expiryKey:   expiry,
		pushName:    timeJSON(pushHelp, labels, g.Pushed, g.Failed),
		failureName: timeJSON(failureHelp, labels, g.Failed, g.Pushed),
	}
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

// metricJSON returns a metric as the API shows it.
func metricJSON(m *dto.Metric) map[string]any {
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
	return result
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
