// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

// appendKey appends the separator that is due, key, in text with the prefix of its
// groups, and what separates it from its value.
func (e *encoder) appendKey(key string) {
	b := e.buf
	if e.sep != 0 {
		b = append(b, e.sep)
	}
	e.sep = e.comma()
	if e.json {
		e.buf = append(appendJSONText(b, key, false), ':')
		return
	}
	if quotes(e, key) || len(e.prefix) > 0 && quotes(e, e.prefix) {
		b = append(b, '"')
		b = appendQuoted(b, string(e.prefix)+key)
		e.buf = append(b, '"', '=')
		return
	}
	b = append(b, e.prefix...)
	b = append(b, key...)
	e.buf = append(b, '=')
}
