// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding/json"
	"log/slog"
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
	}
	if err, ok := v.(error); ok {
		if _, ok := v.(json.Marshaler); !ok {
			e.appendString(err.Error())
			return nil
		}
	}
	if err := checkJSON(v, e.opts.MaxRecord); err != nil {
		return err
	}
	return e.marshal(v)
}

// marshal appends what encoding/json makes of v.
func (e *encoder) marshal(v any) error {
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
