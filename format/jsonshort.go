// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "log/slog"

// encode is Line.Encode.
func (f *jsonFormat) encode(l *Line, r *slog.Record, top []slog.Attr) ([]byte, Flaws) {
	if !inPlace {
		return l.append(f, r, top)
	}
	b, ok := f.putFirst(l.room[:0], r, attrsIn(top))
	if !ok {
		return l.append(f, r, top)
	}
	front, back := attrsOf(r)
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
	return f.goOn(l, b, front, back, heard, len(top)+r.NumAttrs())
}

// putAttrs puts attributes, as long as it can, and returns those that are left. heard is
// as in putJSON.
func putAttrs(b []byte, sep byte, attrs []attr, heard *string) (_ []byte, left []attr) {
	for i := range attrs {
		a := &attrs[i]
		var ok bool
		if b, ok = putJSON(b, sep, a.key, &a.value, heard); !ok {
			return b, attrs[i:]
		}
		sep = ','
	}
	return b, nil
}

// goOn goes on behind b, which has all of a record with n attributes but those in front
// and back. The first of these is an error that has said heard, unless that is empty.
func (f *jsonFormat) goOn(l *Line, b []byte, front, back []attr, heard string, n int) ([]byte, Flaws) {
	l.borrow()
	var e encoder
	e.begin(&f.base, l.borrowed.bytes)
	if len(f.pre) > 0 {
		e.limit += len(f.pre) + 1
	}
	e.visits -= n - len(front) - len(back)
	e.afterPre()
	e.buf, e.sep = append(e.buf, b...), ','
	for _, attrs := range [][]attr{front, back} {
		for i := range attrs {
			a := attrs[i].slog()
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

// putFirst puts what comes before the record's own attributes, or reports false.
func (f *jsonFormat) putFirst(b []byte, r *slog.Record, top []attr) ([]byte, bool) {
	if f.opts.ReplaceAttr != nil || f.left > 0 || f.flaws != 0 {
		return b, false
	}
	b, ok := f.putHead(b, r)
	for i := 0; ok && i < len(top); i++ {
		b, ok = putJSON(b, ',', top[i].key, &top[i].value, nil)
	}
	if n := len(f.pre); ok && n > 0 {
		if ok = n < cap(b)-len(b); ok {
			b = append(append(b, ','), f.pre...)
		}
	}
	return b, ok
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
			if len(src.json)+len(messageKey) > cap(b)-len(b) || f.opts.MaxRecord < MinMaxRecord+messageRoom {
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
