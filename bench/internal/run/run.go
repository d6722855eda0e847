// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package run measures each stack in a process of its own, in rounds.
package run

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"

	"github.com/hydra-logger/hydra/bench"
	"github.com/hydra-logger/hydra/bench/internal/results"
)

// Value is one figure that a measurement gives.
type Value struct {
	Unit  string
	Value float64
}

// Main is the body of a command. For every round, every one of settings and
// every stack it starts the command again, in a process that measures that one
// and prints a result. It passes results on to the file of -out and prints the
// comparison. A row is called name/setting=….
//
// measure returns how many records it logged and what it found. It runs alone
// in its process, so CPU and memory are the stack's.
func Main(name, setting string, settings []int, measure func(s bench.Stack, value int) (int, []Value, error)) {
	var (
		p     = plan{name: name, setting: setting, settings: settings}
		one   = flag.String("one", "", "measure this one `stack` and nothing else")
		value = flag.Int(setting, 0, "the only value of "+setting+" to measure (default all of them)")
	)
	flag.StringVar(&p.stacks, "stacks", "", "regular `expression` that chooses stacks (default all)")
	flag.IntVar(&p.rounds, "rounds", 1, "how often everything is measured")
	flag.StringVar(&p.out, "out", "", "`file` to write the raw result to")
	flag.Parse()
	if *value != 0 {
		p.settings = []int{*value}
	}
	err := func() error {
		switch {
		case *one == "":
			return p.run()
		case *value == 0:
			return fmt.Errorf("-one %s needs -%s, such as -%s=%d", *one, setting, setting, settings[0])
		}
		s, err := bench.Select("^" + regexp.QuoteMeta(*one) + "$")
		if err != nil {
			return err
		}
		records, values, err := measure(s[0], *value)
		if err != nil {
			return err
		}
		fmt.Printf("Benchmark%s/%s=%d/%s-%d\t%d", name, setting, *value, *one, runtime.GOMAXPROCS(0), records)
		for _, v := range values {
			fmt.Printf("\t%.4g %s", v.Value, v.Unit)
		}
		fmt.Println()
		return nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// plan is what a command is to measure.
type plan struct {
	name, setting string
	settings      []int
	stacks        string // regular expression
	rounds        int
	out           string // file, if not empty
}

// run measures each stack with each setting, in rounds.
func (p *plan) run() (err error) {
	stacks, err := bench.Select(p.stacks)
	if err != nil {
		return err
	}
	raw := io.Discard
	if p.out != "" {
		f, err := os.Create(p.out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		raw = f
	}
	var set results.Set
	take := func(text string) error {
		_, err := io.WriteString(raw, text)
		return errors.Join(err, set.Read(strings.NewReader(text)))
	}
	if err := take(bench.Machine() + bench.Environment()); err != nil {
		return err
	}
	total := p.rounds * len(p.settings) * len(stacks)
	done := 0
	for range p.rounds {
		for _, v := range p.settings {
			for _, s := range stacks {
				done++
				fmt.Fprintf(os.Stderr, "%d/%d %s %s=%d %s\n", done, total, p.name, p.setting, v, s.Name)
				line, err := child(s.Name, p.setting, v)
				if err != nil {
					return fmt.Errorf("%s at %s=%d: %w", s.Name, p.setting, v, err)
				}
				if err := take(line); err != nil {
					return err
				}
			}
		}
	}
	w := bufio.NewWriter(os.Stdout)
	results.Print(w, &set)
	return w.Flush()
}

// child runs this program again, with the same flags, for one stack.
func child(stack, setting string, value int) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(exe, append(os.Args[1:len(os.Args):len(os.Args)], "-one", stack, fmt.Sprintf("-%s=%d", setting, value))...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	return stdout.String(), nil
}
