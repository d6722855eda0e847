// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !race

package format_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/format"
)

func TestConsoleAllocatesNothingForPlainKinds(t *testing.T) {
	attrs := []slog.Attr{
		slog.String("s", "a value"), slog.Int("i", 123456), slog.Float64("f", 0.25), slog.Duration("d", 1500*time.Millisecond),
		slog.Group("g", slog.Time("t", time.Now()), slog.Bool("b", true), slog.Group("h", slog.Uint64("u", 1<<63))),
	}
	for _, test := range []struct {
		name    string
		opts    format.ConsoleOptions
		message string
		attrs   []slog.Attr
	}{
		{"message", format.ConsoleOptions{}, "a message with \"quotes\"", nil},
		{"5 attributes", format.ConsoleOptions{}, "a message", attrs},
		{"errors and layout", format.ConsoleOptions{TimeLayout: time.RFC3339}, "é 世", []slog.Attr{slog.Any("e", errors.New("failed badly")), slog.String("error", "x")}},
		{"source", format.ConsoleOptions{AddSource: true}, "a message", attrs[:2]},
	} {
		for _, mode := range []format.ColorMode{format.ColorAlways, format.ColorNever} {
			test.opts.Color = mode
			f := format.Console(&test.opts)
			for _, f := range []format.Format{f, f.WithAttrs(attrs), f.WithGroup("g").WithAttrs(attrs).WithGroup("h")} {
				buf := make([]byte, 0, 8<<10)
				r := slog.NewRecord(time.Now(), slog.LevelInfo+1, test.message, pcs[2])
				r.AddAttrs(test.attrs...)
				if got := testing.AllocsPerRun(100, func() { buf, _ = f.AppendRecord(buf[:0], r, attrs[:1]) }); got != 0 {
					t.Errorf("%s: got %v allocations, want 0", test.name, got)
				}
			}
		}
	}
}
