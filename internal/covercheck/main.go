// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Command covercheck judges a coverage profile: it prints the coverage of each
// package and fails when the total is below -total percent of the statements,
// or when a file named in -full has a statement that no test reached. It then
// names the lines.
package main

import (
	"bufio"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

func main() {
	total := flag.Float64("total", 95, "`percent` of the statements that tests must reach")
	full := flag.String("full", "", "comma-separated `files`, as the profile names them, to be reached whole")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: covercheck [-total percent] [-full files] profile")
		os.Exit(2)
	}
	var files []string
	if *full != "" {
		files = strings.Split(*full, ",")
	}
	if err := run(os.Stdout, flag.Arg(0), *total, files); err != nil {
		fmt.Fprintln(os.Stderr, "covercheck:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, profile string, total float64, full []string) error {
	f, err := os.Open(profile)
	if err != nil {
		return err
	}
	defer f.Close()
	blocks, err := parse(f)
	if err != nil {
		return fmt.Errorf("%s: %w", profile, err)
	}
	return judge(w, blocks, total, full)
}

// block is a run of statements that are reached together or not at all.
type block struct {
	file                           string
	line, column, toLine, toColumn int
	statements                     int
}

// parse returns for each block of a coverage profile whether any test reached
// it. A profile over several packages names a block once per test binary.
func parse(r io.Reader) (map[block]bool, error) {
	blocks := make(map[block]bool)
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line := sc.Text()
		if strings.HasPrefix(line, "mode: ") {
			continue
		}
		var b block
		var count uint64
		file, rest, _ := strings.Cut(line, ".go:")
		b.file = file + ".go"
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d",
			&b.line, &b.column, &b.toLine, &b.toColumn, &b.statements, &count); err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		blocks[b] = blocks[b] || count > 0
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	if len(blocks) == 0 {
		return nil, errors.New("no statements in the profile")
	}
	return blocks, nil
}

// tally counts statements.
type tally struct{ reached, all int }

func (t *tally) add(b block, reached bool) {
	t.all += b.statements
	if reached {
		t.reached += b.statements
	}
}

func (t tally) percent() float64 { return 100 * float64(t.reached) / float64(max(t.all, 1)) }

// judge writes the coverage of each package to w, then the lines that keep the
// profile from passing, and returns why it does not pass.
func judge(w io.Writer, blocks map[block]bool, total float64, full []string) error {
	var sum tally
	packages := make(map[string]*tally)
	files := make(map[string]*tally)
	for b, reached := range blocks {
		sum.add(b, reached)
		for key, m := range map[string]map[string]*tally{path.Dir(b.file): packages, b.file: files} {
			if m[key] == nil {
				m[key] = new(tally)
			}
			m[key].add(b, reached)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(packages)) {
		fmt.Fprintf(w, "%5.1f%%  %s\n", packages[p].percent(), p)
	}
	fmt.Fprintf(w, "%5.1f%%  of %d statements\n", sum.percent(), sum.all)

	var errs []error
	named := make(map[string]bool) // files whose unreached lines are to be printed
	if sum.percent() < total {
		errs = append(errs, fmt.Errorf("tests reach %.2f%% of the statements, want %g%%", sum.percent(), total))
		for file := range files {
			named[file] = true
		}
	}
	for _, file := range full {
		switch t := files[file]; {
		case t == nil:
			errs = append(errs, fmt.Errorf("%s is not in the profile", file))
		case t.reached < t.all:
			errs = append(errs, fmt.Errorf("tests reach %d of %d statements of %s, want all", t.reached, t.all, file))
			named[file] = true
		}
	}
	order := func(a, b block) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	}
	for _, b := range slices.SortedFunc(maps.Keys(blocks), order) {
		if named[b.file] && !blocks[b] {
			fmt.Fprintf(w, "%s:%d.%d,%d.%d: not reached\n", b.file, b.line, b.column, b.toLine, b.toColumn)
		}
	}
	return errors.Join(errs...)
}
