// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// quotes reports whether e has to put s into quotes. Text lets a delete
// character stand, since slog does; a terminal must not get it.
func quotes[S string | []byte](e *encoder, s S) bool {
	return needsQuoting(s) || e.console && hasDelete(s)
}

func hasDelete[S string | []byte](s S) bool {
	for i := range len(s) {
		if s[i] == 0x7f {
			return true
		}
	}
	return false
}

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
