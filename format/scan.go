// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Three functions look for the byte that needs care, eight bytes at a time and then one
// by one; copySafe copies meanwhile. A byte outside ASCII always needs care.

// jsonSafe returns where the run of bytes from i on ends that stand for
// themselves in a JSON string.
func jsonSafe(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := word(s, i)
		if m := careOf(w); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(s) && careFor[s[i]]&inJSON == 0 {
		i++
	}
	return i
}

// copySafe copies s to the start of b, which is as long or longer, and reports
// whether all of it stands for itself in a JSON string. It looks at the words that
// it copies anyway; the last one overlaps the one before.
func copySafe(b []byte, s string) bool {
	n := len(s)
	b = b[:n]
	care := uint64(0)
	switch {
	case n >= 8:
		last := word(s[n-8:], 0)
		binary.LittleEndian.PutUint64(b[n-8:], last)
		care = careOf(last)
		for len(s) > 8 && len(b) > 8 {
			w := word(s, 0)
			binary.LittleEndian.PutUint64(b, w)
			care |= careOf(w)
			s, b = s[8:], b[8:]
		}
	case n >= 4:
		first, last := half(s), half(s[n-4:])
		binary.LittleEndian.PutUint32(b, first)
		binary.LittleEndian.PutUint32(b[n-4:], last)
		care = careOf(uint64(first) | uint64(last)<<32)
	case n > 0: // the middle of two bytes is the second, and all of one are the first
		b[0], b[n/2], b[n-1] = s[0], s[n/2], s[n-1]
		care = uint64((careFor[s[0]] | careFor[s[n/2]] | careFor[s[n-1]]) & inJSON)
	}
	return care == 0
}

// careOf returns 0 if each byte of w stands for itself in a JSON string, and else
// marks the first that does not, and some others. It is below and equal without their
// last step, which excepts bytes whose highest bit is set: these are marked anyway.
func careOf(w uint64) uint64 {
	return (w | (w - ones*' ') | (w ^ ones*'"' - ones) | (w ^ ones*'\\' - ones)) & highs
}

// plainSafe returns where the run of bytes from i on ends for which text needs
// no quotes.
func plainSafe[S string | []byte](s S, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := word(s, i)
		if m := below(w, ' '+1) | equal(w, '"') | equal(w, '=') | w&highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(s) && careFor[s[i]]&inText == 0 {
		i++
	}
	return i
}

// quotedSafe returns where the run of bytes from the start ends that stand for
// themselves between the quotes of strconv.Quote.
func quotedSafe[S string | []byte](s S) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := word(s, i)
		if m := below(w, ' ') | equal(w, '"') | equal(w, '\\') | equal(w, 0x7f) | w&highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(s) && careFor[s[i]]&inQuotes == 0 {
		i++
	}
	return i
}

const (
	inJSON = 1 << iota
	inText
	inQuotes
)

// careFor says where a byte needs care.
var careFor = func() (t [256]uint8) {
	for c := range t {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' {
			t[c] = inJSON | inText | inQuotes
		}
	}
	t[' '] = inText
	t['='] = inText
	t['\\'] = inJSON | inQuotes
	t[0x7f] = inQuotes
	return t
}()

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// word returns the eight bytes of s at i, the first one lowest.
func word[S string | []byte](s S, i int) uint64 {
	s = s[i:]
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// half returns the first four bytes of s, the first one lowest.
func half(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// below marks the bytes of w that are less than n, which is at most 0x80, in
// their highest bits. Above the first mark there may be false ones.
func below(w, n uint64) uint64 { return (w - ones*n) &^ w & highs }

// equal marks the bytes of w that are c, as below does.
func equal(w uint64, c byte) uint64 { return below(w^ones*uint64(c), 1) }
