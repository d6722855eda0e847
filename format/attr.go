// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// appendAttrs appends attributes one after the other and reports whether
// anything came of it.
func (e *encoder) appendAttrs(attrs []slog.Attr) bool {
	wrote := false
	for i := range attrs {
		if e.full {
			e.left += len(attrs) - i
			break
		}
		if e.appendAttr(attrs[i]) {
			wrote = true
		}
	}
	return wrote
}

// appendAttr appends one attribute, resolved and replaced, and reports whether
// anything came of it.
func (e *encoder) appendAttr(a slog.Attr) bool {
	if e.visits--; e.visits < 0 || e.full {
		e.full = true
		e.left++
		return false
	}
	kind := a.Value.Kind()
	if e.simple && e.appendSimple(a.Key, a.Value, kind) {
		return true
	}
	if kind == slog.KindLogValuer {
		a.Value = e.resolve(a.Value)
		kind = a.Value.Kind()
	}
	if e.replace != nil && kind != slog.KindGroup {
		a = e.replaced(a)
		kind = a.Value.Kind()
	}
	switch kind {
	case slog.KindGroup:
		return e.appendGroup(a.Key, a.Value.Group())
	case slog.KindAny:
		v := a.Value.Any()
		if v == nil && a.Key == "" {
			return false
		}
		if src, ok := v.(*slog.Source); ok {
			if src == nil || *src == (slog.Source{}) {
				return false
			}
			if e.json {
				return e.appendGroup(a.Key, sourceAttrs(src))
			}
			a.Value = slog.StringValue(fmt.Sprintf("%s:%d", src.File, src.Line))
			kind = slog.KindString
		}
	}
	return e.appendPair(a.Key, a.Value, kind)
}

// appendPair appends a key and its value, unless there is no room for them.
func (e *encoder) appendPair(key string, v slog.Value, kind slog.Kind) bool {
	pos, sep, left := len(e.buf), e.sep, e.left
	if e.fits(key) {
		if e.color {
			e.appendColored(key, v, kind)
		} else {
			e.appendKey(key)
			e.appendKind(v, kind)
		}
		if len(e.buf) <= e.limit && !e.tooBig {
			return true
		}
	}
	e.tooBig = false
	e.buf, e.sep, e.left = e.buf[:pos], sep, left
	e.miss()
	return false
}

// fits reports whether a key of this length, or the name of a group, can have
// room at all.
func (e *encoder) fits(key string) bool {
	return len(e.prefix)+len(key) <= e.limit-len(e.buf)
}

// miss counts an attribute that had no room.
func (e *encoder) miss() {
	e.left++
	e.misses--
	e.full = e.full || e.misses < 0
}

// appendGroup appends a group, or nothing when all its attributes turn out to
// be nothing. The attributes of a group without a key stand in its place.
func (e *encoder) appendGroup(key string, attrs []slog.Attr) bool {
	if len(attrs) == 0 {
		return true // as slog: an empty group counts as something
	}
	if e.depth >= maxDepth {
		wrote := e.appendPair(key, slog.StringValue("!DEPTH"), slog.KindString)
		if wrote {
			e.left++
		}
		return wrote
	}
	e.depth++
	wrote := false
	if key == "" {
		wrote = e.appendAttrs(attrs)
	} else {
		wrote = e.appendNamed(key, attrs)
	}
	e.depth--
	return wrote
}

func (e *encoder) appendNamed(name string, attrs []slog.Attr) bool {
	pos, sep, prefix, groups, limit := len(e.buf), e.sep, len(e.prefix), len(e.groups), e.limit
	wrote := false
	if e.openGroup(name) {
		wrote = e.appendAttrs(attrs)
	} else {
		e.miss()
	}
	e.prefix, e.groups, e.limit = e.prefix[:prefix], e.groups[:groups], limit
	if !wrote {
		e.buf, e.sep = e.buf[:pos], sep
		return false
	}
	if e.nest {
		e.buf = append(e.buf, '}')
	}
	e.sep = e.comma()
	return true
}

// openGroup begins a group and reports whether it has room. An object's closing
// brace comes off the limit at once.
func (e *encoder) openGroup(name string) bool {
	if !e.fits(name) {
		return false
	}
	if e.nest {
		e.appendKey(name)
		e.buf = append(e.buf, '{')
		e.sep = 0
		e.limit--
	} else {
		if !e.ours {
			e.prefix = append(e.scratch().prefix[:0], e.prefix...)
			e.ours = true
		}
		e.prefix = append(append(e.prefix, name...), '.')
	}
	if e.replace != nil && !e.head {
		e.groups = append(e.groups, name)
	}
	return len(e.buf) <= e.limit
}

// resolve resolves v, and notices when slog had to step in.
func (e *encoder) resolve(v slog.Value) slog.Value {
	v = v.Resolve()
	if v.Kind() == slog.KindAny {
		// Only slog and callers of Errorf without %w make this type, and
		// its Error method does nothing but return a string.
		if a := v.Any(); reflect.TypeOf(a) == errorfType && strings.HasPrefix(a.(error).Error(), "LogValue ") {
			e.flaws |= Failed
		}
	}
	return v
}

var errorfType = reflect.TypeOf(fmt.Errorf("type only"))

// replaced returns what replace makes of a, resolved.
func (e *encoder) replaced(a slog.Attr) slog.Attr {
	b := e.callReplace(a)
	if b.Value.Kind() == slog.KindLogValuer {
		b.Value = e.resolve(b.Value)
	}
	return b
}

func (e *encoder) callReplace(a slog.Attr) (b slog.Attr) {
	defer func() {
		if p := recover(); p != nil {
			e.flaws |= Failed
			b = slog.String(a.Key, panicText(p))
		}
	}()
	return e.replace(e.groups, a)
}
