// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestCheckFindsWhatDiffersFromTheResults(t *testing.T) {
	dir := t.TempDir()
	readme, raw, chart := filepath.Join(dir, "README.md"), filepath.Join(dir, "micro.txt"), filepath.Join(dir, "chart.svg")
	put := func(file, text string) {
		t.Helper()
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	result := complete()
	put(raw, result)
	put(readme, "<!-- bench:calls -->\n<!-- /bench:calls -->\n")
	check := func() error { return table(nil, true, dir, readme) }

	assert.ErrorContains(t, check(), "README.md is not what the results say")
	assert.NilError(t, table(nil, false, dir, readme))
	assert.NilError(t, check())

	text, err := os.ReadFile(readme)
	assert.NilError(t, err)
	put(readme, strings.Replace(string(text), "10.00×", "1.00×", 1))
	assert.ErrorContains(t, check(), "README.md is not what the results say")
	put(readme, string(text))
	assert.NilError(t, check())

	assert.NilError(t, os.Remove(chart))
	assert.ErrorContains(t, check(), "chart.svg is not what the results say")

	put(raw, strings.Replace(result, "4000", "5000", 1))
	assert.ErrorContains(t, check(), "README.md is not what the results say")
}

func TestPartialResultsAreNotPublished(t *testing.T) {
	dir := t.TempDir()
	readme, raw := filepath.Join(dir, "README.md"), filepath.Join(dir, "micro.txt")
	const text = "<!-- bench:calls -->\n<!-- /bench:calls -->\n"
	assert.NilError(t, os.WriteFile(readme, []byte(text), 0o600))
	for _, partial := range []struct{ result, want string }{
		{"BenchmarkThree/floor-2 100 400 ns/op\n", "no results of Three for slog, hydra, hydra+block\nno results of Ten\n"},
		{strings.Replace(complete(), "606ddd2", "606ddd2-dirty", 1), "not of 606ddd2-dirty"},
		{complete() + "commit: 1e8457e\n", "not of 606ddd2, 1e8457e"},
	} {
		assert.NilError(t, os.WriteFile(raw, []byte(partial.result), 0o600))
		for _, check := range []bool{false, true} {
			assert.ErrorContains(t, table(nil, check, dir, readme), partial.want)
		}
		got, err := os.ReadFile(readme)
		assert.NilError(t, err)
		assert.Equal(t, string(got), text)
		_, err = os.Stat(filepath.Join(dir, "chart.svg"))
		assert.ErrorIs(t, err, os.ErrNotExist)
	}
}

func TestTheChartMayStandAmongTheFiles(t *testing.T) { // as in results/*
	dir := t.TempDir()
	raw, drawn := filepath.Join(dir, "micro.txt"), filepath.Join(dir, chart)
	assert.NilError(t, os.WriteFile(raw, []byte(complete()), 0o600))
	assert.NilError(t, os.WriteFile(drawn, []byte("<svg></svg>"), 0o600))
	assert.NilError(t, table([]string{drawn, raw}, false, dir, ""))
	assert.ErrorContains(t, table([]string{raw, os.DevNull}, false, dir, ""), "no results in "+os.DevNull)
}

func TestCheckTakesNoFiles(t *testing.T) {
	err := table([]string{"mine.txt"}, true, t.TempDir(), "README.md")
	assert.Error(t, err, `"mine.txt": -check takes no files: it reads the published results`)
	assert.ErrorIs(t, err, errCheckFiles)
}

// complete returns results with every row of the README's tables.
func complete() string {
	var b strings.Builder
	b.WriteString("commit: 606ddd2\n")
	for _, row := range []string{
		"Three", "Message", "Ten", "Bound", "Source", "ThreeOn2", "ThreeOn8", "Burst", "Disabled",
		"Pipeline/goroutines=1", "Pipeline/goroutines=2", "Pipeline/goroutines=8", "Pipeline/goroutines=64",
		"Stall/ms=200", "Pace/rate=10", "Pace/rate=1000", "Pace/rate=10000",
	} {
		fmt.Fprintf(&b, "Benchmark%s/floor-2 100 400 ns/op 1e6 records/s 400 p50-ns 400 p99.9-ns\n", row)
		for _, stack := range []string{"slog", "hydra", "hydra+block"} {
			fmt.Fprintf(&b, "Benchmark%s/%s-2 100 4000 ns/op 1e5 records/s 4000 p50-ns 4000 p99.9-ns 0 lost/op\n", row, stack)
		}
	}
	return b.String()
}

func TestFilesAreComparedWithoutPublishing(t *testing.T) {
	dir := t.TempDir()
	readme, raw := filepath.Join(dir, "README.md"), filepath.Join(dir, "mine.txt")
	const text = "<!-- bench:calls -->\n<!-- /bench:calls -->\n"
	assert.NilError(t, os.WriteFile(readme, []byte(text), 0o600))
	assert.NilError(t, os.WriteFile(raw, []byte("BenchmarkThree/floor-2 100 400 ns/op\n"), 0o600))
	assert.NilError(t, table([]string{raw}, false, dir, readme))
	got, err := os.ReadFile(readme)
	assert.NilError(t, err)
	assert.Equal(t, string(got), text)
}
