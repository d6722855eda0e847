// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"bytes"
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
		// fmt does not simply call String, or that calls fmt.
	case error:
		return e.appendCalled(v, m.Error, func(p any) any { return panicError{p} })
	case fmt.Stringer:
		return e.appendCalled(v, m.String, func(p any) any { return panicStringer{p} })
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
	if err := checkText(v, e.opts.MaxRecord); err != nil {
		return err
	}
	x := e.scratch()
	x.text = fmt.Appendf(x.text[:0], "%+v", v)
	if bytes.Contains(x.text, caught) {
		e.flaws |= Failed
	}
	appendText(e, x.text)
	return nil
}

// caught is how fmt shows the panic of a method that it called.
var caught = []byte("(PANIC=")

// appendCalled appends what a method of v returns. fmt would do the same, and
// print what the method panics with, however often that contains itself: it is
// shown to fmt as again's panic, when it is safe to print.
func (e *encoder) appendCalled(v any, method func() string, again func(p any) any) error {
	s, p := call(method)
	switch {
	case p == nil:
		e.appendString(s)
		return nil
	case isNilPointer(v):
		e.appendString("<nil>")
		return nil
	}
	if checkText(p, e.opts.MaxRecord) != nil {
		panic(p)
	}
	return e.appendPrinted(again(p))
}

func call(method func() string) (s string, p any) {
	defer func() { p = recover() }()
	return method(), nil
}

type (
	panicError    struct{ p any }
	panicStringer struct{ p any }
)

func (p panicError) Error() string     { panic(p.p) }
func (p panicStringer) String() string { panic(p.p) }
