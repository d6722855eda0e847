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
func Main(name, setting string, settings []int, rounds int, measure func(s bench.Stack, value int) (int, []Value, error)) {
	var (
		stacks = flag.String("stacks", "", "regular `expression` that chooses stacks (default all)")
		n      = flag.Int("rounds", rounds, "how often everything is measured")
		out    = flag.String("out", "", "`file` to write the raw result to")
		one    = flag.String("one", "", "measure this one `stack` and nothing else")
		value  = flag.Int(setting, 0, "the only value of "+setting+" to measure (default all of them)")
	)
	flag.Parse()
	if *value != 0 {
		settings = []int{*value}
	}
	err := func() error {
		if *one == "" {
			return all(name, setting, settings, *stacks, *n, *out)
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

func all(name, setting string, settings []int, pattern string, rounds int, out string) (err error) {
	stacks, err := bench.Select(pattern)
	if err != nil {
		return err
	}
	raw := io.Discard
	if out != "" {
		f, err := os.Create(out)
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
	total := rounds * len(settings) * len(stacks)
	done := 0
	for range rounds {
		for _, v := range settings {
			for _, s := range stacks {
				done++
				fmt.Fprintf(os.Stderr, "%d/%d %s %s=%d %s\n", done, total, name, setting, v, s.Name)
				line, err := child(s.Name, setting, v)
				if err != nil {
					return fmt.Errorf("%s at %s=%d: %w", s.Name, setting, v, err)
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
