// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
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
	walk        bool    // a value could be endless, or far larger than its memory
	long        bool    // !walk: within a value may be something of any length
	holds       bool    // !walk or flat: values of the type, or what is within, have methods
	methods     bool    // the encoder calls a method and looks no further
	addrMethods bool    // the same, for values that can be addressed
	flat        bool    // what the slice, array or map holds has nothing behind it, and is short
	fields      []field // of the struct, those that the encoder looks at
}

// field is a field of a struct, and when encoding/json leaves it out.
type field struct {
	index     int
	omitEmpty bool
	omitZero  bool
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
		n.flat = s.short(t.Elem())
	case reflect.Map:
		n.flat = s.short(t.Key()) && s.short(t.Elem())
	case reflect.Struct:
		n.fields = s.fields(t)
	}
	first := t
	if t.Kind() == reflect.Pointer {
		first = t.Elem()
	}
	n.walk = s.refers(first, 2) && (!n.methods || isSlogs(t))
	n.long = !n.walk && !n.methods && s.isLong(first)
	n.holds = n.methods || (!n.walk || n.flat) && s.holds(first)
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

// holds reports whether what is within a value of type t, or t itself, has methods. It
// is asked only about types that refers has seen to the end.
func (s *shapes) holds(t reflect.Type) bool {
	if s.hasMethods(t) {
		return true
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return s.holds(t.Elem())
	case reflect.Map:
		return s.holds(t.Key()) || s.holds(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if s.holds(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// fields returns the fields of a struct that the encoder looks at. It may name
// one that encoding/json hides behind another of the same name.
func (s *shapes) fields(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		if s.text {
			fields = append(fields, field{index: i})
			continue
		}
		if tag := f.Tag.Get("json"); (f.IsExported() || f.Anonymous) && tag != "-" {
			options := strings.Split(tag, ",")[1:]
			fields = append(fields, field{i, slices.Contains(options, "omitempty"), slices.Contains(options, "omitzero")})
		}
	}
	return fields
}

// short reports whether values of type t have nothing behind them and never are long.
func (s *shapes) short(t reflect.Type) bool { return !s.refers(t, 1) && !s.isLong(t) }

// isLong reports whether values of type t have a slice, a map or an array that may
// have as many elements as it likes, elements without a size for instance. It is asked
// only about types that refers has seen to the end.
func (s *shapes) isLong(t reflect.Type) bool {
	const short = 1 << 10 // elements that are not worth a look
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return true
	case reflect.Pointer:
		return !s.text && s.isLong(t.Elem())
	case reflect.Array:
		return t.Len() > short || s.isLong(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if s.isLong(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// refers reports whether a value of type t can depend on n references one after
// the other. Without any, or with one at most, its encoding is as long as its
// memory and its type make it; from two on, a small value can share what is behind
// the first among many, and an endless one can be behind itself. n is 1 or 2.
//
// A type can be within itself only behind a reference, and behind the second one
// nobody looks: the types of a program may refer to each other as they like.
func (s *shapes) refers(t reflect.Type, n int) bool {
	if isSlogs(t) && s.text {
		return true
	}
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.String:
		return n == 1
	case reflect.Slice:
		return n == 1 || s.refers(t.Elem(), 1)
	case reflect.Pointer:
		// fmt prints the address.
		return !s.text && (n == 1 || s.refers(t.Elem(), 1))
	case reflect.Map:
		return n == 1 || s.refers(t.Key(), 1) || s.refers(t.Elem(), 1)
	case reflect.Array:
		return s.refers(t.Elem(), n)
	case reflect.Struct:
		for i := range t.NumField() {
			if s.refers(t.Field(i).Type, n) {
				return true
			}
		}
	}
	return false
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
