// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// parse reads one line of a format back, nested as its groups are.
func parse(t testing.TB, kind string, line []byte) map[string]any {
	t.Helper()
	if n := bytes.Count(line, []byte("\n")); n != 1 || line[len(line)-1] != '\n' {
		t.Fatalf("got %d line ends in %.200q, want one at the end", n, line)
	}
	if kind == "json" {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("got %.500q: %v", line, err)
		}
		return m
	}
	root := map[string]any{}
	for s := strings.TrimSuffix(string(line), "\n"); s != ""; s = strings.TrimPrefix(s, " ") {
		var key, value string
		key, s = token(t, s, "=")
		if !strings.HasPrefix(s, "=") {
			t.Fatalf("got no = after %q in %.500q", key, line)
		}
		value, s = token(t, s[1:], " ")
		m := root
		parts := strings.Split(key, ".")
		for _, p := range parts[:len(parts)-1] {
			if m[p] == nil {
				m[p] = map[string]any{}
			}
			m = m[p].(map[string]any)
		}
		m[parts[len(parts)-1]] = value
	}
	return root
}

// token reads what stands before end, unquoted, and returns the rest as well.
func token(t testing.TB, s, end string) (tok, rest string) {
	t.Helper()
	if q, err := strconv.QuotedPrefix(s); err == nil && q[0] == '"' {
		tok, err := strconv.Unquote(q)
		if err != nil {
			t.Fatalf("got %.200q: %v", q, err)
		}
		return tok, s[len(q):]
	}
	i := strings.IndexAny(s, end)
	if i < 0 {
		i = len(s)
	}
	return s[:i], s[i:]
}
