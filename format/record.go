// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"math"
	"reflect"
	"strings"
	"time"
	"unsafe"
)

// record, attr and value are slog's Record, Attr and Value with names for what has none
// outside of slog. Record.Attrs copies the record, 288 bytes, and then each attribute,
// and what a log call stores next waits for these; each question to a Value looks for its
// kind anew. To read them in their place makes a call with three attributes 10 % cheaper.
//
// Review note on unsafe: slog's are read as these only if inPlace, which the start of the
// program finds out by reflection, and by looking at a value of each kind. What a future
// slog lays out otherwise is asked for as anybody would, which is slower.
type (
	record struct {
		time    time.Time
		message string
		level   slog.Level
		pc      uintptr
		front   [5]attr
		nFront  int
		back    []attr
	}
	attr struct {
		key   string
		value value
	}
	value struct {
		_   [0]func()
		num uint64 // a number, or how long a text is
		any any    // a slog.Kind, for numbers; for a text, what textType says and where it is
	}
)

var inPlace = alike(reflect.TypeFor[slog.Record](), reflect.TypeFor[record]()) && valuesAreAsExpected()

// textType is what the type of any is for a text; nil if not inPlace, when a Value may
// have no word there.
var textType = func() unsafe.Pointer {
	if !inPlace {
		return nil
	}
	return inside(slog.StringValue("")).words()[0]
}()

// alike reports whether values of two types lie in memory in the same way: as the same
// type, or as structs with fields of the same names, in capitals or not.
func alike(a, b reflect.Type) bool {
	switch {
	case a == b:
		return true
	case a.Kind() != b.Kind() || a.Size() != b.Size():
		return false
	case a.Kind() == reflect.Array, a.Kind() == reflect.Slice:
		return alike(a.Elem(), b.Elem()) // of the same number, as the size is the same
	case a.Kind() != reflect.Struct || a.NumField() != b.NumField():
		return false
	}
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		if !strings.EqualFold(x.Name, y.Name) || x.Offset != y.Offset || !alike(x.Type, y.Type) {
			return false
		}
	}
	return true
}

// valuesAreAsExpected reports whether slog puts into a value what the methods of value
// expect there.
func valuesAreAsExpected() bool {
	for _, is := range []struct {
		v    slog.Value
		kind slog.Kind
		num  uint64
	}{
		{slog.Int64Value(-2), slog.KindInt64, math.MaxUint64 - 1},
		{slog.Uint64Value(3), slog.KindUint64, 3},
		{slog.BoolValue(true), slog.KindBool, 1},
		{slog.BoolValue(false), slog.KindBool, 0},
		{slog.DurationValue(-2), slog.KindDuration, math.MaxUint64 - 1},
		{slog.Float64Value(0.5), slog.KindFloat64, math.Float64bits(0.5)},
	} {
		if v := inside(is.v); v.any != any(is.kind) || v.num != is.num {
			return false
		}
	}
	text := "text"
	v := inside(slog.StringValue(text))
	return v.num == uint64(len(text)) && v.words()[1] == unsafe.Pointer(unsafe.StringData(text))
}

// inside returns a copy of v, to be read in place.
func inside(v slog.Value) *value { return (*value)(unsafe.Pointer(&v)) }

// words returns the two words of v.any: what it is and where.
func (v *value) words() *[2]unsafe.Pointer { return (*[2]unsafe.Pointer)(unsafe.Pointer(&v.any)) }

// kind is slog's Kind.
func (v *value) kind() slog.Kind {
	if k, ok := v.any.(slog.Kind); ok {
		return k
	}
	if v.words()[0] == textType {
		return slog.KindString
	}
	return v.slog().Kind()
}

// text returns a value of slog.KindString.
func (v *value) text() string { return unsafe.String((*byte)(v.words()[1]), v.num) }

func (v *value) slog() *slog.Value { return (*slog.Value)(unsafe.Pointer(v)) }

// attrsOf returns the attributes of r, first those in front.
func attrsOf(r *slog.Record) (front, back []attr) {
	in := (*record)(unsafe.Pointer(r))
	return in.front[:in.nFront], in.back
}

// attrsIn returns attrs, to be read in place.
func attrsIn(attrs []slog.Attr) []attr {
	return unsafe.Slice((*attr)(unsafe.Pointer(unsafe.SliceData(attrs))), len(attrs))
}

func (a *attr) slog() slog.Attr { return *(*slog.Attr)(unsafe.Pointer(a)) }
