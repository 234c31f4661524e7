package exposition

import (
	"math"
	"strconv"
)

// appendFloat writes a number as the Prometheus client library does. Most are
// small whole ones, or have at most three digits after the point: counts, seconds
// that were measured in milliseconds.
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
		return append(b, '0') // the client library knows no -0
	}
	if n := int64(v*1000 + math.Copysign(.5, v)); float64(n)/1000 == v && n > -1e15 && n < 1e15 {
		return appendThousandths(b, n)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendThousandths writes the number nearest to n/1000 as strconv.AppendFloat does,
// in half the time. Up to fifteen digits name no two numbers, so those of n
// are the fewest that name this one, once the zeros at their end are gone.
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
	// The first digit, and the others behind the point.
	b = append(b, 0)
	b = strconv.AppendInt(b, n, 10)
	exponent := len(b) - begin - 5 // without the place for the point, a digit and the thousandths
	b[begin], b[begin+1] = b[begin+1], '.'
	b = trimZeros(b)
	return append(b, 'e', '+', byte('0'+exponent/10), byte('0'+exponent%10))
}

// trimZeros takes off the zeros at the end, which are behind a point, and the point
// if nothing is left behind it.
func trimZeros(b []byte) []byte {
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}
