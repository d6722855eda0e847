// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package peek reads slog's records where they are. slog.Record.Attrs copies the record,
// 288 bytes, and then each attribute, and what a log call stores next waits for these;
// each question to a slog.Value looks for its kind anew. Without these detours a log call
// with three attributes is 10 % cheaper.
//
// Review note on unsafe: records and values are read in place only if this package finds,
// when the program starts, that they are laid out as record and Value are (by
// reflection), and that slog puts into a Value what the methods of Value expect (by
// looking at one of each kind). Where a future slog does otherwise this package asks
// slog as anybody would, which is slower.
package peek

import (
	"log/slog"
	"math"
	"reflect"
	"strings"
	"time"
	"unsafe"
)

// record is a slog.Record with names for what has none outside of slog.
type record struct {
	time    time.Time
	message string
	level   slog.Level
	pc      uintptr
	front   [5]slog.Attr
	nFront  int
	back    []slog.Attr
}

// Value is a slog.Value.
type Value struct {
	_   [0]func()
	num uint64 // a number, or how long a text is
	any any    // a slog.Kind, for numbers; for a text, its type is textType, and it is where the text is
}

var (
	recordsAlike = alike(reflect.TypeFor[slog.Record](), reflect.TypeFor[record]())
	valuesAlike  = alike(reflect.TypeFor[slog.Value](), reflect.TypeFor[Value]()) && valuesAsExpected()
	textType     unsafe.Pointer // set by valuesAsExpected
)

// alike reports whether two structs have fields of the same types in the same places,
// and of the same names but for case.
func alike(a, b reflect.Type) bool {
	if a.NumField() != b.NumField() || a.Size() != b.Size() {
		return false
	}
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		if !strings.EqualFold(x.Name, y.Name) || x.Type != y.Type || x.Offset != y.Offset {
			return false
		}
	}
	return true
}

// valuesAsExpected reports whether slog puts into its values what the methods of Value
// expect there.
func valuesAsExpected() bool {
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
		if v := At(&is.v); v.any != any(is.kind) || v.num != is.num {
			return false
		}
	}
	text := "text"
	is := slog.StringValue(text)
	v := At(&is)
	textType = v.words()[0]
	return v.num == uint64(len(text)) && v.words()[1] == unsafe.Pointer(unsafe.StringData(text))
}

// Attrs returns the attributes of r, those in front and those in back of them. They are
// the record's own, to be read only. It allocates nothing, unless slog is not what this
// package expects.
func Attrs(r *slog.Record) (front, back []slog.Attr) {
	if recordsAlike {
		in := (*record)(unsafe.Pointer(r))
		return in.front[:in.nFront], in.back
	}
	return askedAttrs(r), nil
}

func askedAttrs(r *slog.Record) (attrs []slog.Attr) {
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	return attrs
}

// At returns v.
func At(v *slog.Value) *Value { return (*Value)(unsafe.Pointer(v)) }

// Slog returns v.
func (v *Value) Slog() *slog.Value { return (*slog.Value)(unsafe.Pointer(v)) }

// Kind is that of slog.Value.
func (v *Value) Kind() slog.Kind {
	if valuesAlike {
		if k, ok := v.any.(slog.Kind); ok {
			return k
		}
		if v.words()[0] == textType {
			return slog.KindString
		}
	}
	return v.Slog().Kind()
}

// words returns the two words of v.any: what it is, and where.
func (v *Value) words() *[2]unsafe.Pointer { return (*[2]unsafe.Pointer)(unsafe.Pointer(&v.any)) }

// Text returns a value of slog.KindString.
func (v *Value) Text() string {
	if valuesAlike {
		return unsafe.String((*byte)(v.words()[1]), v.num)
	}
	return v.Slog().String()
}

// Num returns the bits of a value that is a number or a bool.
func (v *Value) Num() uint64 {
	if valuesAlike {
		return v.num
	}
	return v.askedNum()
}

func (v *Value) askedNum() uint64 {
	switch v := v.Slog(); v.Kind() {
	case slog.KindInt64:
		return uint64(v.Int64())
	case slog.KindDuration:
		return uint64(v.Duration())
	case slog.KindFloat64:
		return math.Float64bits(v.Float64())
	case slog.KindBool:
		if v.Bool() {
			return 1
		}
		return 0
	default:
		return v.Uint64()
	}
}
