// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package run

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"time"

	"github.com/hydra-logger/hydra/bench"
)

// Parse adds to flags, which has the command's own, those that every command has,
// parses arguments, and returns what they ask for or all that is wrong with them.
func (c Command) Parse(flags *flag.FlagSet, arguments []string) (*Plan, error) {
	p := &Plan{Command: c}
	var (
		one     = flags.String("one", "", "measure this one `stack` in this process, and print nothing but its result")
		pattern = flags.String("stacks", "", "regular `expression` that chooses stacks (default all)")
		setting = flags.Int(c.Setting, 0, "the only value of "+c.Setting+" to measure (default all of them)")
	)
	flags.IntVar(&p.rounds, "rounds", 1, "how often everything is measured")
	flags.StringVar(&p.out, "out", "", "`file` to write the raw result to")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	if err := check(flags); err != nil {
		return nil, err
	}
	flags.Visit(func(f *flag.Flag) {
		switch f.Name {
		case c.Setting:
			p.Settings = []int{*setting}
		case "one":
			p.alone = true
		}
		p.given = append(p.given, fmt.Sprintf("-%s=%s", f.Name, f.Value))
	})
	name := "stacks"
	if p.alone {
		if *setting == 0 { // not given: a 0 that was is refused above
			return nil, fmt.Errorf("-one %s: must come with -%s, such as -%[2]s=%d", *one, c.Setting, c.Settings[0])
		}
		name, *pattern = "one", "^"+regexp.QuoteMeta(*one)+"$"
	}
	var err error
	if p.stacks, err = bench.Select(*pattern); err != nil {
		return nil, fmt.Errorf("-%s %s: must match one of the stacks: %w", name, flags.Lookup(name).Value, err)
	}
	if err := c.Check(p.Settings); err != nil {
		return nil, err
	}
	return p, nil
}

// check returns every number and duration of flags that was given and is not more
// than 0. An argument that is no flag is an error too: package flag ignores the
// flags behind it.
func check(flags *flag.FlagSet) error {
	var errs []error
	flags.Visit(func(f *flag.Flag) {
		ok := true
		switch v := f.Value.(flag.Getter).Get().(type) {
		case int:
			ok = v > 0
		case time.Duration:
			ok = v > 0
		}
		if !ok {
			errs = append(errs, fmt.Errorf("-%s %s: must be more than 0", f.Name, f.Value))
		}
	})
	if flags.NArg() > 0 {
		errs = append(errs, fmt.Errorf("%q: must be a flag, as all arguments", flags.Arg(0)))
	}
	return errors.Join(errs...)
}
