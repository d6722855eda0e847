// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// word returns the eight bytes of s at i, the first one lowest.
func word[S string | []byte](s S, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// below marks the bytes of w that are less than n, which is at most 0x80, in
// their highest bits. Above the first mark there may be false ones.
func below(w uint64, n uint64) uint64 { return (w - ones*n) &^ w & highs }

// equal marks the bytes of w that are c, as below does.
func equal(w uint64, c byte) uint64 { return below(w^ones*uint64(c), 1) }

// jsonSafe returns how many bytes of s, from i on, stand for themselves in a
// JSON string; a byte outside ASCII ends the run.
func jsonSafe[S string | []byte](s S, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := word(s, i)
		if m := below(w, ' ') | equal(w, '"') | equal(w, '\\') | w&highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// appendEscaped appends s as the inside of a JSON string. short asks for \b and
// \f, which encoding/json writes and slog does not.
func appendEscaped[S string | []byte](b []byte, s S, short bool) []byte {
	start := 0
	for i := jsonSafe(s, 0); i < len(s); i = jsonSafe(s, i) {
		c := s[i]
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			b = appendEscape(b, c, short)
			i++
			start = i
			continue
		}
		r, size := decodeRune(s, i)
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(b, s[start:i]...)
			b = append(b, `\u202`...)
			b = append(b, byte('8'+r-'\u2028'))
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}

func appendEscape(b []byte, c byte, short bool) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, '\\', 'n')
	case c == '\r':
		return append(b, '\\', 'r')
	case c == '\t':
		return append(b, '\\', 't')
	case c == '\b' && short:
		return append(b, '\\', 'b')
	case c == '\f' && short:
		return append(b, '\\', 'f')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// decodeRune decodes the rune of s at i.
func decodeRune[S string | []byte](s S, i int) (rune, int) {
	return utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
}
