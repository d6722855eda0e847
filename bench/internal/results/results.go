// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package results reads and compares what the benchmarks measured. All of them
// write the text format of Go's benchmarks: configuration lines ("cpu: …") and
// one line per result, BenchmarkROW/STACK-PROCS, iterations, values with units.
package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Set is what one or more runs measured. The zero value is empty.
type Set struct {
	// Config is what the runs say about themselves, each line once.
	Config []string

	// Rows are in the order in which they were first seen.
	Rows []*Row

	results int // how many were read
}

// Row is one piece of work, done by several stacks.
type Row struct {
	Name   string // "Three", "Pipeline/goroutines=8"
	Stacks []*Cell
}

// Cell is what one stack did in one row.
type Cell struct {
	Stack  string
	values map[string][]float64 // by unit, one per round
}

var procs = regexp.MustCompile(`-\d+$`)

// ReadFile adds what it finds in a file, as Read does. A file without any result is
// an error.
func (s *Set) ReadFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	before := s.results
	if err := errors.Join(s.Read(f), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if s.results == before {
		return fmt.Errorf("no results in %s", name)
	}
	return nil
}

// Read adds what it finds in r. Lines that are no results are skipped; one that began
// as a result and goes on as something else is an error.
func (s *Set) Read(r io.Reader) error {
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		if err := s.line(sc.Text()); err != nil {
			return err
		}
	}
	return sc.Err()
}

func (s *Set) line(line string) error {
	f := strings.Fields(line)
	switch {
	case len(f) > 1 && strings.HasPrefix(f[0], "Benchmark") && strings.Contains(f[0], "/"):
		return s.result(f)
	case len(f) >= 2 && slices.Contains([]string{"go:", "commit:", "procs:", "fs:", "goos:", "goarch:", "cpu:"}, f[0]):
		if l := strings.Join(f, " "); !slices.Contains(s.Config, l) {
			s.Config = append(s.Config, l)
		}
	}
	return nil
}

// result adds the result whose words are f.
func (s *Set) result(f []string) error {
	values := map[string]float64{}
	for i := 2; i+1 < len(f); i += 2 {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			break
		}
		values[f[i+1]] = v
	}
	if len(f)%2 != 0 || len(values) == 0 || len(values) != len(f)/2-1 {
		return fmt.Errorf("torn result: %q: what else writes there? Measure again without it", strings.Join(f, " "))
	}
	name := procs.ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), "")
	i := strings.LastIndexByte(name, '/')
	c := s.cell(name[:i], name[i+1:])
	for unit, v := range values {
		c.values[unit] = append(c.values[unit], v)
	}
	s.results++
	return nil
}

func (s *Set) cell(row, stack string) *Cell {
	i := slices.IndexFunc(s.Rows, func(r *Row) bool { return r.Name == row })
	if i < 0 {
		i = len(s.Rows)
		s.Rows = append(s.Rows, &Row{Name: row})
	}
	r := s.Rows[i]
	if c := r.Cell(stack); c != nil {
		return c
	}
	c := &Cell{Stack: stack, values: map[string][]float64{}}
	r.Stacks = append(r.Stacks, c)
	return c
}

// Row returns the row of that name, nil if there is none.
func (s *Set) Row(name string) *Row {
	for _, r := range s.Rows {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// Cell returns what stack did, nil if it was not measured.
func (r *Row) Cell(stack string) *Cell {
	for _, c := range r.Stacks {
		if c.Stack == stack {
			return c
		}
	}
	return nil
}

// Median returns the median of the rounds, and whether there is one.
func (c *Cell) Median(unit string) (float64, bool) {
	if c == nil || len(c.values[unit]) == 0 {
		return 0, false
	}
	v := slices.Sorted(slices.Values(c.values[unit]))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2, true
}

// Lossless reports whether the stack lost nothing in any round.
func (c *Cell) Lossless() bool {
	return !slices.ContainsFunc(c.values["lost/op"], func(v float64) bool { return v != 0 })
}
