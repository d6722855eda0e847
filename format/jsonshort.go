// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"

	"github.com/hydra-logger/hydra/internal/peek"
)

// encode is Line.Encode.
func (f *jsonFormat) encode(l *Line, r *slog.Record, top []slog.Attr) ([]byte, Flaws) {
	b, ok := f.putFirst(l.room[:0], r, top)
	if !ok {
		return l.append(f, r, top)
	}
	front, back := peek.Attrs(r)
	braces := f.opened
	if braces < len(f.groups) && len(front) > 0 {
		if b, ok = putGroups(b, f.groups[braces:]); !ok {
			return l.append(f, r, top)
		}
		braces = len(f.groups)
	}
	sep, heard := byte(','), ""
	if last := len(b) - 1; b[last] == '{' && len(front) > 0 {
		b, sep = b[:last], '{'
	}
	b, front = putAttrs(b, sep, front, &heard)
	if len(front) == 0 {
		b, back = putAttrs(b, ',', back, &heard)
	}
	const end = "}\n"
	switch {
	case len(front)+len(back) == 0 && braces+len(end) <= cap(b)-len(b):
		for range braces {
			b = append(b, '}')
		}
		return append(b, end...), 0
	case braces > 0:
		return l.append(f, r, top)
	}
	first, more := peek.Attrs(r)
	looks := looksAt(top) + looksAt(first[:len(first)-len(front)]) + looksAt(more[:len(more)-len(back)])
	return f.goOn(l, b, front, back, heard, looks)
}

// putFirst puts what comes before the record's own attributes, or reports false.
func (f *jsonFormat) putFirst(b []byte, r *slog.Record, top []slog.Attr) ([]byte, bool) {
	if f.opts.ReplaceAttr != nil || f.left > 0 || f.flaws != 0 {
		return b, false
	}
	if f.opts.AddSource && f.opts.MaxRecord < 2*lineRoom { // the source may have to make room for the message
		return b, false
	}
	b, ok := f.putHead(b, r)
	for i := 0; ok && i < len(top); i++ {
		b, ok = putJSON(b, ',', top[i].Key, peek.At(&top[i].Value), nil)
	}
	if n := len(f.pre); ok && n > 0 {
		if ok = n < cap(b)-len(b); ok {
			b = append(append(b, ','), f.pre...)
		}
	}
	return b, ok
}

// putHead puts the built-in attributes, or reports false.
func (f *jsonFormat) putHead(b []byte, r *slog.Record) ([]byte, bool) {
	m := now.Load()
	if m == nil || !m.holds(r.Time) {
		return b, false
	}
	b, ok := m.json.append(b, uint32(r.Time.Nanosecond()), r.Level)
	if ok && f.opts.AddSource {
		if src := sourceOf(r.PC); src != nil {
			b = append(b[:len(b)-len(messageKey)], ',')
			if len(src.json)+len(messageKey) > cap(b)-len(b) {
				return b, false
			}
			b = append(append(b, src.json...), messageKey...)
		}
	}
	if !ok {
		return b, false
	}
	return putJSONText(b, r.Message, false)
}

// putGroups opens groups, or reports false.
func putGroups(b []byte, names []string) ([]byte, bool) {
	for _, name := range names {
		if len(b) == cap(b) {
			return b, false
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		var ok bool
		if b, ok = putJSONText(b, name, false); !ok || len(":{") > cap(b)-len(b) {
			return b, false
		}
		b = append(b, ":{"...)
	}
	return b, true
}

// putAttrs puts attributes, as long as it can, and returns those that are left. heard is
// as in putJSON.
func putAttrs(b []byte, sep byte, attrs []slog.Attr, heard *string) (_ []byte, left []slog.Attr) {
	for i := range attrs {
		a := &attrs[i]
		var ok bool
		if b, ok = putJSON(b, sep, a.Key, peek.At(&a.Value), heard); !ok {
			return b, attrs[i:]
		}
		sep = ','
	}
	return b, nil
}

// looksAt returns how many attributes are looked at to put attrs.
func looksAt(attrs []slog.Attr) int {
	n := len(attrs)
	for i := range attrs {
		if v := attrs[i].Value; v.Kind() == slog.KindGroup {
			n += looksAt(v.Group())
		}
	}
	return n
}

// goOn goes on behind b, which took so many looks and has all of a record but the
// attributes in front and back. The first of these is an error that has said heard, unless
// that is empty.
func (f *jsonFormat) goOn(l *Line, b []byte, front, back []slog.Attr, heard string, looks int) ([]byte, Flaws) {
	l.borrow()
	var e encoder
	e.begin(&f.base, l.borrowed.bytes)
	if len(f.pre) > 0 {
		e.limit += len(f.pre) + 1
	}
	e.visits -= looks
	e.afterPre()
	e.buf, e.sep = append(e.buf, b...), ','
	for _, attrs := range [][]slog.Attr{front, back} {
		for _, a := range attrs {
			if heard != "" {
				a.Value, heard = slog.StringValue(heard), ""
			}
			e.appendAttr(a)
		}
	}
	var flaws Flaws
	l.borrowed.bytes, flaws = e.endJSON()
	return l.borrowed.bytes, flaws
}
