// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"slices"
	"strconv"

	"github.com/hydra-logger/hydra/internal/peek"
)

// A simple kind is one whose values call no method and hold nothing.
const (
	textSimple = 1<<slog.KindString | 1<<slog.KindInt64 | 1<<slog.KindUint64 | 1<<slog.KindBool | 1<<slog.KindDuration
	jsonSimple = textSimple | 1<<slog.KindFloat64 | 1<<slog.KindTime
)

// appendSimple appends an attribute that is like most: of a simple kind, with a
// simple key, and with room enough. For all others it does nothing and reports
// false. appendPair does the same for every attribute, in more steps.
func (e *encoder) appendSimple(key string, v slog.Value, kind slog.Kind) bool {
	if e.json {
		return jsonSimple>>kind&1 != 0 && e.appendSimpleJSON(key, v, kind)
	}
	return textSimple>>kind&1 != 0 && e.appendSimpleText(key, v, kind)
}

func (e *encoder) appendSimpleJSON(key string, v slog.Value, kind slog.Kind) bool {
	n := len(key) + putRoom
	if kind == slog.KindString {
		n += len(v.String())
	}
	if n > e.limit-len(e.buf) {
		return false
	}
	b, sep := slices.Grow(e.buf, n), e.sep
	if sep == 0 { // behind the brace of an object, which putJSON writes once more
		b, sep = b[:len(b)-1], '{'
	}
	b, ok := putJSON(b, sep, key, peek.At(&v), nil)
	if !ok || len(b) > e.limit {
		return false
	}
	e.buf, e.sep = b, ','
	return true
}

func (e *encoder) appendSimpleText(key string, v slog.Value, kind slog.Kind) bool {
	if len(key) == 0 || plainSafe(key, 0) != len(key) || plainSafe(e.prefix, 0) != len(e.prefix) || !e.fits(key) {
		return false
	}
	b := e.buf
	if e.sep != 0 {
		b = append(b, e.sep)
	}
	b = append(b, e.prefix...)
	b = append(b, key...)
	b = append(b, '=')
	switch kind {
	case slog.KindString:
		s := v.String()
		switch {
		case len(s) > e.limit-len(b):
			return false
		case len(s) > 0 && plainSafe(s, 0) == len(s):
			b = append(b, s...)
		case quotedSafe(s) == len(s):
			b = append(b, '"')
			b = append(b, s...)
			b = append(b, '"')
		default:
			return false
		}
	case slog.KindInt64:
		b = appendInt(b, v.Int64())
	case slog.KindUint64:
		b = appendUint(b, v.Uint64())
	case slog.KindBool:
		b = strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		b = append(b, v.Duration().String()...)
	}
	if len(b) > e.limit {
		return false
	}
	e.buf, e.sep = b, ' '
	return true
}
