package exposition

import (
	"iter"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// protobuf is the format of length-delimited io.prometheus.client.MetricFamily
// messages.
//
// A message begins with its length, so each family is walked twice: first to add up the
// lengths of its series, then to write them. The length of a counter or gauge follows
// from its label values; other series are encoded twice. The encoded length of a series
// must not change in between, although its value may. So the counts of histograms have
// a fixed width, and a series that is swept between the two walks is still written, with
// Prometheus' stale marker as its value. The second walk writes the exemplars that the
// first walk found; allExemplars keeps pointers to them.
//
// Native buckets have no useful maximum length. So a family of histograms with native
// buckets is first encoded to memory.
type protobuf struct {
	wall     series.Wall
	now      series.Instant // the current time on the clock of the pushed families
	alive    []uint64       // bit set of the series that were live on the first walk
	snapshot series.Snapshot
	labels   labelEncoder
	encoded  []byte // an encoded series, whose length the first walk measures
	metric   []byte // the Metric message being written
	part     []byte // a message within metric, such as a Histogram

	// allExemplars are the exemplars found on the first walk: those of each series,
	// followed by nil. They are collected only if withExemplars is true: the family had
	// exemplars when the first walk began.
	allExemplars  []*series.Exemplar
	withExemplars bool
	exemplars     []*series.Exemplar // of the series being written
	message       []byte             // a message within part, such as an Exemplar
	familyMessage []byte             // encoded metrics of a native family
}

// Field numbers from client_model's metrics.proto.
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

// staleMarker is the bit pattern of the NaN with which Prometheus marks the end of a
// series.
const staleMarker = 0x7ff0_0000_0000_0002

func (p *protobuf) family(out *output, f *series.Family) {
	if f.Native() {
		p.nativeFamily(out, f)
		return
	}
	pages, length := p.measure(f)
	if length > 0 {
		p.write(out, f, pages, length)
	}
}

// measure is the first walk. It returns the pages, and the total length of the series in
// them.
func (p *protobuf) measure(f *series.Family) (pages [][]*series.Series, length int) {
	p.labels.begin(f)
	p.withExemplars = f.HasExemplars()
	p.alive, p.allExemplars, p.exemplars = p.alive[:0], p.allExemplars[:0], nil
	i := 0
	for page := range f.Sorted {
		pages = append(pages, page)
		for _, s := range page {
			if i%64 == 0 {
				p.alive = append(p.alive, 0)
			}
			if p.withExemplars {
				begin := len(p.allExemplars)
				p.allExemplars = append(f.AppendExemplars(p.allExemplars, s), nil)
				p.exemplars = p.allExemplars[begin : len(p.allExemplars)-1]
			}
			if n, alive := p.size(f, s); alive {
				p.alive[i/64] |= 1 << (i % 64)
				length += n
			}
			i++
		}
	}
	return pages, length
}

// write is the second walk.
func (p *protobuf) write(out *output, f *series.Family, pages [][]*series.Series, length int) {
	head := p.head(f)
	out.buf = protowire.AppendVarint(out.buf, uint64(len(head)+length))
	out.buf = append(out.buf, head...)
	i, rest := 0, p.allExemplars
	for _, page := range pages {
		f.Prefetch(page)
		for _, s := range page {
			if p.withExemplars {
				end := slices.Index(rest, nil)
				p.exemplars, rest = rest[:end], rest[end+1:]
			}
			if p.alive[i/64]&(1<<(i%64)) != 0 {
				out.buf, _ = p.append(out.buf, f, s)
			}
			i++
			if !out.flushIfFull() {
				return
			}
		}
	}
}

func (p *protobuf) head(f *series.Family) []byte {
	b := appendString(nil, familyName, f.Name())
	b = appendString(b, familyHelp, f.Help())
	return appendFamilyType(b, f.Type())
}

// size returns the length of what append appends for the series. It returns false if the
// series was removed.
func (p *protobuf) size(f *series.Family, s *series.Series) (n int, alive bool) {
	if f.Type() == series.Histogram || f.States() != nil {
		p.encoded, alive = p.append(p.encoded[:0], f, s)
		return len(p.encoded), alive
	}
	value, alive := f.Value(s, p.wall)
	if !alive {
		return 0, false
	}
	field := p.encodeValue(f, s, value)
	return sizeOfMessage(familyMetric, p.labels.sizeOf(f, s)+sizeOfMessage(field, len(p.part))), true
}

// append appends the series to b, as one field of a family or as one for each state. It
// returns false if the series was removed; its values are then stale markers.
func (p *protobuf) append(b []byte, f *series.Family, s *series.Series) (_ []byte, alive bool) {
	if f.Type() == series.Histogram {
		alive = f.Snapshot(s, &p.snapshot)
		p.beginMetric(f.Labels(s))
		p.encodeHistogram(f, s, alive)
		return appendMessage(b, familyMetric, p.metric), alive
	}
	value, alive := f.Value(s, p.wall)
	stale := math.Float64frombits(staleMarker)
	if states := f.States(); states != nil {
		for i := range states {
			p.beginMetric(f.StateLabels(s, i))
			v := stale
			if alive {
				v = series.StateValue(i, value)
			}
			p.part = appendDouble(p.part[:0], gaugeValue, v)
			p.metric = appendMessage(p.metric, metricGauge, p.part)
			b = appendMessage(b, familyMetric, p.metric)
		}
		return b, alive
	}
	if !alive {
		value = stale
	}
	field := p.encodeValue(f, s, value)
	b = protowire.AppendTag(b, familyMetric, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(p.labels.read(f, s)+sizeOfMessage(field, len(p.part))))
	b = p.labels.append(b)
	return appendMessage(b, field, p.part), alive
}

// encodeValue encodes the content of a counter or gauge to p.part. Its length does not
// depend on the value. encodeValue returns the field of Metric to which it belongs.
func (p *protobuf) encodeValue(f *series.Family, s *series.Series, value float64) protowire.Number {
	if f.Type() == series.Counter {
		p.part = appendDouble(p.part[:0], counterValue, value)
		p.part = p.appendCreated(p.part, counterCreated, s)
		return metricCounter
	}
	p.part = appendDouble(p.part[:0], gaugeValue, value)
	return metricGauge
}

// beginMetric starts a Metric message with its labels.
func (p *protobuf) beginMetric(labels iter.Seq2[string, string]) {
	p.metric = p.metric[:0]
	for name, value := range labels {
		p.metric = appendLabel(p.metric, metricLabel, name, value)
	}
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
	if len(exemplars) > 0 { // the +Inf bucket is included only with an exemplar
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
		size += sizeOfMessage(bucketExemplar, len(p.message))
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

// sizeOfMessage returns the length of what appendMessage appends for a message of n
// bytes.
func sizeOfMessage(field protowire.Number, n int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

func appendDouble(b []byte, field protowire.Number, v float64) []byte {
	b = protowire.AppendTag(b, field, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, math.Float64bits(v))
}

// countWidth is the fixed number of bytes of an encoded count. Each byte holds seven
// bits. The resulting 56 bits are enough for any count that a series can reach in
// practice.
const countWidth = 8

// bucketSize is the length of a Bucket message without an exemplar.
const bucketSize = 1 + countWidth + 1 + 8

// appendCount writes a count as a varint of fixed width: the continuation bit is set in
// all bytes except the last. Decoders accept this, although it is not the shortest
// encoding.
func appendCount(b []byte, field protowire.Number, n uint64) []byte {
	b = protowire.AppendTag(b, field, protowire.VarintType)
	for range countWidth - 1 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n)&0x7f)
}
