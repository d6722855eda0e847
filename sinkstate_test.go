// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// stater is a sink that shows a state.
type stater struct {
	fault.Sink
	state    any
	degraded bool
	bad      bool // State panics
}

func (s *stater) State() (any, bool) {
	if s.bad {
		panic("no state")
	}
	return s.state, s.degraded
}

func TestHealthShowsTheStateOfASink(t *testing.T) {
	tests := []struct {
		name       string
		sink       *stater
		wantStatus hydra.Status
		wantJSON   string // of the state; empty if it is left out
	}{
		{"nothing", &stater{}, hydra.StatusOK, ""},
		{"well", &stater{state: map[string]int{"segments": 3}}, hydra.StatusOK, `{"segments":3}`},
		{"not well", &stater{state: "spooling", degraded: true}, hydra.StatusDegraded, `"spooling"`},
		{"panics", &stater{bad: true}, hydra.StatusDegraded, `"panic: no state"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
				"default": {Destinations: []hydra.Destination{{Sink: tt.sink}}},
			}})
			assert.NilError(t, err)
			d := h.Health().Destinations[0]
			assert.Equal(t, d.Status, tt.wantStatus)
			text, err := json.Marshal(d)
			assert.NilError(t, err)
			if tt.wantJSON == "" {
				assert.Assert(t, !strings.Contains(string(text), "sink_state"))
			} else {
				assert.Assert(t, strings.Contains(string(text), `"sink_state":`+tt.wantJSON), string(text))
			}
			assert.NilError(t, h.Close(t.Context()))
			assert.Equal(t, h.Health().Destinations[0].Status, tt.wantStatus) // also after Close
		})
	}
}
