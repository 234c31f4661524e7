package series

import (
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// Gather returns the family as of now, in client_golang's data model. Help is nil if
// the family has no help text.
func (f *OpenFamily) Gather(now Instant) *dto.MetricFamily {
	mf := &dto.MetricFamily{Name: proto.String(f.name), Type: f.typ.ClientModel().Enum()}
	if help := f.Help(); help != "" {
		mf.Help = proto.String(help)
	}
	for row := range f.Rows(now) {
		mf.Metric = append(mf.Metric, row.Client(f.typ))
	}
	return mf
}

// Client returns the row in client_golang's data model. typ is the type of its family.
func (r *Row) Client(typ Type) *dto.Metric {
	m := &dto.Metric{}
	for name, value := range LabelsOf(r.Labels) {
		m.Label = append(m.Label, &dto.LabelPair{Name: proto.String(name), Value: proto.String(value)})
	}
	if full := r.Metric; full != nil {
		m.Counter, m.Summary, m.Histogram = full.Counter, full.Summary, full.Histogram
		return m
	}
	switch typ {
	case Counter:
		m.Counter = &dto.Counter{Value: proto.Float64(r.Value)}
	case Gauge:
		m.Gauge = &dto.Gauge{Value: proto.Float64(r.Value)}
	default:
		m.Untyped = &dto.Untyped{Value: proto.Float64(r.Value)}
	}
	return m
}
