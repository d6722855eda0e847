// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"slices"
	"strconv"
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
	text := ""
	if kind == slog.KindString {
		text = v.String()
	}
	const around = len(`,"":`) + len(`"2006-01-02T15:04:05.999999999+07:00"`) // the longest of the other kinds
	n := len(e.buf)
	if len(key)+len(text)+around > e.limit-n {
		return false
	}
	b := slices.Grow(e.buf, len(key)+len(text)+around)
	b = b[:n+len(key)+len(text)+around]
	if e.sep != 0 {
		b[n] = e.sep
		n++
	}
	b[n] = '"'
	if !copySafe(b[n+1:], key) {
		return false
	}
	n += 1 + len(key)
	b[n], b[n+1] = '"', ':'
	n += 2
	switch kind {
	case slog.KindString:
		b[n] = '"'
		if copySafe(b[n+1:], text) {
			n += 1 + len(text)
			b[n] = '"'
			b = b[:n+1]
		} else {
			b = append(appendEscaped(b[:n+1], text, false), '"')
			if len(b) > e.limit {
				return false
			}
		}
	case slog.KindInt64:
		b = appendInt(b[:n], v.Int64())
	case slog.KindUint64:
		b = appendUint(b[:n], v.Uint64())
	case slog.KindBool:
		b = strconv.AppendBool(b[:n], v.Bool())
	case slog.KindDuration:
		b = appendInt(b[:n], int64(v.Duration()))
	case slog.KindFloat64:
		var err error
		if b, err = appendJSONFloat(b[:n], v.Float64()); err != nil {
			return false
		}
	case slog.KindTime:
		b[n] = '"'
		var ok bool
		if b, ok = appendNano(b[:n+1], v.Time()); !ok {
			return false
		}
		b = append(b, '"')
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
