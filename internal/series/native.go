package series

import (
	"math"
	"slices"
	"sort"
)

// A native holds the native buckets of a histogram. Their bounds grow exponentially, by
// about 9% each at the finest schema, and only buckets that contain observations exist,
// so bounds need not be configured. Its buckets are the same as those of client_golang
// with a bucket factor of 1.1, at most 160 buckets, and no resets. A reset would make
// the classic buckets decrease.
//
// It is not safe for concurrent use: histogram.reading guards it.
type native struct {
	schema   int32
	zeros    uint64
	positive NativeBuckets
	negative NativeBuckets // of the absolute values
}

// NativeBuckets are the non-empty native buckets for the values of one sign, in
// ascending order of their indexes.
type NativeBuckets []NativeBucket

// A NativeBucket counts the values up to 2^(Index/2^schema) that are greater than the
// upper bound of the bucket with the previous index.
type NativeBucket struct {
	Index int32
	Count uint64
}

// NativeZeroThreshold is the largest absolute value that is counted as zero.
const NativeZeroThreshold = 0x1p-128

// The schemas. Each power of two is divided into 2^schema buckets. A histogram starts
// with the finest schema, and changes to the next coarser one when it has too many
// buckets.
const (
	finestSchema   = 3
	coarsestSchema = -4
)

// maxNativeBuckets is the maximum number of native buckets of a histogram, except at
// the coarsest schema. At the finest schema, positive values exceed it only if the
// largest is more than a million times the smallest.
const maxNativeBuckets = 160

// nativeBounds are the upper bounds that divide the numbers from 0.5 to 1 at the finest
// schema.
var nativeBounds = [1 << finestSchema]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// observe counts v, which must be finite.
func (n *native) observe(v float64) {
	switch {
	case v > NativeZeroThreshold:
		n.positive.add(nativeIndex(v, n.schema), 1)
	case v < -NativeZeroThreshold:
		n.negative.add(nativeIndex(-v, n.schema), 1)
	default:
		n.zeros++
	}
	if len(n.positive)+len(n.negative) > maxNativeBuckets && n.schema > coarsestSchema {
		n.schema--
		n.positive.coarsen()
		n.negative.coarsen()
	}
}

// nativeIndex returns the index of the bucket for v, which must be positive.
func nativeIndex(v float64, schema int32) int32 {
	fraction, exponent := math.Frexp(v)
	i := int32(sort.SearchFloat64s(nativeBounds[:], fraction) + (exponent-1)*len(nativeBounds))
	for range finestSchema - schema {
		i = coarser(i)
	}
	return i
}

// coarser returns the index, at the next coarser schema, of the bucket that contains
// bucket i: half of i, rounded up.
func coarser(i int32) int32 { return (i + 1) >> 1 }

func (bs *NativeBuckets) add(index int32, n uint64) {
	i, found := slices.BinarySearchFunc(*bs, index, func(b NativeBucket, index int32) int {
		return int(b.Index - index)
	})
	if !found {
		*bs = slices.Insert(*bs, i, NativeBucket{Index: index})
	}
	(*bs)[i].Count += n
}

// coarsen converts the buckets to the next coarser schema.
func (bs *NativeBuckets) coarsen() {
	kept := (*bs)[:0]
	for _, b := range *bs {
		b.Index = coarser(b.Index)
		if last := len(kept) - 1; last >= 0 && kept[last].Index == b.Index {
			kept[last].Count += b.Count
		} else {
			kept = append(kept, b)
		}
	}
	*bs = kept
}

// Native is the content of a histogram's native buckets at one moment. The total of
// Zeros and all buckets is the histogram's count.
type Native struct {
	Schema   int32
	Zeros    uint64
	Positive NativeBuckets
	Negative NativeBuckets // of the absolute values
}

func (n *native) read(to *Native) {
	to.Schema, to.Zeros = n.schema, n.zeros
	to.Positive = append(to.Positive[:0], n.positive...)
	to.Negative = append(to.Negative[:0], n.negative...)
}

// maxNativeGap is the maximum number of consecutive empty buckets within a span. Up to
// this number, empty buckets take less space than a new span.
const maxNativeGap = 2

// Spans calls yield with the spans of buckets, as in the protobuf format: the offset of
// each from the end of the previous one, or from index 0 for the first, and its length.
func (bs NativeBuckets) Spans(yield func(offset int32, length uint32) bool) {
	for next := int32(0); len(bs) > 0; {
		offset, length, n := bs[0].Index-next, uint32(1), 1
		for ; n < len(bs) && bs[n].Index-bs[n-1].Index-1 <= maxNativeGap; n++ {
			length += uint32(bs[n].Index - bs[n-1].Index)
		}
		if !yield(offset, length) {
			return
		}
		next, bs = bs[n-1].Index+1, bs[n:]
	}
}

// Deltas calls yield with the count of each bucket in the Spans, as the difference from
// the count of the previous bucket.
func (bs NativeBuckets) Deltas(yield func(delta int64) bool) {
	var last int64
	for i, b := range bs {
		if i > 0 {
			if gap := b.Index - bs[i-1].Index - 1; gap <= maxNativeGap {
				for range gap {
					if !yield(-last) {
						return
					}
					last = 0
				}
			}
		}
		if !yield(int64(b.Count) - last) {
			return
		}
		last = int64(b.Count)
	}
}
