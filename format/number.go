// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

// appendInt appends n in decimal.
func appendInt[N int | int64](b []byte, n N) []byte {
	if n < 0 {
		return appendUint(append(b, '-'), -uint64(n))
	}
	return appendUint(b, uint64(n))
}

// appendUint appends n in decimal. It differs from strconv.AppendUint in that
// it writes the digits where they belong instead of copying them there.
func appendUint(b []byte, n uint64) []byte {
	switch {
	case n < 10:
		return append(b, byte('0'+n))
	case n < 100:
		return append(b, byte('0'+n/10), byte('0'+n%10))
	case n < 1000:
		return append(b, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
	}
	// 1233/4096 is a little more than log10(2): the estimate is right or one
	// too low.
	digits := bits.Len64(n) * 1233 >> 12
	if n >= pow10[digits] {
		digits++
	}
	b = slices.Grow(b, digits)[:len(b)+digits]
	i := len(b)
	for ; n >= 100; i -= 2 {
		*(*[2]byte)(b[i-2:]) = pairs[n%100]
		n /= 100
	}
	if n >= 10 {
		*(*[2]byte)(b[i-2:]) = pairs[n]
	} else {
		b[i-1] = byte('0' + n)
	}
	return b
}

// pairs is the numbers from 00 to 99.
var pairs = func() (p [100][2]byte) {
	for i := range p {
		p[i] = [2]byte{byte('0' + i/10), byte('0' + i%10)}
	}
	return p
}()

// pair is pairs[n] as a number whose lowest byte comes first.
func pair(n uint32) uint64 { return uint64(binary.LittleEndian.Uint16(pairs[n][:])) }

// trailingZeros returns how many zeros eight digits end in, of which the first is in the
// lowest byte.
func trailingZeros(digits uint64) int { return bits.LeadingZeros64(digits^ones*'0') / 8 }

var pow10 = [20]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// appendJSONFloat appends f as encoding/json does, which has no way to write
// NaN and the infinities.
func appendJSONFloat(b []byte, f float64) ([]byte, error) {
	const exact = 1 << 53
	if i := int64(f); float64(i) == f && i > -exact && i < exact && (i != 0 || !math.Signbit(f)) {
		return appendInt(b, i), nil
	}
	if b, ok := appendDecimal(b, f); ok {
		return b, nil
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, fmt.Errorf("json: unsupported value: %s", strconv.FormatFloat(f, 'g', -1, 64))
	}
	abs := math.Abs(f)
	if abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64), nil
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	// Of e-09, only e-9 remains.
	if n := len(b); b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b, nil
}

// appendDecimal appends f if it is the float64 nearest to a number with at most six
// decimals and fifteen digits in all. No two of these have the same nearest float64,
// so that one, without zeros at its end, is the shortest way to write f. f is not whole, or
// no decimal would be left.
func appendDecimal(b []byte, f float64) ([]byte, bool) {
	abs := math.Abs(f)
	if !(abs < 1e9) { // nor is NaN
		return b, false
	}
	n := uint64(abs*1e6 + 0.5)
	if n == 0 || float64(n)/1e6 != abs {
		return b, false
	}
	if f < 0 {
		b = append(b, '-')
	}
	b = append(appendUint(b, n/1e6), '.')
	decimals := uint32(n % 1e6)
	digits := pair(decimals/1e4) | pair(decimals/100%100)<<16 | pair(decimals%100)<<32
	b = append(b, "123456"...)
	at := len(b) - 6
	binary.LittleEndian.PutUint32(b[at:], uint32(digits))
	binary.LittleEndian.PutUint16(b[at+4:], uint16(digits>>32))
	b = b[:len(b)-trailingZeros(digits<<16)]
	return b, true
}
