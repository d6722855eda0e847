// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// A plan says how to write values of one type as encoding/json does, for types in
// which that follows from the type: plain numbers, strings and bools, and structs and
// slices of them and pointers to them, without methods to call or tags that few use.
// Every other type is left to encoding/json.
type plan struct {
	kind   reflect.Kind
	fields []planField // of a struct
	elem   *plan       // of a slice or a pointer
}

type planField struct {
	index     int
	key       []byte // with its quotes and the colon
	omitEmpty bool
	*plan
}

// plans knows the plan of each type that was seen, nil for those left to
// encoding/json: reflect.Type to *plan. A program has only so many types.
var plans sync.Map

// planOf returns how to write values of t, or nil.
func planOf(t reflect.Type) *plan {
	if known, ok := plans.Load(t); ok {
		return known.(*plan)
	}
	known, _ := plans.LoadOrStore(t, make(planning).plan(t))
	return known.(*plan)
}

// planning is the plans of a type and of those within it that are made already, or
// being made.
type planning map[reflect.Type]*plan

// plan returns the plan of t, or nil.
func (known planning) plan(t reflect.Type) *plan {
	p, ok := known[t]
	if !ok {
		known[t] = nil // meanwhile: a type that is within itself, behind a slice or a pointer, has none
		p = known.make(t)
		known[t] = p
	}
	return p
}

func (known planning) make(t reflect.Type) *plan {
	if t == numberType || jsonShapes.hasMethods(t) || jsonShapes.hasMethods(reflect.PointerTo(t)) {
		return nil
	}
	p := &plan{kind: t.Kind()}
	switch p.kind {
	case reflect.Bool, reflect.String, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return p
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 { // base64
			return nil
		}
		if p.elem = known.plan(t.Elem()); p.elem != nil {
			return p
		}
	case reflect.Pointer:
		if p.elem = known.plan(t.Elem()); p.elem != nil {
			return p
		}
	case reflect.Struct:
		var ok bool
		if p.fields, ok = known.fields(t); ok {
			return p
		}
	}
	return nil
}

var numberType = reflect.TypeFor[json.Number]()

// fields plans the fields of a struct. It reports false if one of them has no plan, or
// would be written in a way of its own.
func (known planning) fields(t reflect.Type) (fields []planField, ok bool) {
	names := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if f.Anonymous {
			return nil, false
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			name = f.Name
		}
		of := known.plan(f.Type)
		if of == nil || names[name] || !plainName(name) || options != "" && options != "omitempty" {
			return nil, false
		}
		names[name] = true
		fields = append(fields, planField{
			index:     i,
			key:       append(appendJSONText(nil, name, true), ':'),
			omitEmpty: options == "omitempty" && of.kind != reflect.Struct,
			plan:      of,
		})
	}
	return fields, true
}

// plainName reports whether encoding/json takes the name of a tag as it is.
func plainName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// appendPlanned appends a value as its plan says.
func (e *encoder) appendPlanned(v reflect.Value, p *plan) error {
	return e.appendPut(func(b []byte, need *int) ([]byte, error) { return putPlanned(b, v, p, need) })
}

// putPlanned is a put function that says why it did nothing: errTooBig if it lacked the
// room, and unless need is nil, how long b has to be at least for the text or the slice at
// which it stopped. It calls itself as putJSON does.
func putPlanned(b []byte, v reflect.Value, p *plan, need *int) ([]byte, error) {
	if putRoom > cap(b)-len(b) {
		return b, errTooBig
	}
	switch p.kind {
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case reflect.String:
		text := v.String()
		p, ok := putJSONText(b, text, true)
		if ok {
			return p, nil
		}
		if need != nil {
			*need = len(b) + len(text)
		}
		return b, errTooBig
	case reflect.Float64:
		return appendJSONFloat(b, v.Float())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return appendUint(b, v.Uint()), nil
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return putPlanned(b, v.Elem(), p.elem, need)
	}
	var err error
	out, end := b, byte('}')
	if p.kind == reflect.Slice {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		if least := len(b) + 1 + 2*v.Len(); least > cap(b) {
			if need != nil {
				*need = least
			}
			return b, errTooBig
		}
		out, end = append(out, '['), ']'
		for i := range v.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = putPlanned(out, v.Index(i), p.elem, need); err != nil {
				return b, err
			}
			if len(out) == cap(out) {
				return b, errTooBig
			}
		}
	} else {
		out = append(out, '{')
		for i := range p.fields {
			f := &p.fields[i]
			field := v.Field(f.index)
			if f.omits(field) {
				continue
			}
			if len(out) > len(b)+1 {
				out = append(out, ',')
			}
			if len(f.key) > cap(out)-len(out) {
				return b, errTooBig
			}
			if out, err = putPlanned(append(out, f.key...), field, f.plan, need); err != nil {
				return b, err
			}
			if len(out) == cap(out) {
				return b, errTooBig
			}
		}
	}
	return append(out, end), nil
}

// omits reports whether encoding/json leaves out the field of that value.
func (f *planField) omits(v reflect.Value) bool {
	return f.omitEmpty && (f.kind == reflect.Slice && v.Len() == 0 || f.kind != reflect.Slice && v.IsZero())
}
