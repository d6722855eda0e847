// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// TestFault27 lets several processes write to one file, rotate it all the time and
// compress what they rotated, on a disk that is full again and again, and looks for
// every line.
func TestFault27SeveralProcessesKeepEveryLineWhole(t *testing.T) {
	const children, batches, perBatch = 4, 60, 20
	if isChild(t) {
		ctx := context.Background()
		// Where half a record can be taken back the disk is full all the time.
		on := map[string]fault.Script{}
		if takesBack {
			on[fault.Write] = func(n int) fault.Action {
				if n%5 != 0 {
					return fault.Action{}
				}
				return fault.Short(37*n%2000, syscall.ENOSPC)
			}
		}
		s, sys := faulty(filepath.Join(os.Getenv(childDir), "app.log"), &file.Options{MaxSize: 64 << 10, Compress: "gzip"}, on)
		sys.Only = func(_, name string) bool { return !strings.HasSuffix(name, ".tmp") }
		err := s.Open(ctx)
		for i := range batches {
			var lines []string
			for j := range perBatch {
				lines = append(lines, fmt.Sprintf("%d %d %d %s.", os.Getpid(), i, j, strings.Repeat("x", 100*j)))
			}
			b := batchOf(lines...)
			for taken := 0; taken < len(b.Bytes); {
				n, werr := s.Write(ctx, rest(b, taken))
				if taken += n; werr != nil && !errors.Is(werr, syscall.ENOSPC) {
					endChild("%v", werr)
				}
			}
		}
		rotations := s.Stats().Rotations
		endChild("%v %d %s", errors.Join(err, s.Close(ctx)), rotations, s.Stats().LastError)
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	reports := make([]string, children)
	for i := range children {
		wg.Go(func() { reports[i] = report(t, dir) })
	}
	wg.Wait()
	rotations := 0
	for _, r := range reports {
		var n int
		_, err := fmt.Sscanf(r, "<nil> %d", &n)
		assert.NilError(t, err, r)
		rotations += n
	}
	assert.Assert(t, rotations > 10, "%d rotations", rotations)

	// The next process compresses what is left, and no line is anywhere twice.
	path := filepath.Join(dir, "app.log")
	seen := make(map[string]int)
	last := make(map[string]int)
	files := append(backups(t, path), path)
	assert.Equal(t, len(files), rotations+1)
	for _, f := range files {
		text := ""
		if strings.HasSuffix(f, ".gz") {
			text = unzip(t, f)
		} else {
			text = content(t, f)
		}
		for line := range strings.Lines(text) {
			var pid string
			var i, j int
			_, err := fmt.Sscanf(line, "%s %d %d", &pid, &i, &j)
			assert.NilError(t, err, "torn: %q", line)
			assert.Assert(t, strings.HasSuffix(line, ".\n") && strings.Count(line, "x") == 100*j, "torn: %q", line)
			seen[fmt.Sprint(pid, i, j)]++
			assert.Assert(t, last[pid] <= i*perBatch+j, "out of order: %q", line)
			last[pid] = i*perBatch + j
		}
	}
	assert.Equal(t, len(seen), children*batches*perBatch)
}
