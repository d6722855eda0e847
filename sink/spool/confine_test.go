// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/spool"
)

func TestASpoolBelowARootIsAMistake(t *testing.T) {
	root := t.TempDir()
	_, err := hydra.Open(hydra.Config{Root: root, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{Sink: spool.New(&fault.Sink{}, "spool", nil)}}},
	}})
	assert.ErrorContains(t, err, `Layers["default"].Destinations[0].Sink: cannot be kept below Root: hydra: spool "spool"`)
}
