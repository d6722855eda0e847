// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "unicode/utf8"

// appendString appends s as a value, cut on a rune boundary where the record
// has no room for all of it.
func (e *encoder) appendString(s string) {
	pos := len(e.buf)
	if !e.json {
		appendText(e, s)
		return
	}
	if len(s) < e.limit-pos {
		e.buf = appendJSONText(e.buf, s, false)
		if len(e.buf) <= e.limit {
			return
		}
		e.buf = e.buf[:pos]
	}
	appendBounded(e, s, true, appendJSONEscaped)
}

// appendText is appendString for text, and for bytes as well.
func appendText[S string | []byte](e *encoder, s S) {
	if quotes(e, s) {
		appendBounded(e, s, true, appendQuoted[S])
	} else {
		appendBounded(e, s, false, appendPlain[S])
	}
}

func appendPlain[S string | []byte](b []byte, s S) []byte { return append(b, s...) }

func appendJSONEscaped(b []byte, s string) []byte { return appendEscaped(b, s, false) }

// appendBounded appends s as write writes it, in quotes if asked to.
func appendBounded[S string | []byte](e *encoder, s S, quotes bool, write func([]byte, S) []byte) {
	pos := len(e.buf)
	quote := func() {
		if quotes {
			e.buf = append(e.buf, '"')
		}
	}
	if len(s) <= e.limit-pos {
		quote()
		e.buf = write(e.buf, s)
		quote()
		if len(e.buf) <= e.limit {
			return
		}
		e.buf = e.buf[:pos]
	}
	// An eighth of the room stays for the attributes to come.
	whole := len(s)
	end := pos + (e.limit-pos)*7/8 - 2
	quote()
	for step := 4096; step > 0 && len(s) > 0; {
		n := runeBoundary(s, step)
		start := len(e.buf)
		e.buf = write(e.buf, s[:n])
		if n == 0 || len(e.buf) > end {
			e.buf = e.buf[:start]
			step /= 2
			continue
		}
		s = s[n:]
	}
	quote()
	e.left++
	if len(s) == whole {
		// Nothing of it is left. A message stays as an empty string; an
		// attribute is better left out.
		e.buf = append(e.buf[:pos], `""`...)
		e.tooBig = true
	}
}

// runeBoundary returns the largest n <= limit at which s can be cut without
// tearing a rune.
func runeBoundary[S string | []byte](s S, limit int) int {
	if limit >= len(s) {
		return len(s)
	}
	for n := limit; n > limit-utf8.UTFMax && n >= 0; n-- {
		if utf8.RuneStart(s[n]) {
			return n
		}
	}
	return limit // not UTF-8: there is no rune to tear
}
