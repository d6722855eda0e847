// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
)

// errTooDeep: a value is nested so deeply that encoding/json has to see it,
// which knows cycles.
var errTooDeep = errors.New("hydra: value too deep")

// appendJSONBuiltin appends a value of one of the usual built-in types as
// encoding/json does, and leaves other types to it. Every step makes the record
// longer, so even a value without end ends at the limit, or here.
func (e *encoder) appendJSONBuiltin(v any, depth int) error {
	const deep = 100
	if depth > deep {
		return errTooDeep
	}
	var err error
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "null"...)
	case string:
		err = e.appendJSONString(v)
	case bool:
		e.buf = strconv.AppendBool(e.buf, v)
	case int:
		e.buf = appendInt(e.buf, v)
	case int64:
		e.buf = appendInt(e.buf, v)
	case float64:
		e.buf, err = appendJSONFloat(e.buf, v)
	case []byte:
		err = e.appendBase64(v)
	case []string:
		err = e.appendJSONStrings(v)
	case []int:
		err = e.appendJSONInts(v)
	case []any:
		err = e.appendJSONSlice(v, depth+1)
	case map[string]any:
		err = appendJSONMap(e, v, depth+1)
	case map[string]string:
		err = appendJSONMap(e, v, depth+1)
	default:
		err = e.appendMarshaled(v)
	}
	if err == nil && len(e.buf) > e.limit {
		err = errTooBig
	}
	return err
}

// appendJSONString appends s as encoding/json does.
func (e *encoder) appendJSONString(s string) error {
	if len(s) > e.limit-len(e.buf) {
		return errTooBig
	}
	e.buf = appendJSONText(e.buf, s, true)
	if len(e.buf) > e.limit {
		return errTooBig
	}
	return nil
}

func (e *encoder) appendBase64(p []byte) error {
	if p == nil {
		e.buf = append(e.buf, "null"...)
		return nil
	}
	if base64.StdEncoding.EncodedLen(len(p)) > e.limit-len(e.buf) {
		return errTooBig
	}
	e.buf = append(base64.StdEncoding.AppendEncode(append(e.buf, '"'), p), '"')
	return nil
}

func (e *encoder) appendJSONStrings(s []string) error {
	return e.appendPut(func(b []byte, need *int) ([]byte, error) {
		b, ok := putJSONStrings(b, s)
		if ok {
			return b, nil
		}
		*need = len(b)
		for i := 0; i < len(s) && *need <= e.limit; i++ {
			*need += len(s[i]) + len(`"",`)
		}
		return b, errTooBig
	})
}

func (e *encoder) appendJSONInts(s []int) error {
	if s == nil {
		e.buf = append(e.buf, "null"...)
		return nil
	}
	if len(s) > e.limit-len(e.buf) {
		return errTooBig
	}
	e.buf = append(e.buf, '[')
	for i, elem := range s {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = appendInt(e.buf, elem)
	}
	e.buf = append(e.buf, ']')
	return nil
}

func (e *encoder) appendJSONSlice(s []any, depth int) error {
	if s == nil {
		e.buf = append(e.buf, "null"...)
		return nil
	}
	e.buf = append(e.buf, '[')
	for i, elem := range s {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := e.appendJSONBuiltin(elem, depth); err != nil {
			return err
		}
	}
	e.buf = append(e.buf, ']')
	return nil
}

// appendJSONMap appends a map of strings, which it does not put into interfaces that
// allocate, or of anything.
func appendJSONMap[T any](e *encoder, m map[string]T, depth int) error {
	if m == nil {
		e.buf = append(e.buf, "null"...)
		return nil
	}
	if len(m) > e.limit-len(e.buf) {
		return errTooBig
	}
	e.buf = append(e.buf, '{')
	x := e.scratch()
	outer := len(x.keys)
	for i, n := outer, sortKeys(x, m); i < n; i++ {
		if err := e.appendJSONKey(x.keys[i], i == outer); err != nil {
			return err
		}
		var err error
		v := m[x.keys[i]]
		if s, ok := any(v).(string); ok {
			err = e.appendJSONString(s)
		} else {
			err = e.appendJSONBuiltin(v, depth)
		}
		if err != nil {
			return err
		}
	}
	x.dropKeys(outer)
	e.buf = append(e.buf, '}')
	return nil
}

func (e *encoder) appendJSONKey(key string, first bool) error {
	if !first {
		e.buf = append(e.buf, ',')
	}
	if err := e.appendJSONString(key); err != nil {
		return err
	}
	e.buf = append(e.buf, ':')
	return nil
}

// sortKeys puts the keys of m on top of x.keys, in order, and returns where
// they end.
func sortKeys[T any](x *scratch, m map[string]T) int {
	outer := len(x.keys)
	for k := range m {
		x.keys = append(x.keys, k)
	}
	slices.Sort(x.keys[outer:])
	return len(x.keys)
}

// dropKeys takes keys from the top of x.keys until n are left. What a map's
// keys refer to must not live as long as x.
func (x *scratch) dropKeys(n int) {
	clear(x.keys[n:])
	x.keys = x.keys[:n]
}
