// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "log/slog"

// encode is Line.Encode.
func (f *jsonFormat) encode(l *Line, r *slog.Record, top []slog.Attr) ([]byte, Flaws) {
	if !inPlace || f.opts.ReplaceAttr != nil || f.left > 0 || f.flaws != 0 {
		return l.append(f, r, top)
	}
	b, ok := f.putHead(l.room[:0], r)
	if !ok {
		return l.append(f, r, top)
	}
	var heard told
	b, left := putAttrs(b, ',', attrsIn(top), &heard)
	if len(left) > 0 || len(f.pre) >= cap(b)-len(b) {
		return f.goOnFirst(l, b, r, top, left, heard)
	}
	if len(f.pre) > 0 {
		b = append(append(b, ','), f.pre...)
	}
	front, back := attrsOf(r)
	own, braces := len(b), f.opened
	if braces < len(f.groups) && len(front) > 0 {
		if b, ok = putGroups(b, f.groups[braces:]); !ok {
			return l.append(f, r, top)
		}
		braces = len(f.groups)
	}
	if last := len(b) - 1; b[last] == '{' && len(front) > 0 {
		b, left = putAttrs(b[:last], '{', front, &heard)
		b = b[:max(len(b), last+1)]
	} else {
		b, left = putAttrs(b, ',', front, &heard)
	}
	front = left
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

// putAttrs puts attributes, as long as it can, and returns those that are left. heard is
// as in putJSON.
func putAttrs(b []byte, sep byte, attrs []attr, heard *told) (_ []byte, left []attr) {
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

// goOnFirst goes on behind b, which has all that comes before the attributes of With,
// but those of top that are left. The first of these is an error that has said heard,
// unless that has no text.
func (f *jsonFormat) goOnFirst(l *Line, b []byte, r *slog.Record, top []slog.Attr, left []attr, heard told) ([]byte, Flaws) {
	l.borrow()
	var e encoder
	e.begin(&f.base, l.borrowed.bytes)
	if len(b)+messageRoom > e.limit { // AppendRecord may have less room
		return l.append(f, r, top)
	}
	e.visits -= countIn(attrsIn(top)[:len(top)-len(left)])
	e.buf, e.sep = append(e.buf, b...), ','
	_ = e.appendLeft(left, heard)
	e.appendRest(r)
	var flaws Flaws
	l.borrowed.bytes, flaws = e.endJSON()
	return l.borrowed.bytes, flaws
}

// goOn goes on behind b, which has all of the record but those of its attributes in front
// and back. What comes before its own attributes, and their groups, is as long as own.
// heard is as in goOnFirst.
func (f *jsonFormat) goOn(l *Line, b []byte, r *slog.Record, top []slog.Attr, own int, front, back []attr, heard told) ([]byte, Flaws) {
	l.borrow()
	var e encoder
	e.begin(&f.base, l.borrowed.bytes)
	if len(f.pre) > 0 {
		e.limit += len(f.pre) + 1
	}
	if e.limit -= len(f.groups) - f.opened; len(b) > e.limit { // as in goOnFirst
		return l.append(f, r, top)
	}
	doneFront, doneBack := attrsOf(r)
	doneFront, doneBack = doneFront[:len(doneFront)-len(front)], doneBack[:len(doneBack)-len(back)]
	e.visits -= countIn(attrsIn(top)) + countIn(doneFront) + countIn(doneBack)
	e.afterPre()
	e.buf, e.sep = append(e.buf, b...), ','
	if b[len(b)-1] == '{' {
		e.sep = 0
	}
	wrote := e.appendLeft(front, heard)
	if len(front) > 0 {
		heard = told{}
	}
	wrote = e.appendLeft(back, heard) || wrote || len(doneFront) > 0
	braces := len(f.groups)
	if !wrote {
		e.buf, braces = e.buf[:own], f.opened
	}
	for range braces {
		e.buf = append(e.buf, '}')
	}
	e.sep = ','
	var flaws Flaws
	l.borrowed.bytes, flaws = e.endJSON()
	return l.borrowed.bytes, flaws
}

// appendLeft appends attributes, and reports whether anything came of it. heard is as in
// goOnFirst.
func (e *encoder) appendLeft(attrs []attr, heard told) bool {
	wrote := false
	for i := range attrs {
		a := attrs[i].slog()
		if heard.text != "" {
			a.Value = slog.StringValue(heard.text)
			e.flaws |= heard.flaws
			heard = told{}
		}
		if e.appendAttr(a) {
			wrote = true
		}
	}
	return wrote
}

// countIn returns how many attributes there are, with those in groups.
func countIn(attrs []attr) int {
	n := len(attrs)
	for i := range attrs {
		if v := &attrs[i].value; v.kind() == slog.KindGroup {
			n += countIn(attrsIn(v.slog().Group()))
		}
	}
	return n
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
			if len(src.json)+len(messageKey) > cap(b)-len(b) || f.opts.MaxRecord < 2*MinMaxRecord { // which may not have the room
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
