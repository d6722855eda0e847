// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding/json"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/hydra-logger/hydra/internal/peek"
)

// A put function appends to b as far as its capacity goes, and keeps nothing of it, so
// that b may be on the stack of a log call. It does nothing and reports false if it might
// lack the room, or if a value needs more than most values do.

// putRoom is what a number, a bool or a time takes at most, with what is around its key.
const putRoom = len(`,"":`) + len(`"2006-01-02T15:04:05.999999999+07:00"`) // the longest, but for times in zones 100 hours away

// putJSON appends an attribute behind sep. Where v is an error for whose text it lacks
// the room, or that panics, heard, unless nil, becomes what it said. It calls itself, and
// no other function that calls it, or b would escape.
func putJSON(b []byte, sep byte, key string, v *peek.Value, heard *told) ([]byte, bool) {
	n := len(b)
	if len(key)+putRoom > cap(b)-n {
		return b, false
	}
	p := b[n : n+len(key)+putRoom]
	*(*[2]byte)(p) = [2]byte{sep, '"'}
	if !copySafe(p[2:], key) {
		return b, false
	}
	*(*[2]byte)(p[2+len(key):]) = [2]byte{'"', ':'}
	p = b[:n+len(key)+4]
	ok := true
	switch v.Kind() {
	case slog.KindString:
		p, ok = putJSONText(p, v.Text(), false)
	case slog.KindInt64, slog.KindDuration:
		p = appendInt(p, int64(v.Num()))
	case slog.KindUint64:
		p = appendUint(p, v.Num())
	case slog.KindBool:
		p = strconv.AppendBool(p, v.Num() == 1)
	case slog.KindFloat64:
		var err error
		p, err = appendJSONFloat(p, math.Float64frombits(v.Num()))
		ok = err == nil
	case slog.KindTime:
		p, ok = appendNano(append(p, '"'), v.Slog().Time())
		p = append(p, '"')
		ok = ok && len(p) <= cap(b) // or a zone 100 hours away has taken more than putRoom
	case slog.KindAny:
		p, ok = putJSONAny(p, v.Slog().Any(), heard)
	case slog.KindGroup:
		attrs := v.Slog().Group()
		ok = len(attrs) > 0 && key != "" // or it leaves no trace, or its attributes stand in its place
		sep = '{'
		for i := 0; ok && i < len(attrs); i++ {
			p, ok = putJSON(p, sep, attrs[i].Key, peek.At(&attrs[i].Value), nil)
			sep = ','
		}
		if ok = ok && len(p) < cap(p); ok {
			p = append(p, '}')
		}
	default:
		ok = false
	}
	if !ok {
		return b, false
	}
	return p, true
}

// putJSONText appends s as a JSON string. short is as in appendEscaped.
func putJSONText(b []byte, s string, short bool) ([]byte, bool) {
	n := len(b)
	if len(s)+2 > cap(b)-n {
		return b, false
	}
	p := b[:n+len(s)+2]
	p[n] = '"'
	if copySafe(p[n+1:], s) {
		p[len(p)-1] = '"'
		return p, true
	}
	p, done := putEscaped(p[:n+1], s, short)
	if done < len(s) || len(p) == cap(p) {
		return b, false
	}
	return append(p, '"'), true
}

// told is what an error has said that was not put: its text, or that it has panicked.
type told struct {
	text  string
	flaws Flaws
}

// putJSONAny appends a value that is an error, a slice of strings or has a plan. heard is
// as in putJSON. Of a value that panics, too, who looks at it next need not ask it again,
// unless heard is nil.
func putJSONAny(b []byte, v any, heard *told) (out []byte, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			out, ok = b, false
			if isNilPointer(v) {
				out, ok = putJSONText(b, "<nil>", false)
			} else if heard != nil {
				*heard = told{panicText(p), Failed}
			}
		}
	}()
	switch v := v.(type) {
	case []string:
		return putJSONStrings(b, v)
	case nil, json.Marshaler, *slog.Source: // appendAttr and appendJSONAny have ways of their own for these
		return b, false
	case error:
		text := v.Error()
		if out, ok = putJSONText(b, text, false); !ok && heard != nil {
			heard.text = text
		}
		return out, ok
	}
	if p := planOf(reflect.TypeOf(v)); p != nil {
		out, err := putPlanned(b, reflect.ValueOf(v), p, nil)
		return out, err == nil
	}
	return b, false
}

func putJSONStrings(b []byte, s []string) ([]byte, bool) {
	if putRoom > cap(b)-len(b) {
		return b, false
	}
	if s == nil {
		return append(b, "null"...), true
	}
	p := append(b, '[')
	for i := range s {
		if i > 0 {
			p = append(p, ',')
		}
		var ok bool
		if p, ok = putJSONText(p, s[i], true); !ok || len(p) == cap(p) {
			return b, false
		}
	}
	return append(p, ']'), true
}

// appendPut appends what put puts, in as much room as the record has. Where put lacks
// room, it may say in need how long the record has to be at least.
func (e *encoder) appendPut(put func(b []byte, need *int) ([]byte, error)) error {
	n := len(e.buf)
	most := max(e.limit, n) + putRoom
	for {
		need := 0
		b, err := put(e.buf[:n:min(cap(e.buf), most)], &need)
		switch {
		case err == nil && len(b) <= e.limit:
			e.buf = e.buf[:len(b)]
			return nil
		case err == nil || need > e.limit || err == errTooBig && cap(e.buf) >= most:
			return errTooBig
		case err != errTooBig:
			return err
		}
		room := max(cap(e.buf)*3/2, need+need/8, 1<<10)
		e.buf = slices.Grow(e.buf, min(room, most)-n)
	}
}
