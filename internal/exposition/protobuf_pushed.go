package exposition

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// pushed writes a pushed family. Between adding up the lengths and writing, series can
// be added or removed, and updates can change the length of a series. So pushed makes a
// list of the rows and writes that: the content that a row refers to is immutable.
func (p *protobuf) pushed(out *output, f *pushedFamily) error {
	rows := newRows(f, p.now)
	defer rows.release()
	length := 0
	for row := range rows.each {
		if err := p.encodeRow(row, f.Type()); err != nil {
			return fmt.Errorf("pushed metric %s is omitted: %w", f.Name(), err)
		}
		length += sizeOfMessage(familyMetric, len(p.metric))
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
		p.encodeRow(row, f.Type()) // cannot fail, as it succeeded above
		out.buf = appendMessage(out.buf, familyMetric, p.metric)
		if !out.flushIfFull() {
			break
		}
	}
	return nil
}

// encodeRow encodes a row to p.metric. It appends the row's content to the labels; the
// concatenation of the two encodings is one Metric message.
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
