// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/format"
)

func BenchmarkJSON(b *testing.B) { benchmark(b, 0) }

func BenchmarkText(b *testing.B) { benchmark(b, 1) }

// benchmark measures a format as log calls use it, and beside it the handler of slog whose bytes it
// writes, which does the same and calls an io.Writer that discards.
func benchmark(b *testing.B, kind int) {
	three := []slog.Attr{slog.String("user", "anna.karenina"), slog.Int("status", 200), slog.Duration("took", 12*time.Millisecond)}
	ten := append(three,
		slog.Any("err", errors.New("connection reset by peer")), slog.Float64("ratio", 0.7321), slog.Bool("cached", false), slog.Time("at", time.Now()),
		slog.Group("req", slog.String("method", "GET"), slog.String("path", "/api/v1/users?id=7")), slog.Any("tags", []string{"a", "b"}),
		slog.Any("point", struct{ X, Y int }{1, 2}))
	with := []slog.Attr{slog.String("service", "checkout"), slog.String("version", "1.2.3"), slog.Int("pid", 4711), slog.String("host", "node-17"), slog.Bool("canary", true)}
	for _, test := range []struct {
		name  string
		with  []slog.Attr
		attrs []slog.Attr
		opts  format.Options
	}{
		{name: "message"},
		{name: "3 attrs", attrs: three},
		{name: "10 mixed", attrs: ten},
		{name: "with 5 and 2", with: with, attrs: three[:2]},
		{name: "source", opts: format.Options{AddSource: true}},
		{name: "replace", attrs: three, opts: format.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }}},
		{name: "error", attrs: ten[3:4]},
		{name: "strings", attrs: ten[8:9]},
		{name: "struct", attrs: ten[9:10]},
		{name: "map", attrs: []slog.Attr{slog.Any("m", map[string]any{"user": "anna", "id": 7, "roles": []string{"a", "b"}})}},
	} {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "request handled in time", pcs[2])
		r.AddAttrs(test.attrs...)
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			f := kinds[kind].new(&test.opts).WithAttrs(test.with)
			n := 0
			for b.Loop() {
				var l format.Line
				line, _ := l.Encode(f, &r, nil)
				n = len(line)
				l.Free()
			}
			b.SetBytes(int64(n))
		})
		b.Run(test.name+"/slog", func(b *testing.B) {
			b.ReportAllocs()
			h := kinds[kind].slog(io.Discard, &slog.HandlerOptions{AddSource: test.opts.AddSource, ReplaceAttr: test.opts.ReplaceAttr}).WithAttrs(test.with)
			for b.Loop() {
				_ = h.Handle(b.Context(), r)
			}
		})
	}
}
