package exposition

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A labelEncoder writes the labels of a family's series as fields of Metric messages.
// What all series have in common is encoded once. The length of the labels then follows
// from the total length of the values, unless a value is long.
type labelEncoder struct {
	labels []encodedLabel // those that are not constant
	after  []byte         // the constant labels after them

	// size is the length of the labels if all values are empty. Values of at most
	// shortBytes bytes in total add only themselves. With longer ones, the length of a
	// message may need another byte.
	size       int
	shortBytes int

	values     []string // of the series that was read last
	valueBytes int      // total length of the values
}

// An encodedLabel is the part of a label that is the same for all series, although its
// value is not constant.
type encodedLabel struct {
	before []byte // the constant labels between the previous label and this one
	name   []byte // the name as field of a LabelPair message

	// short is before, and the label with an empty value. The last byte is the length of
	// the value. The byte at index length is the length of the LabelPair message.
	short  []byte
	length int
}

// begin prepares the encoder for a family.
func (e *labelEncoder) begin(f *series.Family) {
	e.labels, e.after, e.size, e.shortBytes = e.labels[:0], nil, 0, maxShort
	for _, l := range f.LabelNames() {
		if l.Constant {
			e.after = appendLabel(e.after, metricLabel, l.Name, l.Value)
			continue
		}
		short := appendLabel(e.after, metricLabel, l.Name, "")
		name := appendString(nil, labelName, l.Name)
		l := encodedLabel{before: e.after, name: name, short: short}
		empty := l.sizeWith("")
		l.length = len(short) - empty - 1
		e.labels = append(e.labels, l)
		e.size += len(short)
		e.shortBytes = min(e.shortBytes, maxShort-empty)
		e.after = nil
	}
	e.size += len(e.after)
}

// maxShort is the maximum length of a message whose length takes one byte.
const maxShort = 1<<7 - 1

// sizeOf returns the length of the labels of a series.
func (e *labelEncoder) sizeOf(f *series.Family, s *series.Series) int {
	if n := f.ValueBytes(s); n <= e.shortBytes {
		return e.size + n
	}
	return e.read(f, s)
}

// read prepares append for a series. It returns the length of the labels, like sizeOf.
func (e *labelEncoder) read(f *series.Family, s *series.Series) (size int) {
	e.values = f.Values(e.values[:0], s)
	e.valueBytes = 0
	for _, v := range e.values {
		e.valueBytes += len(v)
	}
	if e.valueBytes <= e.shortBytes {
		return e.size + e.valueBytes
	}
	size = len(e.after)
	for i := range e.labels {
		l := &e.labels[i]
		size += len(l.before) + sizeOfMessage(metricLabel, l.sizeWith(e.values[i]))
	}
	return size
}

// append appends the labels of the series that was read last.
func (e *labelEncoder) append(b []byte) []byte {
	short := e.valueBytes <= e.shortBytes
	for i := range e.labels {
		l, v := &e.labels[i], e.values[i]
		if short {
			begin := len(b)
			b = append(b, l.short...)
			b[begin+l.length] += byte(len(v))
			b[len(b)-1] = byte(len(v))
			b = append(b, v...)
			continue
		}
		b = append(b, l.before...)
		b = protowire.AppendTag(b, metricLabel, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(l.sizeWith(v)))
		b = append(b, l.name...)
		b = appendString(b, labelValue, v)
	}
	return append(b, e.after...)
}

// sizeWith returns the length of the LabelPair message if the label has the value.
func (l *encodedLabel) sizeWith(value string) int {
	return len(l.name) + sizeOfMessage(labelValue, len(value))
}
