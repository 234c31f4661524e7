package series

import (
	"encoding/binary"
	"math"
	"strings"
	"unsafe"
)

// packed contains the label values of a series, in the order of the family's labels. It
// stores them in one piece of memory: first a byte with the length of each value, then
// the values. A value of longLength bytes or more has longLength as its length byte, and
// is preceded by four bytes with its length.
//
// The labels of a page are written from the values, and updates find their series by
// comparing the values. Storing the values instead of the written labels saves a
// quarter of the memory of a series with five labels, and a sixth of the time of an
// update; writing the labels of a scrape takes longer.
type packed struct {
	// bytes is the first byte. If there are values, at least minPacked bytes can be
	// read there.
	bytes   *byte
	size    uint32 // number of bytes
	n       uint8  // number of values
	escaped bool   // whether pages escape any of the values
}

const (
	longLength = math.MaxUint8
	minPacked  = 8
)

// packedSize returns the number of bytes that the values take.
func packedSize(values *Values) int {
	size := len(values.Order)
	for _, from := range values.Order {
		n := len(values.All[from])
		if size += n; n >= longLength {
			size += 4
		}
	}
	return size
}

// pack stores the values in b, which must be empty and have a capacity of at least
// minPacked and at least packedSize.
func (p *packed) pack(b []byte, values *Values) {
	for _, from := range values.Order {
		b = append(b, byte(min(len(values.All[from]), longLength)))
	}
	for _, from := range values.Order {
		v := values.All[from]
		if len(v) >= longLength {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
		}
		b = append(b, v...)
		p.escaped = p.escaped || strings.ContainsAny(v, "\\\"\n")
	}
	p.bytes, p.size, p.n = unsafe.SliceData(b), uint32(len(b)), uint8(len(values.Order))
}

// parts returns the length bytes and what follows them, which cut divides into values.
func (p *packed) parts() (lengths, values []byte) {
	b := unsafe.Slice(p.bytes, p.size)
	return b[:p.n], b[p.n:]
}

// cut returns the first value of values, which has the given length byte, and the rest.
func cut(length byte, values []byte) (value, rest []byte) {
	n := int(length)
	if length == longLength {
		n = int(binary.LittleEndian.Uint32(values))
		values = values[4:]
	}
	return values[:n], values[n:]
}

// each calls yield with each value, which shares the memory of the series.
func (p *packed) each(yield func(v string) bool) {
	lengths, rest := p.parts()
	for _, n := range lengths {
		var v []byte
		if v, rest = cut(n, rest); !yield(unsafe.String(unsafe.SliceData(v), len(v))) {
			return
		}
	}
}

// append appends the values to dst. They share the memory of the series.
func (p *packed) append(dst []string) []string {
	for v := range p.each {
		dst = append(dst, v)
	}
	return dst
}

// valueBytes returns the total length of the values.
func (p *packed) valueBytes() int {
	lengths, values := p.parts()
	n := len(values)
	for _, length := range lengths {
		if length == longLength {
			n -= 4
		}
	}
	return n
}

// last returns the last value. It returns false if there are no values, or if the last
// one has longLength bytes or more.
func (p *packed) last() (v string, ok bool) {
	if p.n == 0 {
		return "", false
	}
	b := unsafe.Slice(p.bytes, p.size)
	n := b[p.n-1]
	if n == longLength {
		return "", false
	}
	v = unsafe.String(p.bytes, p.size)
	return v[len(v)-int(n):], true
}

// sameBeforeLast reports whether the values of p and q are equal except for the last
// ones. The two must have the same number of values, and last must return true for both.
func (p *packed) sameBeforeLast(q *packed) bool {
	a, b := unsafe.Slice(p.bytes, p.size), unsafe.Slice(q.bytes, q.size)
	last := int(p.n) - 1
	end := len(a) - int(a[last])
	if end != len(b)-int(b[last]) {
		return false
	}
	i := 0
	for ; i < last; i++ {
		if a[i] != b[i] {
			return false
		}
	}
	for i++; i+8 <= end; i += 8 {
		if binary.LittleEndian.Uint64(a[i:]) != binary.LittleEndian.Uint64(b[i:]) {
			return false
		}
	}
	for ; i < end; i++ {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// compare compares value by value, which is the order in which client_golang sorts
// series. The two must have the same number of values.
func (p *packed) compare(q *packed) int {
	lengthsP, restP := p.parts()
	lengthsQ, restQ := q.parts()
	for i, n := range lengthsP {
		var v, w []byte
		v, restP = cut(n, restP)
		w, restQ = cut(lengthsQ[i], restQ)
		if c := strings.Compare(unsafe.String(unsafe.SliceData(v), len(v)), unsafe.String(unsafe.SliceData(w), len(w))); c != 0 {
			return c
		}
	}
	return 0
}

// equal reports whether the values are equal to vs. vs must be hashed, and have the same
// number of values.
//
// It compares the lengths of all values at once, and then their bytes, without a branch
// that depends on the bytes. It reads no memory outside of the two: p has minPacked
// bytes, so the word with the lengths is readable. If the lengths are equal, the values
// are at the same offsets, so each word that is read lies within a value of vs and
// within the value of p at the same index.
func (p *packed) equal(vs *Values) bool {
	if !vs.short {
		return p.equalAny(vs)
	}
	own, at := unsafe.Pointer(p.bytes), len(vs.Order)
	if load64(own, 0)<<(64-8*at) != vs.lengths<<(64-8*at) {
		return false
	}
	var diff uint64
	for _, from := range vs.Order {
		v := vs.All[from]
		n := len(v)
		given := unsafe.Pointer(unsafe.StringData(v))
		switch {
		case n >= 8:
			for i := 0; i < n-8; i += 8 {
				diff |= load64(own, at+i) ^ load64(given, i)
			}
			diff |= load64(own, at+n-8) ^ load64(given, n-8)
		case n >= 4:
			diff |= uint64(load32(own, at)^load32(given, 0)) | uint64(load32(own, at+n-4)^load32(given, n-4))
		case n > 0:
			diff |= load8(own, at) ^ load8(given, 0) | load8(own, at+n/2) ^ load8(given, n/2) | load8(own, at+n-1) ^ load8(given, n-1)
		}
		at += n
	}
	return diff == 0
}

// equalAny is equal for any number of values of any length.
func (p *packed) equalAny(vs *Values) bool {
	i := 0
	for v := range p.each {
		if v != vs.All[vs.Order[i]] {
			return false
		}
		i++
	}
	return true
}

// The functions below load the word at an offset from a pointer. The caller must know
// that all of its bytes are in the same object.

func load64(p unsafe.Pointer, at int) uint64 {
	return binary.LittleEndian.Uint64(unsafe.Slice((*byte)(unsafe.Add(p, at)), 8))
}

func load32(p unsafe.Pointer, at int) uint32 {
	return binary.LittleEndian.Uint32(unsafe.Slice((*byte)(unsafe.Add(p, at)), 4))
}

func load8(p unsafe.Pointer, at int) uint64 { return uint64(*(*byte)(unsafe.Add(p, at))) }
