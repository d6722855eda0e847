// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// valuer is a LogValuer of one function.
type valuer func() slog.Value

func (v valuer) LogValue() slog.Value { return v() }

// marshaler is a json.Marshaler and more of one function.
type marshaler func() ([]byte, error)

func (m marshaler) MarshalJSON() ([]byte, error) { return m() }
func (m marshaler) MarshalText() ([]byte, error) { return m() }

func TestFault50And51And54And56And57BadRecordsHarmNobody(t *testing.T) {
	million := make([]slog.Attr, 1_000_000)
	for i := range million {
		million[i] = slog.Int("i", i)
	}
	ring := map[string]any{}
	ring["self"] = ring
	var endless func() slog.Value
	endless = func() slog.Value { return slog.AnyValue(valuer(endless)) }
	tests := []struct {
		name string
		log  func(*slog.Logger)
	}{
		{"16 MiB message", func(l *slog.Logger) { l.Info(strings.Repeat("x", 16<<20)) }},
		{"16 MiB of what must be escaped", func(l *slog.Logger) { l.Info("m", "v", strings.Repeat("\x00", 16<<20)) }},
		{"16 MiB key", func(l *slog.Logger) { l.Info("m", strings.Repeat("k", 16<<20), 1) }},
		{"million attributes", func(l *slog.Logger) { l.LogAttrs(context.Background(), slog.LevelInfo, "m", million...) }},
		{"million attributes in With", func(l *slog.Logger) { slog.New(l.Handler().WithAttrs(million)).Info("m", "x", 1) }},
		{"million attributes in the context", func(l *slog.Logger) {
			l.InfoContext(hydra.With(context.Background(), million...), "m", "x", 1)
		}},
		{"huge group name", func(l *slog.Logger) { l.WithGroup(strings.Repeat("g", 16<<20)).Info("m", "x", 1) }},
		{"group name of dots", func(l *slog.Logger) { l.WithGroup(strings.Repeat(".", 16<<20)).Info("m", "x", 1) }},
		{"thousand groups", func(l *slog.Logger) {
			for range 1000 {
				l = l.WithGroup("g")
			}
			l.Info("m", "x", 1)
		}},
		{"slice that holds itself", func(l *slog.Logger) { l.Info("m", "v", selfish()) }},
		{"map that holds itself", func(l *slog.Logger) { l.With("w", ring).Info("m", "v", ring) }},
		{"endless LogValuer", func(l *slog.Logger) { l.Info("m", "v", valuer(endless)) }},
		{"panicking LogValuer", func(l *slog.Logger) { l.Info("m", "v", valuer(func() slog.Value { panic("boom") })) }},
		{"nil LogValuer", func(l *slog.Logger) { l.Info("m", "v", (*account)(nil)) }},
		{"panicking marshaler", func(l *slog.Logger) { l.Info("m", "v", marshaler(func() ([]byte, error) { panic("boom") })) }},
		{"panicking with itself", func(l *slog.Logger) { l.Info("m", "v", marshaler(func() ([]byte, error) { panic(explosive{}) })) }},
		{"failing marshaler", func(l *slog.Logger) {
			l.Info("m", "v", marshaler(func() ([]byte, error) { return nil, errors.New("no") }))
		}},
		{"lying marshaler", func(l *slog.Logger) {
			l.Info("m", "v", marshaler(func() ([]byte, error) { return []byte("}\n{"), nil }))
		}},
		{"function and channel", func(l *slog.Logger) { l.Info("m", "f", func() {}, "c", make(chan int)) }},
		{"line ends everywhere", func(l *slog.Logger) { l.WithGroup("g\n").Info("m\n\r\u2028", "k\n", "v\n") }},
		{"invalid UTF-8", func(l *slog.Logger) { l.Info("\xff\xfe", "\xff", "\xc0") }},
		{"nil context", func(l *slog.Logger) { l.InfoContext(noContext, "m") }},
		{"zero record", func(l *slog.Logger) { _ = l.Handler().Handle(context.Background(), slog.Record{}) }},
		{"time before all times", func(l *slog.Logger) {
			r := slog.NewRecord(time.Date(-300_000, 1, 1, 0, 0, 0, 0, time.UTC), 1<<30, "m", 0)
			_ = l.Handler().Handle(context.Background(), r)
		}},
		{"logs while it is logged", func(l *slog.Logger) {
			l.Info("m", "v", valuer(func() slog.Value {
				l.Info("inner")
				return slog.StringValue("v")
			}))
		}},
	}
	formats := []struct {
		name   string
		format format.Format
	}{
		{"json", format.JSON(nil)},
		{"text", format.Text(nil)},
		{"console", format.Console(&format.ConsoleOptions{Color: format.ColorNever})},
	}
	for _, f := range formats {
		for _, tt := range tests {
			t.Run(f.name+"/"+tt.name, func(t *testing.T) {
				var out kept
				h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{
					"default": {Destinations: []hydra.Destination{{Sink: hydra.Writer(&out), Format: f.format}}},
					"db":      {Match: map[string]string{"v": "v"}, Destinations: []hydra.Destination{{Sink: hydra.Writer(&kept{})}}},
				}})
				log := slog.New(h)
				log.Info("before", "x", 1)
				tt.log(log)
				log.Info("after", "x", 1)
				flushed(t, h)
				lines := out.lines()
				assert.Assert(t, len(lines) >= 3, "%.200q", lines)
				assert.Assert(t, strings.Contains(lines[0], "before"), "%.200q", lines[0])
				assert.Assert(t, strings.Contains(lines[len(lines)-1], "after"), "%.200q", lines[len(lines)-1])
				for _, line := range lines {
					assert.Assert(t, len(line) <= format.DefaultMaxRecord)
					if f.name == "json" {
						parseJSON(t, line)
					}
				}
				d := h.Health().Destinations[1]
				assert.Equal(t, d.Name, "default/0")
				assert.Equal(t, d.Written, uint64(len(lines)), "one line a record")
				assert.Equal(t, d.Offered, d.Written)
			})
		}
	}
}

func TestFault50And57FlawsAreCounted(t *testing.T) {
	h := closed(t, hydra.NewJSONHandler(&kept{}, nil))
	log := slog.New(h)
	log.Info("fine")
	log.Info(strings.Repeat("x", 2<<20))
	log.Info("m", "v", marshaler(func() ([]byte, error) { panic("boom") }))
	d := h.Health().Destinations[0]
	assert.Equal(t, d.Truncated, uint64(1))
	assert.Equal(t, d.EncodeErrors, uint64(1))
}

// A huge record must not keep its memory in the handler's buffers.
func TestFault57AHugeRecordLeavesNoHugeBuffer(t *testing.T) {
	h := closed(t, hydra.NewHandler(hydra.Config{
		MemoryLimit: -1,
		Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
			Sink: hydra.Writer(&discard{}), Format: format.JSON(&format.Options{MaxRecord: 64 << 20}), Queue: hydra.Queue{Bytes: 1 << 20},
		}}}},
		Fallback: &discard{},
	}))
	log := slog.New(h)
	var before, after runtime.MemStats
	for range 3 {
		runtime.GC() // what the tests before have left behind goes in steps
	}
	runtime.ReadMemStats(&before)
	huge := strings.Repeat("x", 16<<20)
	for range 4 {
		log.Info(huge)
	}
	huge = ""
	runtime.GC() // once: a second time would empty a sync.Pool
	runtime.ReadMemStats(&after)
	assert.Assert(t, after.HeapAlloc < before.HeapAlloc+8<<20, "%d MiB more", (after.HeapAlloc-before.HeapAlloc)>>20)
	d := h.Health().Destinations[0]
	assert.Equal(t, d.Fallback, uint64(4), "%+v", d)
}

// discard takes everything. Unlike io.Discard it is not always the same writer.
type discard struct{ _ byte }

func (*discard) Write(p []byte) (int, error) { return len(p), nil }

// rude is a format that breaks the promise not to panic.
type rude struct{ format.Format }

func (r rude) AppendRecord(dst []byte, rec slog.Record, top []slog.Attr) ([]byte, format.Flaws) {
	if rec.Message == "panic" || strings.HasPrefix(rec.Message, "hydra: ") {
		panic("rude")
	}
	return r.Format.AppendRecord(dst, rec, top)
}

func (r rude) WithAttrs(attrs []slog.Attr) format.Format {
	for _, a := range attrs {
		if a.Key == "panic" {
			panic("rude")
		}
	}
	return rude{r.Format.WithAttrs(attrs)}
}

func (r rude) WithGroup(string) format.Format { panic("rude") }

func TestFault50AFormatThatPanicsHarmsNobody(t *testing.T) {
	var out, other kept
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{
		{Name: "rude", Sink: hydra.Writer(&out), Format: rude{format.JSON(nil)}},
		{Name: "other", Sink: hydra.Writer(&other), Format: format.Text(nil)},
	}}}})
	log := slog.New(h)
	log.Info("one", "x", 1)
	log.Info("panic", "x", 2)
	log.With("panic", 1).Info("three", "x", 3)
	log.WithGroup("g").Info("four", "x", 4)
	flushed(t, h)
	lines := out.lines()
	assert.Equal(t, len(lines), 4)
	for i, line := range lines {
		parseJSON(t, line)
		assert.Assert(t, strings.Contains(line, fmt.Sprintf(`"x":%d}`, i+1)), line)
		assert.Equal(t, strings.Contains(line, "rude"), i > 0, line)
	}
	assert.Equal(t, len(other.lines()), 4)
	assert.Assert(t, strings.Contains(other.lines()[3], "g.x=4"))
	for _, d := range h.Health().Destinations {
		want := uint64(0)
		if d.Name == "rude" {
			want = 1
		}
		assert.Equal(t, d.EncodeErrors, want, d.Name)
	}
}

// The writer encodes, too: what marks a gap. It must not end the program either.
func TestAFormatThatPanicsInTheWriterHarmsNobody(t *testing.T) {
	released := make(chan struct{})
	s := &fault.Sink{OnWrite: fault.At(1, fault.Stall(released))}
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
		Sink: s, Format: rude{format.JSON(nil)}, Policy: hydra.Error, Queue: hydra.Queue{Records: 1},
	}}}}})
	r := slog.NewRecord(testTime, slog.LevelInfo, "m", 0)
	for h.Handle(t.Context(), r) == nil {
		runtime.Gosched()
	}
	close(released)
	flushed(t, h)
	assert.NilError(t, h.Handle(t.Context(), r))
	flushed(t, h)
	text := string(s.Bytes())
	assert.Assert(t, strings.Contains(text, "records are missing here"), text)
	assert.Assert(t, strings.Contains(text, "in the format: panic: rude"), text)
	assert.Equal(t, len(s.Breaches()), 0, s.Breaches())
}

// A sink whose type cannot be compared is a sink like any other.
func TestSinksThatCannotBeComparedAreDifferent(t *testing.T) {
	var a, b kept
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{"default": {
		Destinations: to(incomparable{hydra.Writer(&a), nil}, incomparable{hydra.Writer(&b), nil}),
	}}})
	slog.New(h).Info("m")
	flushed(t, h)
	assert.Equal(t, len(a.lines()), 1)
	assert.Equal(t, len(b.lines()), 1)
}

type incomparable struct {
	sink.Sink
	_ []int
}
