package exposition

import (
	"math"
	"strconv"
)

// appendFloat writes a number as client_golang does. It has fast paths for the most
// common numbers: small integers, such as counts, and numbers with at most three
// decimal places, such as seconds measured in milliseconds.
func appendFloat(b []byte, v float64) []byte {
	if n := int64(v); float64(n) == v && n > -1e6 && n < 1e6 && (n != 0 || !math.Signbit(v)) {
		return strconv.AppendInt(b, n, 10)
	}
	switch {
	case math.IsInf(v, 1):
		return append(b, "+Inf"...)
	case math.IsInf(v, -1):
		return append(b, "-Inf"...)
	case v == 0:
		return append(b, "-0"...) // client_golang writes it as 0
	}
	if n := int64(v*1000 + math.Copysign(.5, v)); float64(n)/1000 == v && n > -1e15 && n < 1e15 {
		return appendThousandths(b, n)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendThousandths writes the float64 nearest to n/1000 as strconv.AppendFloat does,
// in half the time. Different decimal numbers of up to fifteen digits are different
// float64 values, so the digits of n without trailing zeros are the shortest
// representation.
func appendThousandths(b []byte, n int64) []byte {
	if n < 0 {
		b = append(b, '-')
		n = -n
	}
	begin := len(b)
	if n < 1e9 {
		b = strconv.AppendInt(b, n/1000, 10)
		thousandths := n % 1000
		b = append(b, '.', byte('0'+thousandths/100), byte('0'+thousandths/10%10), byte('0'+thousandths%10))
		return trimZeros(b)
	}
	// The first digit, the point, and the other digits.
	b = append(b, 0)
	b = strconv.AppendInt(b, n, 10)
	exponent := len(b) - begin - 5 // digits before the decimal point, minus one
	b[begin], b[begin+1] = b[begin+1], '.'
	b = trimZeros(b)
	return append(b, 'e', '+', byte('0'+exponent/10), byte('0'+exponent%10))
}

// trimZeros removes trailing zeros after the decimal point, and the point itself if no
// digits follow it. b must contain a point.
func trimZeros(b []byte) []byte {
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}
