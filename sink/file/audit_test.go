// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/audit"
	"github.com/hydra-logger/hydra/sink/file"
)

var auditKey = []byte("a key of 19 bytes..")

// logAudited logs records through a handler whose destination has Audit, and a queue
// that is too small for them, to a file that is rotated all the time.
func logAudited(dir string, records int) (hydra.Health, error) {
	h, err := hydra.Open(hydra.Config{MemoryLimit: -1, Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
		Sink:  file.New(filepath.Join(dir, "app.log"), &file.Options{MaxSize: 16 << 10, Compress: "gzip"}),
		Queue: hydra.Queue{Records: 200},
		Audit: &hydra.Audit{Key: auditKey},
	}}}}})
	if err != nil {
		return hydra.Health{}, err
	}
	log := slog.New(h)
	for i := range records {
		log.Info("record", "i", i, "of", os.Getpid())
	}
	err = h.Close(context.Background())
	return h.Health(), err
}

// audited returns what all files in dir prove.
func audited(t *testing.T, dir string) audit.Report {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "app*.log*"))
	assert.NilError(t, err)
	assert.Assert(t, len(names) > 3, "got %v", names)
	a := audit.New(auditKey)
	for _, name := range names {
		f, err := os.Open(name)
		assert.NilError(t, err)
		assert.NilError(t, a.Read(name, f))
		assert.NilError(t, f.Close())
	}
	return a.Report()
}

func TestRotatedFilesProveEveryRunThatWroteToThem(t *testing.T) {
	dir := t.TempDir()
	told, written := uint64(0), uint64(0)
	for range 2 {
		h, err := logAudited(dir, 3000)
		assert.NilError(t, err)
		told += h.Destinations[0].Losses.Oldest
		written += h.Destinations[0].Written
	}
	report := audited(t, dir)
	assert.Equal(t, report.Verdict, audit.Proven, "%+v", report)
	assert.Equal(t, len(report.Runs), 2)
	assert.Equal(t, report.Runs[0].Told+report.Runs[1].Told, told)
	assert.Equal(t, report.Runs[0].Lines+report.Runs[1].Lines, written)
}

func TestFilesOfSeveralProcessesProveEachOfThem(t *testing.T) {
	if isChild(t) {
		h, err := logAudited(os.Getenv(childDir), 3000)
		d := h.Destinations[0]
		// A record that found the oldest one held up never entered the queue, and has no number.
		endChild("%v %s of %d, %d offered", err, d.Trail, d.Offered-d.Losses.Contended, d.Offered)
	}
	dir := t.TempDir()
	var children sync.WaitGroup
	reports := make([]string, 3)
	for i := range reports {
		children.Go(func() { reports[i] = report(t, dir) })
	}
	children.Wait()
	got := audited(t, dir)
	assert.Equal(t, got.Verdict, audit.Proven, "%+v", got)
	assert.Equal(t, len(got.Runs), len(reports))
	for _, run := range got.Runs {
		want := fmt.Sprintf("<nil> %s.%d of %[2]d, 3000 offered", run.ID, run.Last)
		assert.Assert(t, strings.Contains(strings.Join(reports, "\n"), want), "%q has no %q", reports, want)
	}
}
