// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package results

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// complete returns the least that can be published.
func complete() string {
	var b strings.Builder
	b.WriteString("commit: 606ddd2\n")
	row := func(name string) {
		for _, stack := range []string{"floor", "slog", "hydra", "hydra+block"} {
			fmt.Fprintf(&b, "Benchmark%s/%s-2 1000 400 ns/op\n", name, stack)
		}
	}
	for _, w := range works {
		row(w.row)
	}
	for _, name := range settings {
		row(name)
	}
	return b.String()
}

func TestOnlyWhatIsCompleteAndOfOneCommitIsPublished(t *testing.T) {
	tests := []struct{ name, without, with, want string }{
		{"complete", "", "", ""},
		{"more than that", "", "BenchmarkThree/zap-2 1000 400 ns/op\nBenchmarkStall/ms=50/slog-2 1000 400 p50-ns\n", ""},
		{"a commit twice", "", "commit: 606ddd2\n", ""},
		{"no work", "BenchmarkThree/.*\n", "", "no results of Three"},
		{"the row of another name", "BenchmarkThree/.*\n", "BenchmarkThreeOn4/slog-2 1000 400 ns/op\n", "no results of Three"},
		{"no goroutines", "BenchmarkPipeline/goroutines=64/.*\n", "", "no results of Pipeline/goroutines=64"},
		{"no stall of 200 ms", "BenchmarkStall/.*\n", "BenchmarkStall/ms=50/slog-2 1000 400 p50-ns\n", "no results of Stall/ms=200"},
		{"no rate", "BenchmarkPace/rate=10000?/.*\n", "", "no results of Pace/rate=1000\nno results of Pace/rate=10000"},
		{"no floor", "BenchmarkPace/rate=10/floor.*\n", "", "no results of Pace/rate=10 for floor"},
		{"no slog", "BenchmarkBurst/slog.*\n", "", "no results of Burst for slog"},
		{"one hydra", "BenchmarkTen/hydra-.*\n", "", "no results of Ten for hydra"},
		{"no hydra", "BenchmarkTen/hydra.*\n", "", "no results of Ten for hydra, hydra+block"},
		{"two commits", "", "commit: 1e8457e\n", "results must be of one commit without changes, not of 606ddd2, 1e8457e"},
		{"with changes", "commit.*\n", "commit: 606ddd2-dirty\n", "results must be of one commit without changes, not of 606ddd2-dirty"},
		{"no commit", "commit.*\n", "", "results must be of one commit without changes, not of unknown"},
		{"commit unknown", "commit.*\n", "commit: unknown\n", "results must be of one commit without changes, not of unknown"},
		{"all at once", "commit.*\n|BenchmarkThree/.*\n", "", "results must be of one commit without changes, not of unknown\nno results of Three"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := complete()
			if tt.without != "" {
				text = regexp.MustCompile(tt.without).ReplaceAllString(text, "")
			}
			var s Set
			assert.NilError(t, s.Read(strings.NewReader(text+tt.with)))
			err := s.Publishable()
			if tt.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.Error(t, err, tt.want)
		})
	}
}

func TestAFileWithoutResultsIsAnError(t *testing.T) {
	var s Set
	assert.Error(t, s.ReadFile(os.DevNull), "no results in "+os.DevNull)

	file := filepath.Join(t.TempDir(), "mine.txt")
	put := func(text string) {
		t.Helper()
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	put(raw)
	assert.NilError(t, s.ReadFile(file))
	assert.NilError(t, s.ReadFile(file)) // nothing but further rounds

	put("goos: linux\nPASS\n")
	assert.Error(t, s.ReadFile(file), "no results in "+file)
	put("BenchmarkThree/zerolog+diode-2  1000\n")
	assert.ErrorContains(t, s.ReadFile(file), file+": torn result")
	assert.ErrorIs(t, s.ReadFile(filepath.Join(t.TempDir(), "absent")), os.ErrNotExist)
}
