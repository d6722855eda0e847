// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"

	"github.com/hydra-logger/hydra/internal/peek"
)

// encode is Line.Encode. It puts what it can into the Line, and goes on with an encoder
// where that ends.
func (f *jsonFormat) encode(l *Line, r *slog.Record, top []slog.Attr) ([]byte, Flaws) {
	if f.opts.ReplaceAttr != nil || f.left > 0 || f.flaws != 0 {
		return l.append(f, r, top)
	}
	b, ok := f.putHead(l.room[:0], r)
	if !ok {
		return l.append(f, r, top)
	}
	var heard told
	b, left := putAttrs(b, ',', top, &heard)
	if len(left) > 0 || len(f.pre) >= cap(b)-len(b) {
		return f.goOnFirst(l, b, r, top, left, heard)
	}
	if len(f.pre) > 0 {
		b = append(append(b, ','), f.pre...)
	}
	front, back := peek.Attrs(r)
	own, braces := len(b), f.opened
	if braces < len(f.groups) && len(front) > 0 {
		if b, ok = putGroups(b, f.groups[braces:]); !ok {
			return l.append(f, r, top)
		}
		braces = len(f.groups)
	}
	if last := len(b) - 1; b[last] == '{' && len(front) > 0 {
		b, front = putAttrs(b[:last], '{', front, &heard)
		b = b[:max(len(b), last+1)] // the brace is still there if nothing was put
	} else {
		b, front = putAttrs(b, ',', front, &heard)
	}
	if len(front) == 0 {
		b, back = putAttrs(b, ',', back, &heard)
	}
	const end = "}\n"
	if len(front)+len(back) == 0 && braces+len(end) <= cap(b)-len(b) {
		for range braces {
			b = append(b, '}')
		}
		return append(b, end...), 0
	}
	return f.goOn(l, b, r, top, own, front, back, heard)
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
			if len(src.json)+len(messageKey) > cap(b)-len(b) || f.opts.MaxRecord < 2*lineRoom { // which may have no room for the source
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
func putAttrs(b []byte, sep byte, attrs []slog.Attr, heard *told) (_ []byte, left []slog.Attr) {
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

// goOnFirst goes on behind b, which has all that comes before the attributes of With,
// but those of top that are left. The first of these is an error that has said heard,
// unless that has no text.
func (f *jsonFormat) goOnFirst(l *Line, b []byte, r *slog.Record, top, left []slog.Attr, heard told) ([]byte, Flaws) {
	l.borrow()
	var e encoder
	e.begin(&f.base, l.borrowed.bytes)
	if len(b)+messageRoom > e.limit { // AppendRecord may leave something out
		return l.append(f, r, top)
	}
	e.visits -= looksAt(top[:len(top)-len(left)])
	e.buf, e.sep = append(e.buf, b...), ','
	e.appendLeft(left, heard)
	e.appendRest(r)
	var flaws Flaws
	l.borrowed.bytes, flaws = e.endJSON()
	return l.borrowed.bytes, flaws
}

// goOn goes on behind b, which has all of the record but those of its attributes in front
// and back. What comes before its own attributes, and their groups, is as long as own.
// heard is as in goOnFirst. Within a struct any of the parameters would make the record
// escape.
func (f *jsonFormat) goOn(l *Line, b []byte, r *slog.Record, top []slog.Attr, own int, front, back []slog.Attr, heard told) ([]byte, Flaws) {
	l.borrow()
	var e encoder
	e.begin(&f.base, l.borrowed.bytes)
	if len(f.pre) > 0 {
		e.limit += len(f.pre) + 1
	}
	e.limit -= len(f.groups) - f.opened
	if len(b) > e.limit { // as in goOnFirst
		return l.append(f, r, top)
	}
	doneFront, doneBack := peek.Attrs(r)
	doneFront, doneBack = doneFront[:len(doneFront)-len(front)], doneBack[:len(doneBack)-len(back)]
	e.visits -= looksAt(top) + looksAt(doneFront) + looksAt(doneBack)
	e.afterPre()
	e.buf, e.sep = append(e.buf, b...), ','
	if b[len(b)-1] == '{' {
		e.sep = 0
	}
	wrote := len(doneFront) > 0
	if len(front) > 0 {
		wrote = e.appendLeft(front, heard) || wrote
		wrote = e.appendAttrs(back) || wrote
	} else {
		wrote = e.appendLeft(back, heard) || wrote
	}
	e.closes = len(f.groups)
	if !wrote {
		e.buf, e.sep, e.closes = e.buf[:own], ',', f.opened
	}
	e.closeGroups()
	var flaws Flaws
	l.borrowed.bytes, flaws = e.endJSON()
	return l.borrowed.bytes, flaws
}

// appendLeft appends attributes, and reports whether anything came of it. heard is as in
// goOnFirst.
func (e *encoder) appendLeft(attrs []slog.Attr, heard told) bool {
	if heard.text == "" || len(attrs) == 0 {
		return e.appendAttrs(attrs)
	}
	e.flaws |= heard.flaws
	wrote := e.appendAttr(slog.String(attrs[0].Key, heard.text))
	return e.appendAttrs(attrs[1:]) || wrote
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
