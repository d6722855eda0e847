// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
)

// errBench is the error that benchmarks log.
var errBench = errors.New("connection reset by peer")

// benchCalls are what is measured: log calls, as programs make them.
var benchCalls = []struct {
	name   string
	derive func(*slog.Logger) *slog.Logger // nil for none
	log    func(context.Context, *slog.Logger)
}{
	{"message", nil, func(ctx context.Context, l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelInfo, "request served")
	}},
	{"attrs=3", nil, func(ctx context.Context, l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelInfo, "request served",
			slog.String("method", "GET"), slog.Int("status", 200), slog.Duration("took", 1250*time.Microsecond))
	}},
	{"attrs=10", nil, func(ctx context.Context, l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelInfo, "request served",
			slog.String("method", "GET"), slog.String("path", "/api/v1/orders"), slog.Int("status", 200),
			slog.Duration("took", 1250*time.Microsecond), slog.Bool("cached", false), slog.Float64("load", 0.73),
			slog.Time("since", testTime), slog.Uint64("bytes", 18732), slog.Any("err", errBench),
			slog.Group("peer", slog.String("host", "192.0.2.17"), slog.Int("port", 48122)))
	}},
	{"with=5+2", func(l *slog.Logger) *slog.Logger {
		return l.With("service", "checkout", "region", "eu-west", "version", "4.2.1", "pid", 4711, "request", "9f0c1a7be3d25846")
	}, func(ctx context.Context, l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.Int("status", 200), slog.Duration("took", 1250*time.Microsecond))
	}},
	{"disabled", nil, func(ctx context.Context, l *slog.Logger) {
		l.LogAttrs(ctx, slog.LevelDebug, "request served", slog.Int("status", 200))
	}},
}

// measure runs a benchmark over call. What the destinations lost on the way is
// part of the result: a fast log call that drops records is no success.
func measure(b *testing.B, h slog.Handler, call func(context.Context, *slog.Logger), derive func(*slog.Logger) *slog.Logger, parallel bool) {
	b.Helper()
	b.ReportAllocs()
	ctx := context.Background()
	log := slog.New(h)
	if derive != nil {
		log = derive(log)
	}
	if parallel {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call(ctx, log)
			}
		})
	} else {
		for b.Loop() {
			call(ctx, log)
		}
	}
	if h, ok := h.(*hydra.Handler); ok {
		b.StopTimer()
		if err := h.Close(ctx); err != nil {
			b.Fatal(err)
		}
		lost, offered := uint64(0), uint64(0)
		for _, d := range h.Health().Destinations {
			lost += d.Dropped + d.Rejected + d.Fallback
			offered += d.Offered
		}
		b.ReportMetric(100*float64(lost)/float64(max(offered, 1)), "%lost")
	}
}

// benchTargets are where the records go.
var benchTargets = []struct {
	name string
	open func(*testing.B) io.Writer
}{
	{"nowhere", func(*testing.B) io.Writer { return &discard{} }},
	{"file", func(b *testing.B) io.Writer {
		f, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = f.Close() })
		return f
	}},
}

// compared runs every call against every target.
func compared(b *testing.B, handler func(io.Writer, *slog.HandlerOptions) slog.Handler) {
	for _, target := range benchTargets {
		for _, c := range benchCalls {
			b.Run(target.name+"/"+c.name, func(b *testing.B) {
				measure(b, handler(target.open(b), nil), c.log, c.derive, false)
			})
		}
		three := benchCalls[1]
		b.Run(target.name+"/source", func(b *testing.B) {
			measure(b, handler(target.open(b), &slog.HandlerOptions{AddSource: true}), three.log, nil, false)
		})
		b.Run(target.name+"/parallel", func(b *testing.B) {
			measure(b, handler(target.open(b), nil), three.log, nil, true)
		})
	}
}

func BenchmarkHandler(b *testing.B) {
	compared(b, func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
		d := hydra.Destination{Sink: hydra.Writer(w)}
		if o != nil {
			d.Format = format.JSON(&format.Options{AddSource: o.AddSource})
		}
		return quietly(d)
	})
}

// quietly returns a handler whose news does not get in between the results.
func quietly(d ...hydra.Destination) *hydra.Handler {
	return hydra.NewHandler(hydra.Config{
		Fallback: io.Discard,
		Layers:   map[string]hydra.Layer{"default": {Destinations: d}},
	})
}

// BenchmarkSlogJSON is the same work by slog's own handler, which writes to its
// target before the call returns.
func BenchmarkSlogJSON(b *testing.B) {
	compared(b, func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) })
}

// BenchmarkFloor is what slog.Logger costs with a handler that does nothing: no
// handler can be faster.
func BenchmarkFloor(b *testing.B) {
	for _, c := range benchCalls {
		b.Run(c.name, func(b *testing.B) { measure(b, idle{}, c.log, c.derive, false) })
	}
	b.Run("parallel", func(b *testing.B) { measure(b, idle{}, benchCalls[1].log, nil, true) })
}

// idle takes what slog.LevelInfo takes and does nothing.
type idle struct{}

func (idle) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (idle) Handle(context.Context, slog.Record) error    { return nil }
func (i idle) WithAttrs([]slog.Attr) slog.Handler         { return i }
func (i idle) WithGroup(string) slog.Handler              { return i }

// BenchmarkHandlerLayers is what several destinations cost, and finding the layer.
func BenchmarkHandlerLayers(b *testing.B) {
	sink := func(f format.Format) hydra.Destination {
		return hydra.Destination{Sink: hydra.Writer(&discard{}), Format: f}
	}
	layers := func(d ...hydra.Destination) hydra.Config {
		return hydra.Config{Fallback: io.Discard, Layers: map[string]hydra.Layer{"default": {Destinations: d}}}
	}
	routed := layers(sink(nil))
	routed.Layers["db"] = hydra.Layer{Match: map[string]string{"component": "sql"}, Destinations: []hydra.Destination{sink(nil)}}
	three := benchCalls[1].log
	tests := []struct {
		name   string
		cfg    hydra.Config
		derive func(*slog.Logger) *slog.Logger
		log    func(context.Context, *slog.Logger)
	}{
		{"destinations=1", layers(sink(nil)), nil, three},
		{"destinations=2/formats=1", layers(sink(nil), sink(nil)), nil, three},
		{"destinations=2/formats=2", layers(sink(nil), sink(format.Text(nil))), nil, three},
		{"layers/default", routed, nil, three},
		{"layers/by group", routed, func(l *slog.Logger) *slog.Logger { return l.WithGroup("db") }, three},
		{"layers/by attribute", routed, nil, func(ctx context.Context, l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "request served",
				slog.String("layer", "db"), slog.Int("status", 200), slog.Duration("took", 1250*time.Microsecond))
		}},
		{"layers/by match", routed, nil, func(ctx context.Context, l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "request served",
				slog.String("component", "sql"), slog.Int("status", 200), slog.Duration("took", 1250*time.Microsecond))
		}},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) { measure(b, hydra.NewHandler(tt.cfg), tt.log, tt.derive, false) })
	}
	b.Run("context", func(b *testing.B) {
		ctx := hydra.With(context.Background(), slog.String("request", "9f0c1a7be3d25846"))
		measure(b, quietly(sink(nil)), func(_ context.Context, l *slog.Logger) { three(ctx, l) }, nil, false)
	})
}
