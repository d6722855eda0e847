// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
)

// errTooBig: the encoding of a value would not fit into the record.
var errTooBig = errors.New("hydra: value too big")

// maxNest bounds nesting in values. Readers of JSON give up at 10,000, encoding/json's
// among them, and around the value are the record and its groups.
const maxNest = 9000

// maxPointers bounds those on the way to a value, each of which takes room on the stack
// and not all of which are nesting.
const maxPointers = 2 * maxNest

// cycleLevel is the depth at which encoding/json begins to look for cycles.
const cycleLevel = 1000

// checkJSON returns why encoding/json should not see v, or nil.
func checkJSON(v any, maxBytes int) error {
	_, err := check(v, maxBytes, &jsonShapes)
	return err
}

// checkText returns why v should not be printed, or nil and whether it has methods that
// fmt would call.
func checkText(v any, maxBytes int) (methods bool, err error) {
	return check(v, maxBytes, &textShapes)
}

// check walks v as an encoder would, for as long as its encoding could fit into
// maxBytes. Encoders follow a value that contains itself until the stack
// overflows, which ends the process, and one that contains another often, which
// contains another often, until memory does. Most types can do neither, and
// their values are not walked, but for the length of what can be long.
func check(v any, maxBytes int, shapes *shapes) (methods bool, err error) {
	rv := reflect.ValueOf(v)
	if held, ok := v.(reflect.Value); ok && shapes.text {
		rv = held // fmt prints what it holds
	}
	if !rv.IsValid() {
		return false, nil
	}
	if s := shapes.of(rv.Type()); rv.CanInterface() && !s.walk && !s.long { // fmt calls no methods it cannot
		return s.holds, nil
	}
	c := checker{shapes: shapes, room: maxBytes}
	err = c.value(rv, 0)
	return c.met, err
}

// checker is the state of one check.
type checker struct {
	*shapes
	room  int                // bytes that the encoding may yet have
	met   bool               // a value with methods
	level int                // of references, as encoding/json counts
	seen  map[reference]bool // those on the way here, beyond cycleLevel
}

// reference is a pointer, a map or a slice.
type reference struct {
	t reflect.Type
	p uintptr
	n int // length of the slice
}

func (c *checker) value(v reflect.Value, depth int) error {
	if c.room--; c.room < 0 {
		return errTooBig
	}
	if depth > maxNest || c.level > maxPointers {
		return fmt.Errorf("nested more than %d levels deep", maxNest)
	}
	if k := v.Kind(); k > reflect.Invalid && k <= reflect.Complex128 {
		if v.Type().NumMethod() > 0 {
			c.met = true
		}
		return nil // numbers and bools have nothing in them
	}
	s := c.of(v.Type())
	if s.methods && (!c.text || v.CanInterface()) || s.addrMethods && v.CanAddr() {
		c.met = true
		if c.text && isSlogs(v.Type()) {
			return c.slogValue(v.Interface(), depth)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		c.room -= v.Len()
	case reflect.Interface:
		if !v.IsNil() {
			return c.value(v.Elem(), max(depth, 1))
		}
	case reflect.Pointer:
		if !v.IsNil() && (!c.text || depth == 0) {
			return c.behind(v, depth)
		}
	case reflect.Slice, reflect.Array:
		switch {
		case s.flat:
			return c.flat(v, s)
		case v.Kind() == reflect.Array:
			return c.elements(v, depth)
		case v.Len() > 0:
			return c.behind(v, depth)
		}
	case reflect.Map:
		switch {
		case s.flat:
			return c.flat(v, s)
		case v.Len() > 0:
			return c.behind(v, depth)
		}
	case reflect.Struct:
		for _, f := range s.fields {
			in := v.Field(f.index)
			if f.omitEmpty && isEmpty(in) || f.omitZero && in.IsZero() {
				continue
			}
			if err := c.value(in, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// flat walks a slice, an array or a map with nothing behind its elements.
func (c *checker) flat(v reflect.Value, s *shape) error {
	if s.holds {
		c.met = true
	}
	if c.room -= v.Len(); c.room < 0 {
		return errTooBig
	}
	return nil
}

// isEmpty reports whether encoding/json omits a field with omitempty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// behind walks what a pointer, a map or a slice refers to, and notices when it
// is behind itself.
func (c *checker) behind(v reflect.Value, depth int) error {
	c.level++
	defer func() { c.level-- }()
	if c.level > cycleLevel {
		r := reference{t: v.Type(), p: v.Pointer()}
		if v.Kind() == reflect.Slice {
			r.n = v.Len()
		}
		if c.seen[r] {
			return fmt.Errorf("%sencountered a cycle via %s", c.prefix, v.Type())
		}
		if c.seen == nil {
			c.seen = map[reference]bool{}
		}
		c.seen[r] = true
		defer delete(c.seen, r)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return c.value(v.Elem(), max(depth, 1))
	case reflect.Slice:
		return c.elements(v, depth)
	default:
		return c.entries(v, depth)
	}
}

func (c *checker) elements(v reflect.Value, depth int) error {
	for i := range v.Len() {
		if err := c.value(v.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) entries(v reflect.Value, depth int) error {
	if v.Type() == commonMapType && v.CanInterface() {
		return c.commonMap(v.Interface().(map[string]any), depth)
	}
	for it := v.MapRange(); it.Next(); {
		if err := c.value(it.Key(), depth+1); err != nil {
			return err
		}
		if err := c.value(it.Value(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// commonMap walks without the copies that reflection makes.
func (c *checker) commonMap(m map[string]any, depth int) error {
	for k, v := range m {
		if c.room -= len(k) + 1; c.room < 0 {
			return errTooBig
		}
		switch v := v.(type) {
		case nil, bool, int, int64, float64:
		case string:
			c.room -= len(v)
		default:
			if err := c.value(reflect.ValueOf(v), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

var commonMapType = reflect.TypeFor[map[string]any]()

// slogValue walks an Attr or a Value, whose String methods print groups with
// fmt.
func (c *checker) slogValue(v any, depth int) error {
	if a, ok := v.(slog.Attr); ok {
		c.room -= len(a.Key)
		v = a.Value
	}
	val := v.(slog.Value)
	switch val.Kind() {
	case slog.KindGroup:
		return c.value(reflect.ValueOf(val.Group()), depth+1)
	case slog.KindString:
		c.room -= len(val.String())
	case slog.KindAny, slog.KindLogValuer:
		if a := val.Any(); a != nil {
			return c.value(reflect.ValueOf(a), depth+1)
		}
	}
	return nil
}
