package exposition

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A labelEncoder writes the labels of a family's series as fields of Metric messages.
// What all series have in common is encoded once.
type labelEncoder struct {
	labels    []encodedLabel
	constants int // total length of the constant labels
}

// An encodedLabel is what all series have in common of one label.
type encodedLabel struct {
	constant []byte // a constant label as field of a Metric message, or nil
	name     []byte // the name as field of a LabelPair message
}

// begin prepares the encoder for a family.
func (e *labelEncoder) begin(f *series.Family) {
	e.labels, e.constants = e.labels[:0], 0
	for _, l := range f.LabelNames() {
		var encoded encodedLabel
		if l.Constant {
			encoded.constant = appendLabel(nil, metricLabel, l.Name, l.Value)
			e.constants += len(encoded.constant)
		} else {
			encoded.name = appendString(nil, labelName, l.Name)
		}
		e.labels = append(e.labels, encoded)
	}
}

// size returns the length of what append appends for a series with the values.
func (e *labelEncoder) size(values []string) (n int) {
	n, i := e.constants, 0
	for _, l := range e.labels {
		if l.constant == nil {
			n += sizeOfMessage(metricLabel, l.size(values[i]))
			i++
		}
	}
	return n
}

// append appends the labels of a series. The values are those of the labels that are not
// constant, in the order of their names.
func (e *labelEncoder) append(b []byte, values []string) []byte {
	for _, l := range e.labels {
		if l.constant != nil {
			b = append(b, l.constant...)
			continue
		}
		v := values[0]
		values = values[1:]
		b = protowire.AppendTag(b, metricLabel, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(l.size(v)))
		b = append(b, l.name...)
		b = appendString(b, labelValue, v)
	}
	return b
}

// size returns the length of the LabelPair message for a value.
func (l *encodedLabel) size(value string) int {
	return len(l.name) + sizeOfMessage(labelValue, len(value))
}
