package series

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// The hash of label values is a multiply-and-fold hash in the manner of wyhash,
// eight bytes at a time. hash/maphash is as good, but pays for a call a value,
// and could not look for quotes on the way (see layout.matches).

// secrets make the hashes of this process unlike any other's, so that nobody can
// choose label values that collide.
var secrets = [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}

// rehash hashes the values, and looks for quotes in them.
func (vs *Values) rehash() {
	h, quotes := secrets[0], uint64(0)
	for _, i := range vs.Order {
		v := vs.All[i]
		b := bytesOf(v)
		var last uint64 // what is left of v after its full words
		switch n := len(b); {
		case n >= 8:
			for ; len(b) > 8; b = b[8:] {
				w := binary.LittleEndian.Uint64(b)
				quotes |= quoteIn(w)
				h = fold(h^w, secrets[1])
			}
			// The last eight bytes, some of which may have been in before.
			last = binary.LittleEndian.Uint64(bytesOf(v)[n-8:])
		case n >= 4:
			last = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32
		case n > 0:
			last = uint64(b[0]) | uint64(b[n/2])<<8 | uint64(b[n-1])<<16
		}
		quotes |= quoteIn(last)
		h = fold(h^last, secrets[1]^uint64(len(v)))
	}
	vs.hash, vs.quoted = h&^escapedBit, quotes != 0
}

// bytesOf are the bytes of s, which must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// sameBytes tells whether b, which is as long, has the bytes of a. Label values
// are so short that a call of memequal would cost more than the comparison.
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

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// quoteIn is not zero if one of the bytes of w is a quote.
func quoteIn(w uint64) uint64 {
	const each = 0x0101_0101_0101_0101
	w ^= '"' * each
	return (w - each) &^ w & (0x80 * each)
}
