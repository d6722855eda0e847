// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// The handler of a program, such as slog's default, is older than the bubbles of
// its tests.
func TestHandlerServesBubblesThatItIsNotPartOf(t *testing.T) {
	s, fallback := &fault.Sink{}, &fault.Writer{}
	h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: fallback, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{
			Name: "d", Sink: s, Format: lines{}, SyncLevel: slog.LevelError, Queue: hydra.Queue{Bytes: 64},
		}}},
	}})
	synctest.Test(t, func(t *testing.T) {
		assert.NilError(t, say(h, "1"))
		assert.NilError(t, h.Flush(t.Context()))
		assert.NilError(t, say(h, strings.Repeat("x", 100)), "an event")
		slog.New(h).Error("2")
		assert.DeepEqual(t, s.Lines(), join(numbers(1, 1), gap(0, 0, 1), numbers(2, 2)))
	})
	synctest.Test(t, func(t *testing.T) { assert.NilError(t, h.Close(t.Context())) })
	assert.NilError(t, h.Close(context.Background()))
	assert.Equal(t, len(strays(fallback)), 1)
}
