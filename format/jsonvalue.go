// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding/json"
	"log/slog"
	"reflect"
)

// appendJSONAny appends v as encoding/json does, except that an error is its
// message.
func (e *encoder) appendJSONAny(v any) error {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "null"...)
		return nil
	case slog.Level:
		e.buf = append(e.buf, '"')
		e.buf = append(appendLevel(e.buf, v), '"')
		return nil
	case []byte, []string, []int, []any, map[string]any, map[string]string:
		pos := len(e.buf)
		err := e.appendJSONBuiltin(v, 0)
		if err != errTooDeep {
			return err
		}
		e.buf = e.buf[:pos]
	}
	if err, ok := v.(error); ok {
		if _, ok := v.(json.Marshaler); !ok {
			e.appendString(err.Error())
			return nil
		}
	}
	return e.appendMarshaled(v)
}

// appendMarshaled appends what encoding/json makes of v.
func (e *encoder) appendMarshaled(v any) error {
	if p := planOf(reflect.TypeOf(v)); p != nil {
		return e.appendPlanned(reflect.ValueOf(v), p)
	}
	if err := checkJSON(v, e.opts.MaxRecord); err != nil {
		return err
	}
	x := e.scratch()
	x.json.Reset()
	if err := x.enc.Encode(v); err != nil {
		return err
	}
	out := x.json.Bytes()
	out = out[:len(out)-1] // the encoder ends with a newline
	if len(out) > e.limit-len(e.buf) {
		return errTooBig
	}
	e.buf = append(e.buf, out...)
	return nil
}
