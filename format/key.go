// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

// appendKey appends the separator that is due, key with the prefix of its
// groups, and what separates it from its value.
func (e *encoder) appendKey(key string) {
	if e.sep != 0 {
		e.buf = append(e.buf, e.sep)
	}
	e.sep = e.comma()
	if e.json {
		e.buf = append(e.buf, '"')
		e.buf = appendEscaped(e.buf, e.prefix, false)
		e.buf = appendEscaped(e.buf, key, false)
		e.buf = append(e.buf, '"', ':')
		return
	}
	if needsQuoting(key) || len(e.prefix) > 0 && needsQuoting(e.prefix) {
		e.buf = append(e.buf, '"')
		e.buf = appendQuoted(e.buf, string(e.prefix)+key)
		e.buf = append(e.buf, '"', '=')
		return
	}
	e.buf = append(e.buf, e.prefix...)
	e.buf = append(e.buf, key...)
	e.buf = append(e.buf, '=')
}
