// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// TestMain fails the package if its tests leave goroutines behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFault66CloseLeavesNoGoroutine(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	for range 1000 {
		r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) { d.Queue = hydra.Queue{Records: 8, Bytes: 1 << 10} })
		r.log(1, 3)
		assert.NilError(t, r.Flush(context.Background()))
		r.close()
		assert.Equal(t, r.sink.Count(fault.Close), 1)
	}
	goleak.VerifyNone(t, ignore)
}

// resources returns how many descriptors this process has and how many files it
// has mapped.
func resources(t *testing.T) (descriptors, mappings int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("there is no /proc here: ", err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	assert.NilError(t, err)
	return len(entries), strings.Count(string(maps), " /")
}

func TestFault66HandlersLeaveNothingOpen(t *testing.T) {
	dir := t.TempDir()
	var descriptors, mappings int
	for i := range 1001 {
		h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{
			{Sink: file.New(filepath.Join(dir, "app.log"), &file.Options{MaxSize: 1 << 20}), Queue: hydra.Queue{Records: 8, Bytes: 1 << 10}},
			{Sink: hydra.Stdout(), Level: slog.LevelError, Queue: hydra.Queue{Records: 8, Bytes: 1 << 10}},
		}}}})
		slog.New(h).Info("m")
		assert.NilError(t, h.Close(t.Context()))
		if i == 0 { // the first may open what the process keeps
			descriptors, mappings = resources(t)
		}
	}
	// The collector may let go of what other tests left to it, but 1000 leaks are more.
	gotDescriptors, gotMappings := resources(t)
	assert.Assert(t, gotDescriptors <= descriptors, "got %d descriptors, want at most %d", gotDescriptors, descriptors)
	assert.Assert(t, gotMappings <= mappings, "got %d mappings, want at most %d", gotMappings, mappings)
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1)
}
