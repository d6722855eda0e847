// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"slices"
	"unicode/utf8"
)

// appendJSONText appends s as a JSON string. Most strings need no escapes, and are
// copied and looked through in one go. short is as in appendEscaped.
func appendJSONText(b []byte, s string, short bool) []byte {
	n := len(b)
	b = slices.Grow(b, len(s)+2)[:n+len(s)+2]
	b[n] = '"'
	if copySafe(b[n+1:], s) {
		b[len(b)-1] = '"'
		return b
	}
	return append(appendEscaped(b[:n+1], s, short), '"')
}

// appendEscaped appends s as the inside of a JSON string. short asks for \b and
// \f, which encoding/json writes and slog does not.
func appendEscaped(b []byte, s string, short bool) []byte {
	for {
		var n int
		if b, n = putEscaped(b, s, short); n == len(s) {
			return b
		}
		s = s[n:]
		b = slices.Grow(b, len(s)+longestEscape)
	}
}

const longestEscape = len(`\u0000`)

// putEscaped is appendEscaped within the capacity of b. It returns how much of s it
// has put, which is not all if it might lack the room.
func putEscaped(b []byte, s string, short bool) (_ []byte, n int) {
	for i := jsonSafe(s, 0); i < len(s); i = jsonSafe(s, i) {
		if i-n+longestEscape > cap(b)-len(b) {
			return b, n
		}
		c := s[i]
		if c < utf8.RuneSelf {
			b = append(b, s[n:i]...)
			b = appendEscape(b, c, short)
			i++
			n = i
			continue
		}
		r, size := decodeRune(s, i)
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, s[n:i]...)
			b = append(b, `\ufffd`...)
			n = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(b, s[n:i]...)
			b = append(b, `\u202`...)
			b = append(b, byte('8'+r-'\u2028'))
			n = i + size
		}
		i += size
	}
	if len(s)-n > cap(b)-len(b) {
		return b, n
	}
	return append(b, s[n:]...), len(s)
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
