// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestArgumentsThatCannotBeMeantAreRefusedWithTheWayOut(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string
		exit int    // -1 to go on
		want string // in what it says
	}{
		{"none", "", -1, ""},
		{"both", "-dir elsewhere -requests 0", -1, ""},
		{"help", "-h", 0, "(default 300)"},
		{"too few requests", "-requests -3", 2, `invalid value "-3" for flag -requests: give a whole number from 0 to 2147483647`},
		{"no number", "-requests many", 2, `invalid value "many" for flag -requests: give a whole number from 0 to 2147483647`},
		{"too large a number", "-requests 99999999999999999999", 2, `invalid value "99999999999999999999" for flag -requests: give a whole number from 0 to 2147483647`},
		{"unknown flag", "-request 3", 2, "-request"},
		{"a folder without its flag", "elsewhere", 2, `argument "elsewhere" belongs to no flag: leave it out, or name the folder with -dir "elsewhere"`},
		{"one too many", "-requests 3 4 5", 2, `argument "4" belongs to no flag`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said strings.Builder
			o, exit := parse(strings.Fields(tt.args), &said)
			assert.Equal(t, exit, tt.exit, &said)
			assert.Assert(t, strings.Contains(said.String(), tt.want), "got %s, want %q in it", &said, tt.want)
			if exit != -1 {
				assert.Assert(t, strings.Contains(said.String(), "-dir"), "got %s, want the usage in it", &said)
				return
			}
			assert.Equal(t, said.String(), "")
			if tt.args == "" {
				assert.Equal(t, o, options{"logs", 300})
			} else {
				assert.Equal(t, o, options{"elsewhere", 0})
			}
		})
	}
}
