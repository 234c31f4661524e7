package series

import (
	"math"
	"slices"
	"sort"
)

// A native is the part of a histogram that has a bucket for every tenth by which a
// value can be larger: as many as there are such values, without anybody having
// chosen bounds. It counts what client_golang's does with a factor of 1.1, at most
// 160 buckets, and no resets, which would make the classic buckets go down.
//
// It is not safe for concurrent use: the histogram's lock guards it.
type native struct {
	schema   int32
	zeros    uint64
	positive NativeBuckets
	negative NativeBuckets // by their absolute value
}

// NativeBuckets are the native buckets of one sign that are not empty, in ascending
// order.
type NativeBuckets []NativeBucket

// A NativeBucket counts what is at most 2^(Index/2^schema), and more than the one
// before does.
type NativeBucket struct {
	Index int32
	Count uint64
}

// NativeZeroThreshold is the largest absolute value that counts as zero.
const NativeZeroThreshold = 0x1p-128

// The schemas: each power of two is divided into 2^schema buckets. A histogram
// begins with the finest, and takes the next coarser when it has too many buckets.
const (
	finestSchema   = 3
	coarsestSchema = -4
)

// maxNativeBuckets is how many buckets a histogram may have, but for one that is as
// coarse as can be. At the finest schema it takes values that differ by a factor of
// a million to exceed it.
const maxNativeBuckets = 160

// nativeBounds are the upper bounds that divide the numbers from a half to one at
// the finest schema.
var nativeBounds = [1 << finestSchema]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// observe counts v, which is finite.
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

// nativeIndex is the index of the bucket that v, which is positive, is in.
func nativeIndex(v float64, schema int32) int32 {
	fraction, exponent := math.Frexp(v)
	i := int32(sort.SearchFloat64s(nativeBounds[:], fraction) + (exponent-1)*len(nativeBounds))
	for range finestSchema - schema {
		i = coarser(i)
	}
	return i
}

// coarser is the index of the bucket that has twice the width: half of i, rounded up.
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

// coarsen makes the buckets those of the next coarser schema.
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

// Native is the content of a histogram's native buckets at one moment. With Zeros,
// they add up to the histogram's count.
type Native struct {
	Schema   int32
	Zeros    uint64
	Positive NativeBuckets
	Negative NativeBuckets // by their absolute value
}

func (n *native) read(to *Native) {
	to.Schema, to.Zeros = n.schema, n.zeros
	to.Positive = append(to.Positive[:0], n.positive...)
	to.Negative = append(to.Negative[:0], n.negative...)
}

// maxNativeGap is how many empty buckets are written as such: they take less room
// than another span.
const maxNativeGap = 2

// Spans calls yield with the runs of buckets, as protobuf has them: how far each is
// from the one before, or from index 0, and how long it is.
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

// Deltas calls yield with by how much the count of each bucket of the Spans is larger
// than that of the one before.
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
