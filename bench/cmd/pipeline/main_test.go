// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"testing"

	"github.com/hydra-logger/hydra/bench"
	"gotest.tools/v3/assert"
)

func TestNothingIsLostBelowTheSizeOfTheQueue(t *testing.T) {
	for _, s := range bench.Stacks() {
		t.Run(s.Name, func(t *testing.T) {
			values, err := measure(s, 4, 500)
			assert.NilError(t, err)
			got := map[string]float64{}
			for _, v := range values {
				got[v.Unit] = v.Value
			}
			assert.Assert(t, got["records/s"] > 0, "%v", got)
			assert.Assert(t, got["cpu-ns/op"] > 0, "%v", got)
			assert.Equal(t, got["lost/op"], 0.0)
		})
	}
}
