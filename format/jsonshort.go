// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "log/slog"

// appendShort appends to b as much of a record as has room in it and is simple: the
// head and the message, what With has put in, and as many of the record's own
// attributes as done says. If that is all it appends the end, too, and whole is true;
// b is empty if there is nothing to go on from. Nothing keeps b.
func (f *jsonFormat) appendShort(b []byte, r *slog.Record, top []slog.Attr) (_ []byte, done int, whole bool) {
	if f.opts.ReplaceAttr != nil || len(f.groups) > 0 || f.left > 0 || f.flaws != 0 {
		return b, 0, false
	}
	b, ok := f.appendShortHead(b, r)
	for i := 0; ok && i < len(top); i++ {
		b, ok = putSimpleJSON(b, ',', top[i].Key, top[i].Value)
	}
	if n := len(f.pre); n > 0 {
		if ok = ok && n < cap(b)-len(b); ok {
			b = append(append(b, ','), f.pre...)
		}
	}
	if !ok {
		return b[:0], 0, false
	}
	whole = true
	r.Attrs(func(a slog.Attr) bool {
		if b, whole = putSimpleJSON(b, ',', a.Key, a.Value); whole {
			done++
		}
		return whole
	})
	const end = "}\n"
	if whole = whole && len(end) <= cap(b)-len(b); whole {
		b = append(b, end...)
	}
	return b, done, whole
}

// appendShortHead appends the built-in attributes, or reports false.
func (f *jsonFormat) appendShortHead(b []byte, r *slog.Record) ([]byte, bool) {
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
	return putJSONText(b, r.Message)
}

// putJSONText appends s as a JSON string, or does nothing and reports false if b might
// not have the room.
func putJSONText(b []byte, s string) ([]byte, bool) {
	n := len(b)
	room := cap(b) - n - 2
	if len(s) > room {
		return b, false
	}
	p := b[:n+len(s)+2]
	p[n] = '"'
	if copySafe(p[n+1:], s) {
		p[len(p)-1] = '"'
		return p, true
	}
	if len(s) > room/6 {
		return b, false
	}
	return append(appendEscaped(p[:n+1], s, false), '"'), true
}
