// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
)

// appendValue appends a value that is neither a group nor a LogValuer.
func (e *encoder) appendValue(v slog.Value) { e.appendKind(v, v.Kind()) }

// appendKind is appendValue for those who know v's kind.
func (e *encoder) appendKind(v slog.Value, kind slog.Kind) {
	switch kind {
	case slog.KindString:
		e.appendString(v.String())
	case slog.KindInt64:
		e.buf = appendInt(e.buf, v.Int64())
	case slog.KindUint64:
		e.buf = appendUint(e.buf, v.Uint64())
	case slog.KindBool:
		e.buf = strconv.AppendBool(e.buf, v.Bool())
	case slog.KindFloat64:
		e.appendFloat(v.Float64())
	case slog.KindDuration:
		e.appendDuration(v.Duration())
	case slog.KindTime:
		if e.json {
			e.appendJSONTime(v.Time())
		} else {
			e.buf = appendMillis(e.buf, v.Time())
		}
	default:
		e.appendAny(v.Any())
	}
}

func (e *encoder) appendFloat(f float64) {
	if !e.json {
		e.buf = strconv.AppendFloat(e.buf, f, 'g', -1, 64)
		return
	}
	var err error
	if e.buf, err = appendJSONFloat(e.buf, f); err != nil {
		e.appendError(err)
	}
}

func (e *encoder) appendDuration(d time.Duration) {
	if e.json {
		e.buf = appendInt(e.buf, int64(d))
	} else {
		e.buf = append(e.buf, d.String()...)
	}
}

func (e *encoder) appendJSONTime(t time.Time) {
	b, ok := appendNano(append(e.buf, '"'), t)
	if !ok {
		e.flaws |= Failed
		b = append(b, yearError...)
	}
	e.buf = append(b, '"')
}

// yearError stands in the place of a time that encoding/json refuses.
const yearError = "!ERROR:time.Time year outside of range [0,9999]"

// appendAny appends a value of a type that slog does not know. Its methods may
// do what they like.
func (e *encoder) appendAny(v any) {
	pos := len(e.buf)
	defer func() {
		if p := recover(); p != nil {
			e.buf = e.buf[:pos]
			e.appendPanic(v, p)
		}
	}()
	var err error
	if e.json {
		err = e.appendJSONAny(v)
	} else {
		err = e.appendTextAny(v)
	}
	switch {
	case err == errTooBig:
		e.tooBig = true
	case err != nil:
		e.buf = e.buf[:pos]
		e.appendError(err)
	}
}

// appendError puts err in the place of a value.
func (e *encoder) appendError(err error) {
	e.flaws |= Failed
	e.appendString(fmt.Sprintf("!ERROR:%v", err))
}

// appendPanic puts a panic in the place of the value whose method panicked. A
// nil pointer most likely came from a method that does not expect one.
func (e *encoder) appendPanic(v, p any) {
	if isNilPointer(v) {
		e.appendString("<nil>")
		return
	}
	e.flaws |= Failed
	e.appendString(panicText(p))
}

func isNilPointer(v any) bool {
	rv := reflect.ValueOf(v)
	return rv.Kind() == reflect.Pointer && rv.IsNil()
}

// panicText says what was panicked with, or of which type it is when that cannot
// be printed.
func panicText(p any) (text string) {
	own := &errs.Panic{Value: p}
	text = "!PANIC: " + strings.TrimPrefix(own.Error(), "panic: ")
	switch p.(type) {
	case error, fmt.Stringer, fmt.Formatter:
		return text // told, or its type if their methods panic
	}
	if _, err := checkText(p, DefaultMaxRecord); err != nil {
		return text
	}
	defer func() { _ = recover() }()
	out := printer{buf: []byte("!PANIC: "), max: DefaultMaxRecord}
	out.operand(p)
	return string(out.buf)
}
