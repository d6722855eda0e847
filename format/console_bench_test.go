// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/format"
)

// BenchmarkConsole measures the console, and Text beside it, which writes the
// same attributes.
func BenchmarkConsole(b *testing.B) {
	three := []slog.Attr{slog.String("user", "anna.karenina"), slog.Int("status", 200), slog.Duration("took", 12*time.Millisecond)}
	for _, test := range []struct {
		name  string
		attrs []slog.Attr
	}{
		{"message", nil},
		{"3 attrs", three},
		{"error", []slog.Attr{slog.Any("err", errors.New("connection reset by peer"))}},
	} {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "request handled in time", pcs[2])
		r.AddAttrs(test.attrs...)
		for _, f := range []struct {
			name string
			f    format.Format
		}{
			{"colored", format.Console(&format.ConsoleOptions{Color: format.ColorAlways})},
			{"plain", format.Console(&format.ConsoleOptions{Color: format.ColorNever})},
			{"source", format.Console(&format.ConsoleOptions{Color: format.ColorAlways, AddSource: true})},
			{"text", format.Text(nil)},
		} {
			b.Run(test.name+"/"+f.name, func(b *testing.B) {
				b.ReportAllocs()
				buf := make([]byte, 0, 4<<10)
				for b.Loop() {
					buf, _ = f.f.AppendRecord(buf[:0], r, nil)
				}
				b.SetBytes(int64(len(buf)))
			})
		}
	}
}
