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
	"runtime"
	"slices"
	"strings"

	"github.com/hydra-logger/hydra/bench"
	"github.com/hydra-logger/hydra/bench/internal/results"
)

// Value is one figure that a measurement gives.
type Value struct {
	Unit  string
	Value float64
}

// Command is what one of the commands measures, and how. A row of its results is
// called Name/Setting=….
type Command struct {
	Name, Setting string
	Settings      []int

	// Check returns what is wrong with the command's own flags where these settings
	// are measured. That numbers and durations are more than 0 is checked before.
	Check func(settings []int) error

	// Measure returns how many records it logged and what it found. It runs alone in
	// its process, so CPU and memory are the stack's.
	Measure func(s bench.Stack, setting int) (int, []Value, error)
}

// Main is the body of the command, whose own flags are those of package flag. For
// every round, every setting and every stack it starts the command again, in a
// process that measures that one and prints a result. It passes results on to the
// file of -out and prints the comparison.
func (c Command) Main() {
	p, err := c.Parse(flag.CommandLine, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if p.alone {
		err = p.one()
	} else {
		err = p.all()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Plan is what a command was told to measure.
type Plan struct {
	Command
	stacks []bench.Stack
	rounds int
	out    string   // file, if not empty
	alone  bool     // measure the only stack and setting in this process
	given  []string // the flags, for the processes that measure
}

// one measures the only stack with the only setting, and prints the result.
func (p *Plan) one() error {
	s, setting := p.stacks[0], p.Settings[0]
	records, values, err := p.Measure(s, setting)
	if err != nil {
		return err
	}
	fmt.Printf("Benchmark%s/%s=%d/%s-%d\t%d", p.Name, p.Setting, setting, s.Name, runtime.GOMAXPROCS(0), records)
	for _, v := range values {
		fmt.Printf("\t%.4g %s", v.Value, v.Unit)
	}
	fmt.Println()
	return nil
}

// all measures each stack with each setting, in rounds.
func (p *Plan) all() (err error) {
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
	total := p.rounds * len(p.Settings) * len(p.stacks)
	done := 0
	for range p.rounds {
		for _, v := range p.Settings {
			for _, s := range p.stacks {
				done++
				fmt.Fprintf(os.Stderr, "%d/%d %s %s=%d %s\n", done, total, p.Name, p.Setting, v, s.Name)
				line, err := p.child(s.Name, v)
				if err != nil {
					return fmt.Errorf("%s at %s=%d: %w", s.Name, p.Setting, v, err)
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

// child runs this program again, with the same flags, for one stack and setting.
func (p *Plan) child(stack string, setting int) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(exe, append(slices.Clip(p.given), "-one="+stack, fmt.Sprintf("-%s=%d", p.Setting, setting))...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	return stdout.String(), nil
}
