// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
)

// appendTextAny appends v as its MarshalText says, bytes as a string, and
// everything else as fmt's %+v.
func (e *encoder) appendTextAny(v any) error {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "<nil>"...)
		return nil
	case slog.Level:
		e.buf = appendLevel(e.buf, v)
		return nil
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err != nil {
			return err
		}
		appendText(e, text)
		return nil
	case []byte:
		appendBounded(e, v, true, appendQuoted[[]byte])
		return nil
	}
	if s, ok := v.([]string); ok && e.appendStrings(s) {
		return nil
	}
	if t := reflect.TypeOf(v); t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		appendBounded(e, reflect.ValueOf(v).Bytes(), true, appendQuoted[[]byte])
		return nil
	}
	switch m := v.(type) {
	case fmt.Formatter, reflect.Value, slog.Attr, slog.Value:
		// There is more to it than a call of String.
	case error:
		return e.appendCalled(v, "Error", m.Error)
	case fmt.Stringer:
		return e.appendCalled(v, "String", m.String)
	}
	return e.appendPrinted(v)
}

// appendStrings appends s as fmt does, unless it is too long.
func (e *encoder) appendStrings(s []string) bool {
	room := e.limit - len(e.buf)
	x := e.scratch()
	x.text = append(x.text[:0], '[')
	for i, elem := range s {
		if i > 0 {
			x.text = append(x.text, ' ')
		}
		if len(elem) > room-len(x.text) {
			return false
		}
		x.text = append(x.text, elem...)
	}
	x.text = append(x.text, ']')
	appendText(e, x.text)
	return true
}

// appendPrinted appends what fmt makes of v.
func (e *encoder) appendPrinted(v any) error {
	methods, err := checkText(v, e.opts.MaxRecord)
	if err != nil {
		return err
	}
	if methods {
		e.print(func(p *printer) { p.operand(v) })
	} else {
		x := e.scratch()
		x.text = fmt.Appendf(x.text[:0], "%+v", v)
		appendText(e, x.text)
	}
	return nil
}

// appendCalled appends what a method of v returns.
func (e *encoder) appendCalled(v any, name string, method func() string) error {
	s, thrown := call(method)
	if thrown != nil {
		e.print(func(p *printer) { p.caught(v, name, thrown) })
	} else {
		e.appendString(s)
	}
	return nil
}

// print appends what do prints.
func (e *encoder) print(do func(*printer)) {
	x := e.scratch()
	p := printer{buf: x.text[:0], plus: true, max: e.opts.MaxRecord}
	do(&p)
	x.text = p.buf
	if p.failed {
		e.flaws |= Failed
	}
	appendText(e, x.text)
}
