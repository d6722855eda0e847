// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"bytes"
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
)

// appendTextAny appends v as its MarshalText says, bytes as a string, and
// everything else as fmt's %+v.
func (e *encoder) appendTextAny(v any) error {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "<nil>"...)
		return nil
	case slog.Level:
		e.buf = appendLevel(e.buf, v)
		return nil
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err != nil {
			return err
		}
		appendText(e, text)
		return nil
	case []byte:
		appendBounded(e, v, true, appendQuoted[[]byte])
		return nil
	}
	if t := reflect.TypeOf(v); t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		appendBounded(e, reflect.ValueOf(v).Bytes(), true, appendQuoted[[]byte])
		return nil
	}
	if err := checkText(v, e.opts.MaxRecord); err != nil {
		return err
	}
	x := e.scratch()
	x.text = fmt.Appendf(x.text[:0], "%+v", v)
	if bytes.Contains(x.text, caught) {
		e.flaws |= Failed
	}
	appendText(e, x.text)
	return nil
}

// caught is how fmt shows the panic of a method that it called.
var caught = []byte("(PANIC=")
