package exposition

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// pushed writes a family that was pushed. Its series come and go, and what they say
// can change its length, between adding up the lengths and writing. So it is written
// as it was when it was taken down: what a row refers to never changes.
func (p *protobuf) pushed(out *output, f *series.OpenFamily) error {
	rows := takeDown(f, p.now)
	defer rows.release()
	length := 0
	for row := range rows.each {
		if err := p.encodeRow(row, f.Type()); err != nil {
			return fmt.Errorf("pushed metric %s is left out: %w", f.Name(), err)
		}
		length += protowire.SizeTag(familyMetric) + protowire.SizeBytes(len(p.metric))
	}
	if length == 0 {
		return nil
	}
	head := appendString(nil, familyName, f.Name())
	if help := f.Help(); help != "" {
		head = appendString(head, familyHelp, help)
	}
	head = appendFamilyType(head, f.Type())
	out.buf = protowire.AppendVarint(out.buf, uint64(len(head)+length))
	out.buf = append(out.buf, head...)
	for row := range rows.each {
		p.encodeRow(row, f.Type()) // no error: there was none the first time
		out.buf = appendMessage(out.buf, familyMetric, p.metric)
		if !out.spill() {
			break
		}
	}
	return nil
}

// encodeRow writes a row into p.metric: its labels, and after them its content,
// which together make one message.
func (p *protobuf) encodeRow(row *series.Row, typ series.Type) (err error) {
	p.metric = p.metric[:0]
	for name, value := range series.LabelsOf(row.Labels) {
		p.metric = appendLabel(p.metric, metricLabel, name, value)
	}
	if row.Metric != nil {
		p.metric, err = proto.MarshalOptions{}.MarshalAppend(p.metric, row.Metric)
		return err
	}
	switch typ {
	case series.Counter:
		p.part = appendDouble(p.part[:0], counterValue, row.Value)
		p.metric = appendMessage(p.metric, metricCounter, p.part)
	case series.Gauge:
		p.part = appendDouble(p.part[:0], gaugeValue, row.Value)
		p.metric = appendMessage(p.metric, metricGauge, p.part)
	default:
		p.part = appendDouble(p.part[:0], untypedValue, row.Value)
		p.metric = appendMessage(p.metric, metricUntyped, p.part)
	}
	return nil
}
