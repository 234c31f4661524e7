package series

import (
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// The hash of label values is a multiply-and-fold hash like wyhash, and reads 16 bytes
// at a time. hash/maphash is as good, but costs a function call per value.

// secrets are chosen at random for each process, so that a client cannot choose label
// values whose hashes collide.
var secrets = [3]uint64{rand.Uint64() | 1, rand.Uint64() | 1, rand.Uint64() | 1}

// rehash computes what lookups need: the hash of the values, and their lengths.
//
// Every byte of a value is in one of the words x and y of a step, some are in two. Two
// different values with the same words have different lengths, like 8 and 9 times the
// letter a. As the lengths are added, they result in different hashes, too.
//
// The words are in the memory of the value: the last step has the 1 to 16 bytes that
// remain. It reads whole words before the end of the value, which begin in an earlier
// step if fewer than 8 remain.
func (vs *Values) rehash() {
	h, secret, lengthSecret := secrets[0], secrets[1], secrets[2]
	lengths, anyLength := uint64(0), 0 // anyLength has the bits of all lengths
	for k, i := range vs.Order {
		v := vs.All[i]
		n := len(v)
		lengths |= uint64(n) << (8 * k & 63)
		anyLength |= n
		p := unsafe.Pointer(unsafe.StringData(v))
		var x, y uint64
		switch {
		case n > 16:
			for ; n > 16; n -= 16 {
				h = mulFold(h^load64(p, 0), secret^load64(p, 8))
				p = unsafe.Add(p, 16)
			}
			x, y = load64(p, n-16), load64(p, n-8)
		case n >= 8:
			x, y = load64(p, 0), load64(p, n-8)
		case n >= 4:
			x, y = uint64(load32(p, 0)), uint64(load32(p, n-4))
		case n > 0:
			x = load8(p, 0) | load8(p, n/2)<<8 | load8(p, n-1)<<16
		}
		h = mulFold(h^x, secret^y) + uint64(len(v))*lengthSecret
	}
	vs.hash, vs.lengths = h, lengths
	vs.short = anyLength < longLength && len(vs.Order) > 0 && len(vs.Order) <= 8
}

// mulFold folds the 128-bit product of a and b into 64 bits.
func mulFold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
