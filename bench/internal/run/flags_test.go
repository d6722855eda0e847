// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package run

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/bench"
)

func parse(arguments string) (*Plan, error) {
	flags := flag.NewFlagSet("work", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	least := flags.Int("least", 1, "")
	flags.Duration("for", time.Second, "")
	c := Command{
		Name: "Work", Setting: "size", Settings: []int{1, 20},
		Check: func(sizes []int) error {
			if *least > sizes[len(sizes)-1] {
				return errors.New("-least is too much")
			}
			return nil
		},
	}
	return c.Parse(flags, strings.Fields(arguments))
}

func TestAWrongFlagIsNamedWithItsValueAndWhatIsAllowed(t *testing.T) {
	tests := []struct{ arguments, want string }{
		{"-rounds 0", "-rounds 0: must be more than 0"},
		{"-rounds=-1", "-rounds -1: must be more than 0"},
		{"-size 0", "-size 0: must be more than 0"},
		{"-size -3", "-size -3: must be more than 0"},
		{"-least -5", "-least -5: must be more than 0"},
		{"-for 0s", "-for 0s: must be more than 0"},
		{"-for -1s -size 3", "-for -1s: must be more than 0"},
		{"-rounds 0 -for -1s", "-for -1s: must be more than 0\n-rounds 0: must be more than 0"},
		{"extra -least 10", `"extra": must be a flag, as all arguments`},
		{"-least 10 extra", `"extra": must be a flag, as all arguments`},
		{"-rounds 0 -- -least 10", "-rounds 0: must be more than 0\n\"-least\": must be a flag, as all arguments"},
		{"-least 21", "-least is too much"},
		{"-least 2 -size 1", "-least is too much"},
		{"-stacks none", `-stacks none: must match one of the stacks: no stack matches "none"`},
		{"-stacks [", "-stacks [: must match one of the stacks: error parsing regexp: missing closing ]: `[`"},
		{"-one slog", "-one slog: must come with -size, such as -size=1"},
		{"-one slo -size 1", `-one slo: must match one of the stacks: no stack matches "^slo$"`},
		{"-one= -size 1", `-one : must match one of the stacks: no stack matches "^$"`},
	}
	for _, tt := range tests {
		t.Run(tt.arguments, func(t *testing.T) {
			_, err := parse(tt.arguments)
			assert.Error(t, err, tt.want)
		})
	}
}

func TestWhatIsNotGivenIsAll(t *testing.T) {
	p, err := parse("")
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Settings, []int{1, 20})
	assert.Equal(t, len(p.stacks), len(bench.Stacks()))
	assert.Equal(t, p.rounds, 1)
	assert.Assert(t, !p.alone)
}

func TestWhatIsGivenReachesTheProcessesThatMeasure(t *testing.T) {
	p, err := parse("-stacks ^(floor|slog)$ -size 5 -for 10ms --")
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Settings, []int{5})
	assert.Equal(t, len(p.stacks), 2)
	assert.DeepEqual(t, p.given, []string{"-for=10ms", "-size=5", "-stacks=^(floor|slog)$"})

	p, err = parse(strings.Join(p.given, " ") + " -one=slog -size=5")
	assert.NilError(t, err)
	assert.Assert(t, p.alone)
	assert.Equal(t, p.stacks[0].Name, "slog")
}
