package exposition

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// protobuf is the format of length-delimited io.prometheus.client.MetricFamily
// messages.
//
// A message begins with its length, so each family is walked twice: first to
// add up how long its series are, then to write them. What a series takes must
// not change in between, though its value may. So the counts of histograms are
// written in a fixed width, and a series that is swept between the two walks is
// written all the same, with the value by which Prometheus marks a series that
// has ended. The exemplars are those of the first walk, to which pointers are kept.
//
// What a series with native buckets takes has no bound that would be worth keeping
// to: families of such are written to memory first.
type protobuf struct {
	wall     series.Wall
	now      series.Instant // as of which to show what was pushed
	walked   []uint64       // bit set: which series were alive on the first walk
	snapshot series.Snapshot
	metric   []byte // the metric being written, or a part of it
	part     []byte

	// taken are the exemplars of the first walk, of a family that has any: those of
	// each series in turn, and after them a nil.
	taken     []*series.Exemplar
	exemplars []*series.Exemplar // of the series being written
	message   []byte             // a part of a part
	written   []byte             // the family, if it has native buckets
}

// The numbers of the fields, from client_model's metrics.proto.
const (
	familyName, familyHelp, familyType, familyMetric = 1, 2, 3, 4

	metricLabel, metricGauge, metricCounter, metricUntyped, metricHistogram = 1, 2, 3, 5, 7

	labelName, labelValue = 1, 2

	gaugeValue, untypedValue, counterValue, counterCreated = 1, 1, 1, 3

	histogramCount, histogramSum, histogramBucket, histogramCreated = 1, 2, 3, 15

	bucketCount, bucketBound, bucketExemplar = 1, 2, 3

	exemplarLabel, exemplarValue, exemplarTimestamp = 1, 2, 3

	timestampSeconds, timestampNanos = 1, 2
)

// staleMarker are the bits of the NaN with which Prometheus ends a series.
const staleMarker = 0x7ff0_0000_0000_0002

func (p *protobuf) family(out *output, f *series.Family) {
	var pages [][]*series.Series
	for page := range f.Sorted {
		pages = append(pages, page)
	}
	if f.Native() {
		p.nativeFamily(out, f, pages)
		return
	}
	exemplars := f.HasExemplars()
	length, any := p.measure(f, pages, exemplars)
	if !any {
		return
	}
	head := p.head(f)
	out.buf = protowire.AppendVarint(out.buf, uint64(len(head)+length))
	out.buf = append(out.buf, head...)
	i, taken := 0, p.taken
	for _, page := range pages {
		for _, s := range page {
			if exemplars {
				end := slices.Index(taken, nil)
				p.exemplars, taken = taken[:end], taken[end+1:]
			}
			if p.walked[i/64]&(1<<(i%64)) != 0 {
				p.encode(f, s)
				out.buf = protowire.AppendTag(out.buf, familyMetric, protowire.BytesType)
				out.buf = protowire.AppendBytes(out.buf, p.metric)
			}
			i++
			if !out.spill() {
				return
			}
		}
	}
}

// measure is the first walk.
func (p *protobuf) measure(f *series.Family, pages [][]*series.Series, exemplars bool) (length int, any bool) {
	p.walked, p.taken, p.exemplars = p.walked[:0], p.taken[:0], nil
	i := 0
	for _, page := range pages {
		for _, s := range page {
			if i%64 == 0 {
				p.walked = append(p.walked, 0)
			}
			if exemplars {
				begin := len(p.taken)
				p.taken = append(f.AppendExemplars(p.taken, s), nil)
				p.exemplars = p.taken[begin : len(p.taken)-1]
			}
			if p.encode(f, s) {
				p.walked[i/64] |= 1 << (i % 64)
				length += protowire.SizeTag(familyMetric) + protowire.SizeBytes(len(p.metric))
				any = true
			}
			i++
		}
	}
	return length, any
}

func (p *protobuf) head(f *series.Family) []byte {
	b := appendString(nil, familyName, f.Name())
	b = appendString(b, familyHelp, f.Help())
	return appendFamilyType(b, f.Type())
}

// encode writes a series into p.metric. It returns false if it was swept.
func (p *protobuf) encode(f *series.Family, s *series.Series) (alive bool) {
	p.metric = p.metric[:0]
	for name, value := range f.Labels(s) {
		p.metric = appendLabel(p.metric, metricLabel, name, value)
	}
	if f.Type() == series.Histogram {
		alive = f.Snapshot(s, &p.snapshot)
		p.encodeHistogram(f, s, alive)
		return alive
	}
	value, alive := f.Value(s, p.wall)
	if !alive {
		value = math.Float64frombits(staleMarker)
	}
	if f.Type() == series.Counter {
		p.part = appendDouble(p.part[:0], counterValue, value)
		p.part = p.appendCreated(p.part, counterCreated, s)
		p.metric = appendMessage(p.metric, metricCounter, p.part)
	} else {
		p.part = appendDouble(p.part[:0], gaugeValue, value)
		p.metric = appendMessage(p.metric, metricGauge, p.part)
	}
	return alive
}

func (p *protobuf) encodeHistogram(f *series.Family, s *series.Series, alive bool) {
	if !alive {
		p.snapshot.Count, p.snapshot.Sum = 0, math.Float64frombits(staleMarker)
		p.snapshot.Buckets = append(p.snapshot.Buckets[:0], make([]uint64, len(f.Bounds()))...)
	}
	p.part = appendCount(p.part[:0], histogramCount, p.snapshot.Count)
	p.part = appendDouble(p.part, histogramSum, p.snapshot.Sum)
	exemplars := p.exemplars
	for i, n := range p.snapshot.Buckets {
		var e *series.Exemplar
		if len(exemplars) > 0 && exemplars[0].Bucket == i {
			e, exemplars = exemplars[0], exemplars[1:]
		}
		p.part = p.appendBucket(p.part, n, f.Bounds()[i], e)
	}
	if len(exemplars) > 0 { // the bucket of +Inf is there if it has an exemplar
		p.part = p.appendBucket(p.part, p.snapshot.Count, math.Inf(1), exemplars[0])
	}
	if f.Native() {
		p.part = p.appendNative(p.part, &p.snapshot.Native)
	}
	p.part = p.appendCreated(p.part, histogramCreated, s)
	p.metric = appendMessage(p.metric, metricHistogram, p.part)
}

func (p *protobuf) appendBucket(b []byte, n uint64, bound float64, e *series.Exemplar) []byte {
	size := bucketSize
	if e != nil {
		p.message = p.message[:0]
		for name, value := range series.LabelsOf(e.Labels) {
			p.message = appendLabel(p.message, exemplarLabel, name, value)
		}
		p.message = appendDouble(p.message, exemplarValue, e.Value)
		p.message = p.appendTime(p.message, exemplarTimestamp, e.At)
		size += protowire.SizeTag(bucketExemplar) + protowire.SizeBytes(len(p.message))
	}
	b = protowire.AppendTag(b, histogramBucket, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b = appendCount(b, bucketCount, n)
	b = appendDouble(b, bucketBound, bound)
	if e != nil {
		b = appendMessage(b, bucketExemplar, p.message)
	}
	return b
}

func (p *protobuf) appendCreated(b []byte, field protowire.Number, s *series.Series) []byte {
	return p.appendTime(b, field, s.Created())
}

func (p *protobuf) appendTime(b []byte, field protowire.Number, at series.Instant) []byte {
	milli := p.wall.UnixMilli(at)
	var stamp [2 * (1 + 10)]byte
	t := protowire.AppendTag(stamp[:0], timestampSeconds, protowire.VarintType)
	t = protowire.AppendVarint(t, uint64(milli/1000))
	t = protowire.AppendTag(t, timestampNanos, protowire.VarintType)
	t = protowire.AppendVarint(t, uint64(milli%1000*1e6))
	return appendMessage(b, field, t)
}

func appendFamilyType(b []byte, typ series.Type) []byte {
	b = protowire.AppendTag(b, familyType, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(typ.ClientModel()))
}

func appendLabel(b []byte, field protowire.Number, name, value string) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(2+protowire.SizeBytes(len(name))+protowire.SizeBytes(len(value))))
	b = appendString(b, labelName, name)
	return appendString(b, labelValue, value)
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendString(b, s)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}

func appendDouble(b []byte, field protowire.Number, v float64) []byte {
	b = protowire.AppendTag(b, field, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, math.Float64bits(v))
}

// countWidth is how many bytes a count takes, whatever it is. Seven bits each
// are enough for any count that a series reaches.
const countWidth = 8

// bucketSize is what the message of a bucket takes, but for its exemplar.
const bucketSize = 1 + countWidth + 1 + 8

// appendCount writes a count as a varint of fixed width: all bytes but the last
// say that more follow, which decoders accept though it is not the shortest form.
func appendCount(b []byte, field protowire.Number, n uint64) []byte {
	b = protowire.AppendTag(b, field, protowire.VarintType)
	for range countWidth - 1 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n)&0x7f)
}
