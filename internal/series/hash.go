package series

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// The hash of label values is a multiply-and-fold hash like wyhash, and reads eight
// bytes at a time. hash/maphash is as good, but costs a function call per value, and
// cannot look for quotes in the same pass (see layout.matches).

// secrets are chosen at random for each process, so that a client cannot choose label
// values whose hashes collide.
var secrets = [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}

// rehash sets the hash of the values, and whether any of them contains a quote.
func (vs *Values) rehash() {
	h, quotes := secrets[0], uint64(0)
	for _, i := range vs.Order {
		v := vs.All[i]
		b := bytesOf(v)
		var last uint64 // the rest of v, after its full words
		switch n := len(b); {
		case n >= 8:
			for ; len(b) > 8; b = b[8:] {
				w := binary.LittleEndian.Uint64(b)
				quotes |= quoteIn(w)
				h = mulFold(h^w, secrets[1])
			}
			// The last eight bytes; they may overlap the previous word.
			last = binary.LittleEndian.Uint64(bytesOf(v)[n-8:])
		case n >= 4:
			last = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32
		case n > 0:
			last = uint64(b[0]) | uint64(b[n/2])<<8 | uint64(b[n-1])<<16
		}
		quotes |= quoteIn(last)
		h = mulFold(h^last, secrets[1]^uint64(len(v)))
	}
	vs.hash, vs.quoted = h&^escapedBit, quotes != 0
}

// bytesOf returns the bytes of s without copying them. They must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// sameBytes reports whether a and b, which must have the same length, are equal. Label
// values are so short that calling memequal would cost more than the comparison.
func sameBytes(a, b []byte) bool {
	n := len(a)
	b = b[:n]
	switch {
	case n >= 8:
		for i := 0; i < n-8; i += 8 {
			if binary.LittleEndian.Uint64(a[i:]) != binary.LittleEndian.Uint64(b[i:]) {
				return false
			}
		}
		return binary.LittleEndian.Uint64(a[n-8:]) == binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		return binary.LittleEndian.Uint32(a) == binary.LittleEndian.Uint32(b) &&
			binary.LittleEndian.Uint32(a[n-4:]) == binary.LittleEndian.Uint32(b[n-4:])
	case n > 0:
		return a[0] == b[0] && a[n/2] == b[n/2] && a[n-1] == b[n-1]
	}
	return true
}

// mulFold folds the 128-bit product of a and b into 64 bits.
func mulFold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// quoteIn returns a value other than zero if one of the bytes of w is a quote.
func quoteIn(w uint64) uint64 {
	const each = 0x0101_0101_0101_0101
	w ^= '"' * each
	return (w - each) &^ w & (0x80 * each)
}
