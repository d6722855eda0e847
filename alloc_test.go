// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !race

package hydra_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
)

// A log call allocates nothing of its own, however many records go by: what a
// caller pays is the copying.
func TestLogCallsDoNotAllocate(t *testing.T) {
	ctx := context.Background()
	when := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	scoped := hydra.With(ctx, slog.String("request", "r1"))
	text := "text"
	calls := []struct {
		name string
		log  func(*slog.Logger)
	}{
		{"message", func(l *slog.Logger) { l.Info("message") }},
		{"constants", func(l *slog.Logger) { l.Info("message", "a", "b", "c", 7, "d", true) }},
		{"five attributes", func(l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "message", slog.String("s", text), slog.Int("i", 1<<30), slog.Float64("f", 1.5),
				slog.Bool("b", true), slog.Duration("d", time.Second))
		}},
		{"other kinds", func(l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "message", slog.Uint64("u", 1<<60), slog.Time("t", when), slog.Int64("i", -1))
		}},
		{"context", func(l *slog.Logger) {
			l.LogAttrs(scoped, slog.LevelInfo, "message", slog.String("s", text))
		}},
		{"layer of the record", func(l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "message", slog.String("s", text), slog.String("layer", "db"))
		}},
		{"unknown layer", func(l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "message", slog.String("layer", "bd"))
		}},
		{"match rule", func(l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "message", slog.String("component", "sql"))
		}},
		{"disabled", func(l *slog.Logger) { l.Debug("message", "a", "b") }},
	}
	derived := []struct {
		name   string
		derive func(*slog.Logger) *slog.Logger
	}{
		{"plain", func(l *slog.Logger) *slog.Logger { return l }},
		{"with", func(l *slog.Logger) *slog.Logger { return l.With("a", 1, "b", "text", "c", when) }},
		{"group", func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("db").With("b", 2) }},
	}
	layers := hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{
			{Sink: hydra.Writer(io.Discard)}, {Sink: hydra.Writer(&kept{}), Format: format.Text(nil), Level: slog.LevelError},
		}},
		"db": {Match: map[string]string{"component": "sql"}, Destinations: []hydra.Destination{{Sink: hydra.Writer(&discard{}), Format: format.Text(nil)}}},
		"*":  {Level: slog.LevelError, Destinations: to(hydra.Writer(&kept{}))},
	}}
	handlers := []struct {
		name string
		new  func() *hydra.Handler
	}{
		{"json", func() *hydra.Handler { return hydra.NewJSONHandler(io.Discard, nil) }},
		{"text", func() *hydra.Handler { return hydra.NewTextHandler(io.Discard, nil) }},
		{"source", func() *hydra.Handler {
			return hydra.NewJSONHandler(io.Discard, &slog.HandlerOptions{AddSource: true})
		}},
		{"layers", func() *hydra.Handler { return hydra.NewHandler(layers) }},
	}
	for _, hh := range handlers {
		for _, d := range derived {
			h := closed(t, hh.new())
			log := d.derive(slog.New(h))
			for _, c := range calls {
				t.Run(hh.name+"/"+d.name+"/"+c.name, func(t *testing.T) {
					for range 100 {
						c.log(log) // warm: buffers, the source, the writer's own
					}
					flushed(t, h)
					if got := testing.AllocsPerRun(200, func() { c.log(log) }); got != 0 {
						t.Errorf("got %v allocations, want 0", got)
					}
				})
			}
		}
	}
}
