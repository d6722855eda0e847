// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"testing"

	"github.com/hydra-logger/hydra/bench/internal/run/runtest"
)

func TestFlagsThatMeasureNothingAreRefused(t *testing.T) {
	runtest.Parse(t, command, map[string]string{
		"":                 "",
		"-rate 0":          "-rate 0: must be more than 0",
		"-rate -10":        "-rate -10: must be more than 0",
		"-for 0s":          "-for 0s: must be more than 0",
		"-for 1ns":         "",
		"-rate 1000000000": "",
		"-rate 1000000001": "-rate 1000000001: must be at most 1000000000",
	})
}
