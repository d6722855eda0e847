// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
)

// shapes knows what an encoder finds in values of a type.
type shapes struct {
	text   bool     // the encoder is fmt, not encoding/json
	prefix string   // of its errors
	known  sync.Map // reflect.Type to *shape
}

var (
	jsonShapes = shapes{prefix: "json: unsupported value: "}
	textShapes = shapes{text: true}
)

// shape is what an encoder finds in values of one type.
type shape struct {
	walk        bool  // a value could be endless, or far larger than its memory
	methods     bool  // the encoder calls a method and looks no further
	addrMethods bool  // the same, for values that can be addressed
	flat        bool  // nothing is behind the elements of the slice or array
	fields      []int // of the struct, those that the encoder looks at
}

// of returns the shape of t. A program has only so many types, so what is known
// does not grow for ever.
func (s *shapes) of(t reflect.Type) *shape {
	if known, ok := s.known.Load(t); ok {
		return known.(*shape)
	}
	n := &shape{methods: s.hasMethods(t)}
	n.addrMethods = !s.text && !n.methods && s.hasMethods(reflect.PointerTo(t))
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		n.flat = s.reach(t.Elem(), nil) == 0
	case reflect.Struct:
		n.fields = s.fields(t)
	}
	first := t
	if t.Kind() == reflect.Pointer {
		first = t.Elem()
	}
	n.walk = s.reach(first, nil) > 1 && (!n.methods || isSlogs(t))
	known, _ := s.known.LoadOrStore(t, n)
	return known.(*shape)
}

// hasMethods reports whether the encoder leaves values of t to their methods.
func (s *shapes) hasMethods(t reflect.Type) bool {
	if s.text {
		return t.Implements(formatterType) || t.Implements(errorType) || t.Implements(stringerType)
	}
	return t.Implements(marshalerType) || t.Implements(textMarshalerType)
}

// fields returns the fields of a struct that the encoder looks at. It may name
// one that encoding/json hides behind another of the same name.
func (s *shapes) fields(t reflect.Type) []int {
	var fields []int
	for i := range t.NumField() {
		f := t.Field(i)
		if s.text || (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-" {
			fields = append(fields, i)
		}
	}
	return fields
}

// endless is the reach of a type whose values can contain themselves.
const endless = 1 << 10

// reach returns on how many references one after the other a value of type t
// can depend. With one at most, its encoding is as long as its memory and its
// type make it; from two on, a small value can share what is behind the first
// among many, and an endless one can be behind itself.
func (s *shapes) reach(t reflect.Type, within []reflect.Type) int {
	if isSlogs(t) && s.text {
		return endless
	}
	for _, outer := range within {
		if outer == t {
			return endless
		}
	}
	within = append(within, t)
	switch t.Kind() {
	case reflect.Interface:
		return endless
	case reflect.String:
		return 1
	case reflect.Slice:
		return 1 + s.reach(t.Elem(), within)
	case reflect.Pointer:
		if s.text {
			return 0 // fmt prints the address
		}
		return 1 + s.reach(t.Elem(), within)
	case reflect.Map:
		return 1 + max(s.reach(t.Key(), within), s.reach(t.Elem(), within))
	case reflect.Array:
		return s.reach(t.Elem(), within)
	case reflect.Struct:
		most := 0
		for i := range t.NumField() {
			most = max(most, s.reach(t.Field(i).Type, within))
		}
		return most
	}
	return 0
}

// isSlogs reports whether t is one of the types of slog whose String methods
// print groups with fmt, at any depth.
func isSlogs(t reflect.Type) bool { return t == valueType || t == attrType }

var (
	valueType         = reflect.TypeFor[slog.Value]()
	attrType          = reflect.TypeFor[slog.Attr]()
	marshalerType     = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	formatterType     = reflect.TypeFor[fmt.Formatter]()
	errorType         = reflect.TypeFor[error]()
	stringerType      = reflect.TypeFor[fmt.Stringer]()
)
