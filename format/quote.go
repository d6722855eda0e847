// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"math/bits"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// needsQuoting reports whether text has to put s into quotes.
func needsQuoting[S string | []byte](s S) bool {
	if len(s) == 0 {
		return true
	}
	for i := plainSafe(s, 0); i < len(s); i = plainSafe(s, i) {
		if s[i] < utf8.RuneSelf {
			return true
		}
		r, size := decodeRune(s, i)
		if r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return true
		}
		i += size
	}
	return false
}

// plainSafe returns where the run of ASCII ends that needs no quotes.
func plainSafe[S string | []byte](s S, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := word(s, i)
		if m := below(w, ' '+1) | equal(w, '"') | equal(w, '=') | w&highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(s) && s[i] > ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '=' {
		i++
	}
	return i
}

// appendQuoted appends s as strconv.Quote does, without the quotes.
func appendQuoted[S string | []byte](b []byte, s S) []byte {
	n := quotedSafe(s)
	b = append(b, s[:n]...)
	if n == len(s) {
		return b
	}
	// The quotes come off again: the first one by moving what follows.
	start := len(b)
	b = strconv.AppendQuote(b, string(s[n:]))
	copy(b[start:], b[start+1:])
	return b[:len(b)-2]
}

// quotedSafe returns where the run of printable ASCII ends that stands for
// itself between quotes.
func quotedSafe[S string | []byte](s S) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := word(s, i)
		if m := below(w, ' ') | equal(w, '"') | equal(w, '\\') | equal(w, 0x7f) | w&highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}
