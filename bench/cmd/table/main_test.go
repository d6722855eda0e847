// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
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
	const result = "BenchmarkThree/floor-2 100 400 ns/op\nBenchmarkThree/slog-2 100 4000 ns/op 0 lost/op\n"
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
