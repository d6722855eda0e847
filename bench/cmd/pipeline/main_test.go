// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/bench"
	"github.com/hydra-logger/hydra/bench/internal/run/runtest"
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

func TestFlagsThatMeasureNothingAreRefused(t *testing.T) {
	runtest.Parse(t, command, map[string]string{
		"":                         "",
		"-records -5":              "-records -5: must be more than 0",
		"-records 0":               "-records 0: must be more than 0",
		"-goroutines 0":            "-goroutines 0: must be more than 0",
		"-goroutines -3":           "-goroutines -3: must be more than 0",
		"-records 63":              "-records 63: must be at least 64, 1 for each of the goroutines",
		"-records 64":              "",
		"-records 7 -goroutines 8": "-records 7: must be at least 8, 1 for each of the goroutines",
		"-records 8 -goroutines 8": "",
		"-goroutines 400001":       "-records 400000: must be at least 400001, 1 for each of the goroutines",
	})
}
