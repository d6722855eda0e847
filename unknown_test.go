// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
)

func TestAnUnknownLayerIsToldOnceWithTheNameThatIsNearest(t *testing.T) {
	var (
		mu       sync.Mutex
		told     []string
		fallback kept
	)
	h := hydra.NewHandler(hydra.Config{
		MemoryLimit: -1,
		Fallback:    &fallback,
		OnEvent: func(e hydra.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == hydra.EventUnknownLayer {
				told = append(told, e.Err.Error())
			}
		},
		Layers: map[string]hydra.Layer{
			"default": {Destinations: to(hydra.Writer(&kept{}))},
			"audit":   {Destinations: to(hydra.Writer(&kept{}))},
			"db":      {Destinations: to(hydra.Writer(&kept{}))},
			"*":       {Destinations: to(hydra.Writer(&kept{}))},
		},
	})
	log := slog.New(h)
	for range 3 {
		log.Info("m", "layer", "ddb")
		log.With("layer", "aduit").Info("m")
		log.Info("m", "layer", "\x1bnobody's")
		log.Info("m", "layer", "db")
	}
	for i := range 1000 {
		log.Info("m", "layer", fmt.Sprint("from outside ", i))
	}
	assert.NilError(t, h.Close(t.Context()))
	assert.Equal(t, len(told), 64)
	assert.DeepEqual(t, told[:4], []string{
		`layer "ddb" is not configured, its records go to "default"; the nearest name is "db"`,
		`layer "aduit" is not configured, its records go to "default"; the nearest name is "audit"`,
		`layer "\x1bnobody's" is not configured, its records go to "default"`,
		`layer "from outside 0" is not configured, its records go to "default"`,
	})
	lines := 0
	for _, line := range fallback.lines() {
		if strings.Contains(line, string(hydra.EventUnknownLayer)) {
			lines++
		}
	}
	assert.Equal(t, lines, 64)
}

func TestAnAttributeThatNamesLayerStarIsToldWhatThatLayerIs(t *testing.T) {
	const notThere = `layer "*" is not configured, its records go to "default"`
	const taken = `layer "*" takes every record and cannot be chosen, its records go to "default"`
	for _, tt := range []struct {
		name  string
		layer string // beside "default" and "audit"
		named string
		want  string
	}{
		{"configured", "*", "*", taken},
		{"not configured", "db", "*", notThere},
		{"no mistyping of it", "*", "x", strings.Replace(notThere, "*", "x", 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var told []string
			usual := &kept{}
			h := hydra.NewHandler(hydra.Config{
				MemoryLimit: -1,
				Fallback:    &kept{},
				OnEvent:     func(e hydra.Event) { told = append(told, fmt.Sprint(e.Kind, ": ", e.Err)) },
				Layers: map[string]hydra.Layer{
					"default": {Destinations: to(hydra.Writer(usual))},
					"audit":   {Destinations: to(hydra.Writer(&kept{}))}, // without it no record is searched
					tt.layer:  {Destinations: to(hydra.Writer(&kept{}))},
				},
			})
			slog.New(h).Info("m", "layer", tt.named)
			slog.New(h).With("layer", tt.named).Info("m")
			assert.NilError(t, h.Close(t.Context()))
			assert.DeepEqual(t, told, []string{"hydra: unknown layer: " + tt.want})
			assert.Equal(t, len(usual.lines()), 2)
		})
	}
}
