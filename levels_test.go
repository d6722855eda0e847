// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"log/slog"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
)

func TestLevelsOfLayersAndDestinationsChangeWhileRunning(t *testing.T) {
	var layerLevel, ownLevel, everyLevel slog.LevelVar
	var a, b, every kept
	everyLevel.Set(slog.LevelError)
	ownLevel.Set(slog.LevelDebug)
	h := serve(t, hydra.Config{Level: slog.LevelError, Layers: map[string]hydra.Layer{
		"default": {Level: &layerLevel, Destinations: []hydra.Destination{
			{Sink: hydra.Writer(&a)}, {Sink: hydra.Writer(&b), Level: &ownLevel},
		}},
		"*": {Level: &everyLevel, Destinations: to(hydra.Writer(&every))},
	}})
	log := slog.New(h)
	steps := []struct {
		name              string
		layer, own, every slog.Level
		log               slog.Level
		want              string // the sinks that take it
	}{
		{"below the layer", slog.LevelInfo, slog.LevelDebug, slog.LevelError, slog.LevelDebug, ""},
		{"at the layer", slog.LevelInfo, slog.LevelDebug, slog.LevelError, slog.LevelInfo, "ab"},
		{"below the destination", slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelInfo, "a"},
		{"at every level", slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError, "abe"},
		{"layer raised", slog.LevelError + 1, slog.LevelWarn, slog.LevelError, slog.LevelError, "e"},
		{"all lowered", slog.LevelDebug, slog.LevelDebug, slog.LevelDebug, slog.LevelDebug, "abe"},
		{"all raised", slog.LevelError + 4, slog.LevelDebug, slog.LevelError + 4, slog.LevelError, ""},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			layerLevel.Set(s.layer)
			ownLevel.Set(s.own)
			everyLevel.Set(s.every)
			assert.Equal(t, log.Enabled(t.Context(), s.log), s.want != "")
			// Handle is asked even where Enabled says no.
			r := slog.NewRecord(testTime, s.log, "m", 0)
			assert.NilError(t, h.Handle(t.Context(), r))
			flushed(t, h)
			got := ""
			for i, k := range []*kept{&a, &b, &every} {
				if len(k.lines()) == 1 {
					got += "abe"[i : i+1]
				}
				k.buf.Reset()
			}
			assert.Equal(t, got, s.want)
		})
	}
}

func TestEnabledFollowsTheLeastLevel(t *testing.T) {
	tests := []struct {
		name   string
		layers map[string]hydra.Layer
		level  slog.Leveler
		want   slog.Level
	}{
		{"nothing configured", nil, nil, slog.LevelInfo},
		{"level of the config", nil, slog.LevelWarn, slog.LevelWarn},
		{"least layer", map[string]hydra.Layer{
			"default": {Level: slog.LevelError, Destinations: to(hydra.Writer(&kept{}))},
			"db":      {Level: slog.LevelDebug, Destinations: to(hydra.Writer(&kept{}))},
		}, nil, slog.LevelDebug},
		{"destination above its layer", map[string]hydra.Layer{
			"default": {Level: slog.LevelDebug, Destinations: []hydra.Destination{{Sink: hydra.Writer(&kept{}), Level: slog.LevelWarn}}},
		}, nil, slog.LevelWarn},
		{"destination below its layer", map[string]hydra.Layer{
			"default": {Level: slog.LevelError, Destinations: []hydra.Destination{{Sink: hydra.Writer(&kept{}), Level: slog.LevelDebug}}},
		}, nil, slog.LevelError},
		{"layer *", map[string]hydra.Layer{
			"default": {Level: slog.LevelError, Destinations: to(hydra.Writer(&kept{}))},
			"*":       {Level: slog.LevelWarn, Destinations: to(hydra.Writer(&kept{}))},
		}, nil, slog.LevelWarn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := serve(t, hydra.Config{Level: tt.level, Layers: tt.layers})
			assert.Assert(t, h.Enabled(t.Context(), tt.want))
			assert.Assert(t, !h.Enabled(t.Context(), tt.want-1))
			assert.Assert(t, h.WithGroup("db").Enabled(t.Context(), tt.want))
		})
	}
}
