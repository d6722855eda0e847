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

func TestPlainKindsAllocateNothing(t *testing.T) {
	now := time.Now()
	attrs := []slog.Attr{
		slog.String("s", "a value"), slog.Int("i", 123456), slog.Float64("f", 0.25), slog.Duration("d", 1500*time.Millisecond),
		slog.Group("g", slog.Time("t", now), slog.Bool("b", true), slog.Group("h", slog.Uint64("u", 1<<63))),
	}
	zone := time.FixedZone("", 5400)
	for _, k := range kinds {
		for _, test := range []struct {
			name  string
			f     format.Format
			attrs []slog.Attr
			top   []slog.Attr
		}{
			{"message", k.new(nil), nil, nil},
			{"5 attributes", k.new(nil), attrs, nil},
			{"top", k.new(nil), nil, attrs},
			{"source", k.new(&format.Options{AddSource: true}), attrs[:2], nil},
			{"with", k.new(nil).WithAttrs(attrs), attrs, nil},
			{"with group", k.new(nil).WithGroup("g").WithAttrs(attrs).WithGroup("h"), attrs, nil},
			{"any level, error, nil", k.new(nil), []slog.Attr{slog.Any("l", slog.LevelWarn), slog.Any("e", errors.New("failed badly")), slog.Any("n", nil)}, nil},
		} {
			buf := make([]byte, 0, 8<<10)
			r := slog.NewRecord(now.In(zone), slog.LevelInfo+1, "a message with \"quotes\"", pcs[2])
			r.AddAttrs(test.attrs...)
			if got := testing.AllocsPerRun(100, func() { buf, _ = test.f.AppendRecord(buf[:0], r, test.top) }); got != 0 {
				t.Errorf("%s, %s: got %v allocations, want 0", k.name, test.name, got)
			}
		}
	}
}

func TestTimesWithoutOrderAllocateNothing(t *testing.T) {
	buf := make([]byte, 0, 8<<10)
	at := time.Now()
	top := []slog.Attr{slog.Time("before", at.AddDate(-1, 0, 0))}
	if got := testing.AllocsPerRun(1000, func() {
		at = at.Add(-7 * time.Hour)
		buf, _ = format.JSON(nil).AppendRecord(buf[:0], slog.NewRecord(at, slog.LevelInfo, "m", 0), top)
	}); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func TestALineIsAppendRecordWithoutAllocations(t *testing.T) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "a message", 0)
	r.AddAttrs(slog.String("s", "a value"), slog.Int("i", 123456))
	for _, k := range kinds {
		f := k.new(nil)
		if got := testing.AllocsPerRun(100, func() {
			own := r
			var line format.Line
			_, _ = line.Encode(f, &own, nil)
			line.Free()
		}); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", k.name, got)
		}
	}
}

func TestJSONOfMapsAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 8<<10)
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	r.AddAttrs(slog.Any("strings", map[string]string{"a": "b", "c": "d"}), slog.Any("any", map[string]any{"a": "b", "c": 1, "d": map[string]string{"e": "f"}}))
	if got := testing.AllocsPerRun(1000, func() { buf, _ = format.JSON(nil).AppendRecord(buf[:0], r, nil) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}
