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
		"-for -1s":         "-for -1s: must be more than 0",
		"-for 0s":          "-for 0s: must be more than 0",
		"-rate 0":          "-rate 0: must be more than 0",
		"-rate -1":         "-rate -1: must be more than 0",
		"-queue 0":         "-queue 0: must be more than 0",
		"-ms 0":            "-ms 0: must be more than 0",
		"-ms -5":           "-ms -5: must be more than 0",
		"-rate 5000000000": "-rate 5000000000: must be at most 4000000000",
		"-for 39us":        "-for 39µs: must be at least 40µs, the time of 1 record for each goroutine at -rate 100000",
		"-for 40us":        "",
		"-for 1s -rate 3":  "-for 1s: must be at least 1.333333333s, the time of 1 record for each goroutine at -rate 3",
	})
}
