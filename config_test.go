// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

func TestASharedSinkHasOneSetOfSettings(t *testing.T) {
	tests := []struct {
		name   string
		change func(*hydra.Destination)
		want   string // mistake
	}{
		{"equal", func(*hydra.Destination) {}, ""},
		{"level", func(d *hydra.Destination) { d.Level = slog.LevelError }, ""},
		{"default said", func(d *hydra.Destination) {
			d.Format, d.RetryFor, d.Queue.Records = format.JSON(nil), 5*time.Second, 32<<10
		}, ""},
		{"format", func(d *hydra.Destination) { d.Format = format.Text(nil) }, "other settings"},
		{"policy", func(d *hydra.Destination) { d.Policy = hydra.Error }, "other settings"},
		{"block timeout", func(d *hydra.Destination) { d.BlockTimeout = 1 }, "other settings"},
		{"records", func(d *hydra.Destination) { d.Queue.Records = 7 }, "other settings"},
		{"bytes", func(d *hydra.Destination) { d.Queue.Bytes = 1 << 20 }, "other settings"},
		{"retries", func(d *hydra.Destination) { d.RetryFor = -1 }, "other settings"},
		{"fallback", func(d *hydra.Destination) { d.Fallback = "default/0" }, "other settings"},
		{"name", func(d *hydra.Destination) { d.Name = "x" }, "other settings"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			one := hydra.Destination{Sink: &fault.Sink{}, Policy: hydra.Block}
			other := one
			tt.change(&other)
			cfg := hydra.Config{Layers: map[string]hydra.Layer{
				"a": {Destinations: []hydra.Destination{one}}, "b": {Destinations: []hydra.Destination{other}},
			}}
			h, err := hydra.Open(cfg)
			if tt.want != "" {
				assert.ErrorContains(t, err, tt.want)
				return
			}
			assert.NilError(t, err)
			closed(t, h)
			assert.Equal(t, len(h.Health().Destinations), 2, "with that of layer default")
		})
	}
}

func TestASinkThatCannotBeWritesToTheFallback(t *testing.T) {
	tests := []struct {
		name string
		sink sink.Sink
	}{
		{"nil", nil},
		{"nil pointer", (*fault.Sink)(nil)},
		{"nil writer", hydra.Writer(nil)},
		{"nil file", hydra.Writer((*os.File)(nil))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var fallback kept
			h := closed(t, hydra.NewHandler(sound(&fallback, tt.sink)))
			slog.New(h).Info("record")
			_ = h.Flush(t.Context()) // an error if the record was still under way
			assert.Equal(t, strings.Count(fallback.String(), `"msg":"record"`), 1)
			assert.Equal(t, h.Health().Status, hydra.StatusFailing)
		})
	}
}

func TestOpenRefusesANilWriter(t *testing.T) {
	for _, w := range []io.Writer{nil, (*os.File)(nil), (*bytes.Buffer)(nil)} {
		_, err := hydra.Open(sound(io.Discard, hydra.Writer(w)))
		assert.ErrorContains(t, err, `Layers["default"].Destinations[0].Sink:`)
	}
}

func TestConfigIsNeitherChangedNorKept(t *testing.T) {
	first, second := &fault.Sink{}, &fault.Sink{}
	destinations := to(first)
	match := map[string]string{"component": "sql"}
	extractors := []func(context.Context) []slog.Attr{func(context.Context) []slog.Attr { return []slog.Attr{slog.Int("x", 1)} }}
	cfg := hydra.Config{
		Extractors: extractors,
		Layers: map[string]hydra.Layer{
			"default": {Destinations: destinations},
			"db":      {Match: match, Destinations: to(second)},
		},
	}
	before := cfg
	layers := maps.Clone(cfg.Layers)
	h := closed(t, hydra.NewHandler(cfg))

	assert.Assert(t, cfg.Level == nil && cfg.Fallback == nil && cfg.LayerKey == "" && cfg.MemoryLimit == 0 && cfg.CloseTimeout == 0)
	assert.Equal(t, len(cfg.Layers), len(layers))
	assert.DeepEqual(t, destinations[0].Queue, hydra.Queue{})
	assert.Assert(t, destinations[0].Name == "" && destinations[0].Format == nil && destinations[0].RetryFor == 0)
	assert.Equal(t, len(before.Layers), 2)

	destinations[0].Sink = nil
	match["component"] = "other"
	extractors[0] = nil
	delete(cfg.Layers, "db")
	slog.New(h).InfoContext(t.Context(), "m", "component", "sql")
	slog.New(h).InfoContext(t.Context(), "m", "component", "other")
	assert.NilError(t, h.Close(t.Context()))
	assert.Equal(t, len(first.Lines()), 1)
	assert.Equal(t, len(second.Lines()), 1)
	assert.Assert(t, strings.Contains(second.Lines()[0], `"x":1`))
}

func TestPolicyNames(t *testing.T) {
	for p, want := range map[hydra.Policy]string{
		hydra.DropOldest: "DropOldest", hydra.Block: "Block", hydra.Error: "Error", 9: "unknown",
	} {
		got, err := p.MarshalText()
		assert.NilError(t, err)
		assert.Equal(t, string(got), want)
		assert.Equal(t, p.String(), want)
	}
}

func TestDestinationsWithoutAFormatWriteJSON(t *testing.T) {
	var explicit, implicit kept
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{
		{Sink: hydra.Writer(&explicit), Format: format.JSON(nil)}, {Sink: hydra.Writer(&implicit)},
	}}}})
	slog.New(h).Info("m", "a", 1)
	flushed(t, h)
	assert.Equal(t, explicit.String(), implicit.String())
	assert.Equal(t, parseJSON(t, implicit.String())["a"], 1.0)
}

// levelFunc is a level that a function returns.
type levelFunc func() slog.Level

func (f levelFunc) Level() slog.Level { return f() }
