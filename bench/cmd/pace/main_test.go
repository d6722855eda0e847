// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"flag"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestFlagsThatMeasureNothingAreRefused(t *testing.T) {
	tests := []struct{ arguments, want string }{
		{"", ""},
		{"-rate 0", "-rate 0: must be more than 0"},
		{"-rate -10", "-rate -10: must be more than 0"},
		{"-for 0s", "-for 0s: must be more than 0"},
		{"-for 1ns", ""},
		{"-rate 1000000000", ""},
		{"-rate 1000000001", "-rate 1000000001: must be at most 1000000000"},
	}
	for _, tt := range tests {
		t.Run(tt.arguments, func(t *testing.T) {
			flags := flag.NewFlagSet("pace", flag.ContinueOnError)
			_, err := command(flags).Parse(flags, strings.Fields(tt.arguments))
			if tt.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.Error(t, err, tt.want)
		})
	}
}
