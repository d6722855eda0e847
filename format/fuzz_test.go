// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"context"
	"log/slog"
	"testing"
)

// FuzzJSON makes a logger and records out of bytes and compares what slog's
// JSONHandler and JSON write.
func FuzzJSON(f *testing.F) { fuzz(f, 0) }

// FuzzText does so with slog's TextHandler and Text.
func FuzzText(f *testing.F) { fuzz(f, 1) }

func fuzz(f *testing.F, kind int) {
	for _, seed := range []string{
		"", "\x00", "\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f",
		"\x07\x03abc\x02de\x09\x08\x07\x06\x05\x04\x03\x02\x01\xff\xfe\xfd",
		"the quick brown fox jumps over the lazy dog, and back again, and again",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &gen{data: data}
		want, got, compare := pair(t, kind, g.options())
		for range g.n(4) {
			if name := g.text(); g.bool() && name != "" {
				want, got = want.WithGroup(name), got.WithGroup(name)
			} else {
				attrs := g.attrs(0, 4)
				want, got = want.WithAttrs(attrs), got.WithAttrs(attrs)
			}
		}
		for range 1 + g.n(3) {
			r := slog.NewRecord(g.time(), g.level(), g.text(), g.pc())
			r.AddAttrs(g.attrs(0, 9)...)
			if err := want.Handle(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			if err := got.Handle(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			compare("record")
		}
	})
}
