// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
)

// printer prints values that hold methods, with the bytes of fmt's %+v or %v. fmt
// itself prints what a method panics with however often that contains itself, until
// the stack overflows. Whoever prints has asked check first: v is not endless.
type printer struct {
	buf       []byte
	plus      bool // names the fields of structs
	panicking bool // what a method panicked with is being printed
	failed    bool // a method panicked
	max       int  // bytes for what a method panics with
}

// operand prints v as fmt does its operands.
func (p *printer) operand(v any) {
	held, ok := v.(reflect.Value)
	switch {
	case !ok:
		p.value(reflect.ValueOf(v), 0)
	case held.IsValid():
		p.value(held, 0)
	default:
		p.buf = append(p.buf, "<invalid reflect.Value>"...)
	}
}

// value prints v, which is within depth others.
func (p *printer) value(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Invalid:
		p.buf = append(p.buf, "<nil>"...)
		return
	case reflect.Interface:
		p.value(v.Elem(), depth+1)
		return
	}
	if textShapes.of(v.Type()).methods && v.CanInterface() {
		p.method(v.Interface())
		return
	}
	switch v.Kind() {
	case reflect.String:
		p.buf = append(p.buf, v.String()...)
	case reflect.Map:
		p.entries(v, depth)
	case reflect.Struct:
		p.fields(v, depth)
	case reflect.Array, reflect.Slice:
		p.buf = append(p.buf, '[')
		for i := range v.Len() {
			p.space(i)
			p.value(v.Index(i), depth+1)
		}
		p.buf = append(p.buf, ']')
	case reflect.Pointer:
		p.pointer(v, depth)
	default:
		p.buf = fmt.Append(p.buf, v) // has neither methods nor anything within
	}
}

func (p *printer) entries(v reflect.Value, depth int) {
	p.buf = append(p.buf, "map["...)
	for i, key := range sortedEntries(v) {
		p.space(i)
		p.value(key.key, depth+1)
		p.buf = append(p.buf, ':')
		p.value(key.value, depth+1)
	}
	p.buf = append(p.buf, ']')
}

func (p *printer) fields(v reflect.Value, depth int) {
	p.buf = append(p.buf, '{')
	for i := range v.NumField() {
		p.space(i)
		if p.plus {
			p.buf = append(append(p.buf, v.Type().Field(i).Name...), ':')
		}
		p.value(v.Field(i), depth+1)
	}
	p.buf = append(p.buf, '}')
}

// pointer prints what v points to where fmt does: nowhere but outside of everything.
func (p *printer) pointer(v reflect.Value, depth int) {
	if v.IsNil() {
		p.buf = append(p.buf, "<nil>"...)
		return
	}
	if depth == 0 {
		switch v.Elem().Kind() {
		case reflect.Array, reflect.Slice, reflect.Struct, reflect.Map:
			p.buf = append(p.buf, '&')
			p.value(v.Elem(), depth+1)
			return
		}
	}
	p.buf = strconv.AppendUint(append(p.buf, "0x"...), uint64(v.Pointer()), 16)
}

// space separates the element at i from the one before.
func (p *printer) space(i int) {
	if i > 0 {
		p.buf = append(p.buf, ' ')
	}
}

// method prints what a method of v makes of it.
func (p *printer) method(v any) {
	switch m := v.(type) {
	case slog.Attr:
		p.buf = append(append(p.buf, m.Key...), '=')
		p.slogs(m.Value)
	case slog.Value:
		p.slogs(m)
	case fmt.Formatter:
		p.formatter(m)
	case error:
		p.called(v, "Error", m.Error)
	case fmt.Stringer:
		p.called(v, "String", m.String)
	}
}

// slogs prints what v's String returns, which begins anew with fmt.
func (p *printer) slogs(v slog.Value) {
	plus, panicking := p.plus, p.panicking
	p.plus, p.panicking = false, false
	switch v.Kind() {
	case slog.KindGroup:
		p.operand(v.Group())
	case slog.KindAny, slog.KindLogValuer:
		p.operand(v.Any())
	default:
		p.buf = append(p.buf, v.String()...)
	}
	p.plus, p.panicking = plus, panicking
}

func (p *printer) called(v any, name string, method func() string) {
	s, thrown := call(method)
	if thrown != nil {
		p.caught(v, name, thrown)
		return
	}
	p.buf = append(p.buf, s...)
}

func call(method func() string) (s string, thrown any) {
	defer func() { thrown = recover() }()
	return method(), nil
}

// formatter lets v print itself. What it has printed when it panics stays.
func (p *printer) formatter(v fmt.Formatter) {
	verb := "%v"
	if p.plus {
		verb = "%+v"
	}
	f := catcher{Formatter: v}
	p.buf = fmt.Appendf(p.buf, verb, &f)
	if f.thrown != nil {
		p.caught(v, "Format", f.thrown)
	}
}

// catcher is a Formatter that keeps to itself what another panics with.
type catcher struct {
	fmt.Formatter
	thrown any
}

func (c *catcher) Format(s fmt.State, verb rune) {
	defer func() { c.thrown = recover() }()
	c.Formatter.Format(s, verb)
}

// caught prints what a method of v panicked with. Where fmt would give up, or would not
// come to an end, the panic goes on.
func (p *printer) caught(v any, method string, thrown any) {
	if isNilPointer(v) {
		p.buf = append(p.buf, "<nil>"...)
		return
	}
	if _, err := checkText(thrown, p.max); p.panicking || err != nil {
		panic(thrown)
	}
	p.failed = true
	p.buf = append(append(append(p.buf, "%!v(PANIC="...), method...), " method: "...)
	plus := p.plus
	p.plus, p.panicking = false, true
	p.operand(thrown)
	p.plus, p.panicking = plus, false
	p.buf = append(p.buf, ')')
}
