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
