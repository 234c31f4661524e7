package exposition

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// Field numbers of native buckets, from client_model's metrics.proto.
const (
	histogramSchema, histogramZeroThreshold, histogramZeroCount = 5, 6, 7

	histogramNegativeSpan, histogramNegativeDelta = 9, 10
	histogramPositiveSpan, histogramPositiveDelta = 12, 13

	spanOffset, spanLength = 1, 2
)

// nativeFamily writes a family of histograms with native buckets.
func (p *protobuf) nativeFamily(out *output, f *series.Family) {
	p.familyMessage = p.familyMessage[:0]
	for page := range f.Sorted {
		for _, s := range page {
			p.exemplars = f.AppendExemplars(p.exemplars[:0], s)
			before := len(p.familyMessage)
			var alive bool
			if p.familyMessage, alive = p.append(p.familyMessage, f, s); !alive {
				p.familyMessage = p.familyMessage[:before]
			}
		}
	}
	if len(p.familyMessage) == 0 {
		return
	}
	head := p.head(f)
	out.buf = protowire.AppendVarint(out.buf, uint64(len(head)+len(p.familyMessage)))
	out.buf = append(out.buf, head...)
	for part := range slices.Chunk(p.familyMessage, bufferSize/2) {
		out.buf = append(out.buf, part...)
		if !out.flushIfFull() {
			return
		}
	}
}

func (p *protobuf) appendNative(b []byte, n *series.Native) []byte {
	b = protowire.AppendTag(b, histogramSchema, protowire.VarintType)
	b = protowire.AppendVarint(b, protowire.EncodeZigZag(int64(n.Schema)))
	b = appendDouble(b, histogramZeroThreshold, series.NativeZeroThreshold)
	b = protowire.AppendTag(b, histogramZeroCount, protowire.VarintType)
	b = protowire.AppendVarint(b, n.Zeros)
	b = p.appendNativeBuckets(b, n.Negative, histogramNegativeSpan, histogramNegativeDelta)
	return p.appendNativeBuckets(b, n.Positive, histogramPositiveSpan, histogramPositiveDelta)
}

func (p *protobuf) appendNativeBuckets(b []byte, buckets series.NativeBuckets, span, delta protowire.Number) []byte {
	for offset, length := range buckets.Spans {
		p.message = protowire.AppendTag(p.message[:0], spanOffset, protowire.VarintType)
		p.message = protowire.AppendVarint(p.message, protowire.EncodeZigZag(int64(offset)))
		p.message = protowire.AppendTag(p.message, spanLength, protowire.VarintType)
		p.message = protowire.AppendVarint(p.message, uint64(length))
		b = appendMessage(b, span, p.message)
	}
	for d := range buckets.Deltas {
		b = protowire.AppendTag(b, delta, protowire.VarintType)
		b = protowire.AppendVarint(b, protowire.EncodeZigZag(d))
	}
	return b
}
