package series

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"strings"
)

// The functions below define which label sets are the same, and so belong to the same
// series: a label with an empty value is equivalent to no label, and the values of the
// labels le and quantile are compared as numbers, so 1, 1.0 and 1e0 are equal.

// CanonicalValue returns the canonical form of a label's value. Two values of the label
// are equivalent if their canonical forms are equal.
func CanonicalValue(name, value string) string {
	if v, ok := numberIn(name, value); ok {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return value
}

// numberIn returns the value of a label that is compared as a number.
func numberIn(name, value string) (v float64, ok bool) {
	if name != "le" && name != "quantile" {
		return 0, false
	}
	v, err := strconv.ParseFloat(value, 64)
	if v == 0 {
		v = 0 // not -0
	}
	return v, err == nil
}

// appendIdentity appends the canonical form of a text that LabelText returned for
// sorted labels. The canonical forms of two texts are equal if and only if the label
// sets are the same.
func appendIdentity(b []byte, text string) []byte {
	// Within a value, a quote is preceded by a backslash. So these strings occur only
	// where a value begins.
	if !strings.Contains(text, `=""`) && !strings.Contains(text, `le="`) {
		return append(b, text...)
	}
	begin := len(b)
	for name, value := range rawLabels(text) {
		if value == "" {
			continue
		}
		if len(b) > begin {
			b = append(b, ',')
		}
		b = append(b, name...)
		b = append(b, `="`...)
		if v, ok := numberIn(name, value); ok {
			b = strconv.AppendFloat(b, v, 'g', -1, 64)
		} else {
			b = append(b, value...)
		}
		b = append(b, '"')
	}
	return b
}

var identitySeed = maphash.MakeSeed()

// hashIdentity returns a hash of the label set that a text describes.
func hashIdentity(text string) uint64 {
	var array [512]byte
	return maphash.Bytes(identitySeed, appendIdentity(array[:0], text))
}

// sameIdentity reports whether two texts describe the same label set.
func sameIdentity(a, b string) bool {
	if a == b {
		return true
	}
	var arrayA, arrayB [512]byte
	return bytes.Equal(appendIdentity(arrayA[:0], a), appendIdentity(arrayB[:0], b))
}

// A LabelIndex is a list of label sets, given as texts that LabelText returned for
// sorted labels. It does not contain the same label set twice. The zero value is empty.
type LabelIndex struct {
	texts []string
	first map[uint64]int32 // by hash of the label set; index in texts
	next  []int32          // next label set with the same hash, or -1
}

// Add adds a label set, unless the list contains it already. It returns its index, and
// whether it was added.
func (x *LabelIndex) Add(text string) (index int, added bool) {
	hash := hashIdentity(text)
	if i, ok := x.find(hash, text); ok {
		return i, false
	}
	if x.first == nil {
		x.first = make(map[uint64]int32)
	}
	following := int32(-1)
	if i, ok := x.first[hash]; ok {
		following = i
	}
	index = len(x.texts)
	x.first[hash] = int32(index)
	x.texts, x.next = append(x.texts, text), append(x.next, following)
	return index, true
}

// Find returns the index of a label set, and whether the list contains it.
func (x *LabelIndex) Find(text string) (index int, ok bool) { return x.find(hashIdentity(text), text) }

func (x *LabelIndex) find(hash uint64, text string) (index int, ok bool) {
	i, ok := x.first[hash]
	for ok && i >= 0 {
		if sameIdentity(x.texts[i], text) {
			return int(i), true
		}
		i = x.next[i]
	}
	return 0, false
}
