package series

import (
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Describe implements prometheus.Collector.
func (st *Store) Describe(descs chan<- *prometheus.Desc) {
	for _, f := range st.Families() {
		descs <- f.desc()
	}
}

// Collect implements prometheus.Collector. Unlike scrapes of the metrics page, it
// allocates memory for each series.
func (st *Store) Collect(metrics chan<- prometheus.Metric) {
	wall := st.clock.Wall()
	for _, f := range st.Families() {
		desc := f.desc()
		for page := range f.Sorted {
			for _, s := range page {
				for _, m := range f.appendMetrics(nil, s, wall) {
					metrics <- collected{desc, m}
				}
			}
		}
	}
}

// Gather implements prometheus.Gatherer. It returns no error.
func (st *Store) Gather() ([]*dto.MetricFamily, error) {
	var gathered []*dto.MetricFamily
	for _, f := range st.Families() {
		if mf := f.Gather(); len(mf.Metric) > 0 {
			gathered = append(gathered, mf)
		}
	}
	return gathered, nil
}

// Gather returns the family in client_golang's data model.
func (f *Family) Gather() *dto.MetricFamily {
	mf := &dto.MetricFamily{
		Name: proto.String(f.name),
		Help: proto.String(f.help),
		Type: f.typ.ClientModel().Enum(),
	}
	wall := f.store.clock.Wall()
	for page := range f.Sorted {
		for _, s := range page {
			mf.Metric = f.appendMetrics(mf.Metric, s, wall)
		}
	}
	if f.states != nil {
		slices.SortFunc(mf.Metric, func(a, b *dto.Metric) int {
			return slices.CompareFunc(a.Label, b.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetValue(), b.GetValue()) })
		})
	}
	return mf
}

func (f *Family) desc() *prometheus.Desc {
	constants := prometheus.Labels{}
	for _, p := range f.layout.pairs {
		if p.value < 0 {
			constants[p.name] = p.constant
		}
	}
	names := f.layout.names
	if f.states != nil {
		names = append(slices.Clone(names), f.states.label)
	}
	return prometheus.NewDesc(f.name, f.help, names, constants)
}

// appendMetrics appends the series in client_golang's data model: one metric, or one
// for each state. It appends nothing if the series was removed.
func (f *Family) appendMetrics(to []*dto.Metric, s *Series, wall Wall) []*dto.Metric {
	if f.states == nil {
		if m, ok := f.metric(s, wall); ok {
			to = append(to, m)
		}
		return to
	}
	if current, ok := f.Value(s, wall); ok {
		for i := range f.states.values {
			to = append(to, &dto.Metric{Label: f.labelPairs(f.StateLabels(s, i)), Gauge: &dto.Gauge{Value: proto.Float64(StateValue(i, current))}})
		}
	}
	return to
}

// metric returns a series without states in client_golang's data model. It returns
// false if the series was removed.
func (f *Family) metric(s *Series, wall Wall) (*dto.Metric, bool) {
	m := &dto.Metric{Label: f.labelPairs(f.Labels(s))}
	created := timestamppb.New(time.UnixMilli(wall.UnixMilli(s.created)))
	if f.typ == Histogram {
		exemplars := f.AppendExemplars(nil, s)
		var snapshot Snapshot
		if !f.Snapshot(s, &snapshot) {
			return nil, false
		}
		m.Histogram = f.histogram(&snapshot, exemplars, wall)
		m.Histogram.CreatedTimestamp = created
		return m, true
	}
	v, ok := f.Value(s, wall)
	if f.typ == Counter {
		m.Counter = &dto.Counter{Value: proto.Float64(v), CreatedTimestamp: created}
	} else {
		m.Gauge = &dto.Gauge{Value: proto.Float64(v)}
	}
	return m, ok
}

// histogram returns the content of a histogram in client_golang's data model.
func (f *Family) histogram(snapshot *Snapshot, exemplars []*Exemplar, wall Wall) *dto.Histogram {
	h := &dto.Histogram{
		SampleCount: proto.Uint64(snapshot.Count),
		SampleSum:   proto.Float64(snapshot.Sum),
	}
	for i, n := range snapshot.Buckets {
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: proto.Float64(f.bounds[i]), CumulativeCount: proto.Uint64(n)})
	}
	for _, e := range exemplars {
		if e.Bucket == len(h.Bucket) { // +Inf is included only with an exemplar
			h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: proto.Float64(math.Inf(1)), CumulativeCount: proto.Uint64(snapshot.Count)})
		}
		h.Bucket[e.Bucket].Exemplar = e.clientModel(wall)
	}
	if f.native {
		n := &snapshot.Native
		h.Schema = proto.Int32(n.Schema)
		h.ZeroThreshold = proto.Float64(NativeZeroThreshold)
		h.ZeroCount = proto.Uint64(n.Zeros)
		h.NegativeSpan, h.NegativeDelta = n.Negative.clientModel()
		h.PositiveSpan, h.PositiveDelta = n.Positive.clientModel()
	}
	return h
}

func (e *Exemplar) clientModel(wall Wall) *dto.Exemplar {
	m := &dto.Exemplar{Value: proto.Float64(e.Value), Timestamp: timestamppb.New(time.UnixMilli(wall.UnixMilli(e.At)))}
	for name, value := range LabelsOf(e.Labels) {
		m.Label = append(m.Label, &dto.LabelPair{Name: proto.String(name), Value: proto.String(value)})
	}
	return m
}

func (bs NativeBuckets) clientModel() (spans []*dto.BucketSpan, deltas []int64) {
	for offset, length := range bs.Spans {
		spans = append(spans, &dto.BucketSpan{Offset: proto.Int32(offset), Length: proto.Uint32(length)})
	}
	for delta := range bs.Deltas {
		deltas = append(deltas, delta)
	}
	return spans, deltas
}

func (f *Family) labelPairs(labels iter.Seq2[string, string]) []*dto.LabelPair {
	pairs := make([]*dto.LabelPair, 0, len(f.layout.pairs)+1)
	for name, value := range labels {
		pairs = append(pairs, &dto.LabelPair{Name: proto.String(name), Value: proto.String(value)})
	}
	return pairs
}

// collected is a series as a prometheus.Metric.
type collected struct {
	desc   *prometheus.Desc
	metric *dto.Metric
}

func (c collected) Desc() *prometheus.Desc { return c.desc }

func (c collected) Write(out *dto.Metric) error {
	proto.Merge(out, c.metric)
	return nil
}

// clientTypes are the types in client_golang's data model.
var clientTypes = [...]dto.MetricType{
	Counter:        dto.MetricType_COUNTER,
	Gauge:          dto.MetricType_GAUGE,
	Histogram:      dto.MetricType_HISTOGRAM,
	Untyped:        dto.MetricType_UNTYPED,
	Summary:        dto.MetricType_SUMMARY,
	GaugeHistogram: dto.MetricType_GAUGE_HISTOGRAM,
}

// ClientModel returns the type in client_golang's data model.
func (t Type) ClientModel() dto.MetricType { return clientTypes[t] }

// TypeOf returns the type for one of client_golang's data model. It returns false if
// there is none.
func TypeOf(t dto.MetricType) (Type, bool) {
	i := slices.Index(clientTypes[:], t)
	return Type(max(i, 0)), i >= 0
}
