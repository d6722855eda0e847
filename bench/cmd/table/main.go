// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Table compares what the benchmarks measured.
//
//	go run ./cmd/table FILE…    print medians and ratios of these results
//	go run ./cmd/table          the same for results/*.txt; then draw results/chart.svg
//	                            and rewrite the tables in the README
//	go run ./cmd/table -check   fail if the chart or the README says something else
//	                            than results/*.txt
//
// The README is only compared with results, and rewritten from them, that have every
// row of its tables and are of one commit.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hydra-logger/hydra/bench/internal/results"
)

func main() {
	var (
		check  = flag.Bool("check", false, "write nothing, and fail where the published differs from the results")
		dir    = flag.String("results", "results", "`directory` of the published results and of the chart")
		readme = flag.String("readme", "../README.md", "`file` with the tables")
	)
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := table(flag.Args(), *check, *dir, *readme); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, errCheckFiles) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

const usage = `usage: table FILE…     print medians and ratios of these results
       table [flags]   the same for the published results; then publish them
       table -check    compare what is published with the results

`

// chart is the name of the chart, in the directory of the results.
const chart = "chart.svg"

var errCheckFiles = errors.New("-check takes no files: it reads the published results")

func table(files []string, check bool, dir, readme string) error {
	publish := len(files) == 0
	if check && !publish {
		return fmt.Errorf("%q: %w", files[0], errCheckFiles)
	}
	if publish {
		var err error
		if files, err = filepath.Glob(filepath.Join(dir, "*.txt")); err != nil {
			return err
		}
	}
	var set results.Set
	for _, file := range files {
		if filepath.Base(file) == chart {
			continue // results/* has it, too
		}
		if err := set.ReadFile(file); err != nil {
			return err
		}
	}
	if !check {
		w := bufio.NewWriter(os.Stdout)
		results.Print(w, &set)
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if !publish {
		return nil
	}
	if err := set.Publishable(); err != nil {
		return fmt.Errorf("these results are not fit to publish:\n%w", err)
	}
	old, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	text, err := set.Fill(string(old))
	if err != nil {
		return fmt.Errorf("%s: %w", readme, err)
	}
	put := write
	if check {
		put = compare
	}
	if err := put(readme, text); err != nil {
		return err
	}
	return put(filepath.Join(dir, chart), set.Chart())
}

func write(file, text string) error { return os.WriteFile(file, []byte(text), 0o644) }

func compare(file, text string) error {
	got, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if string(got) != text {
		return fmt.Errorf("%s is not what the results say: run go run ./cmd/table", file)
	}
	return nil
}
