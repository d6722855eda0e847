// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package runtest tests the flags of commands that package run measures with.
package runtest

import (
	"flag"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/bench/internal/run"
)

// Parse has a command parse arguments, and fails the test where it says something else
// of them than is wanted; empty for nothing.
func Parse(t *testing.T, command func(*flag.FlagSet) run.Command, wanted map[string]string) {
	t.Helper()
	for arguments, want := range wanted {
		t.Run(arguments, func(t *testing.T) {
			flags := flag.NewFlagSet("", flag.ContinueOnError)
			_, err := command(flags).Parse(flags, strings.Fields(arguments))
			if want == "" {
				assert.NilError(t, err)
				return
			}
			assert.Error(t, err, want)
		})
	}
}
