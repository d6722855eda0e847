// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build fault && linux

package hydra

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
)

// smallGroup returns a cgroup whose processes have so much memory.
func smallGroup(t *testing.T, limit int64) string {
	t.Helper()
	dir, err := fault.MemoryGroup(limit)
	if err != nil {
		t.Skip("no cgroup can be made here: ", err)
	}
	t.Cleanup(func() { assert.Check(t, os.Remove(dir)) })
	return dir
}

// Past its limit the kernel would kill the process: there is no error to see.
func TestFault71AQueueFileThatIsTooLargeForTheGroupIsRefused(t *testing.T) {
	if isChild(t) {
		group, err := os.OpenFile(filepath.Join(os.Getenv("HYDRA_TEST_GROUP"), "cgroup.procs"), os.O_WRONLY, 0)
		if err == nil {
			_, err = group.WriteString("0")
		}
		if err != nil {
			endChild("%v", err)
		}
		d := Destination{Name: "d", Sink: Writer(os.Stderr), Queue: Queue{Bytes: 64 << 20}, Durable: &Durable{Dir: os.Getenv("HYDRA_TEST_RINGS")}}
		c := Config{MemoryLimit: -1, Layers: map[string]Layer{"default": {Destinations: []Destination{d}}}}
		_, large := Open(c)
		d.Queue = Queue{Records: 1000, Bytes: 1 << 20}
		c.Layers["default"] = Layer{Destinations: []Destination{d}}
		h, small := Open(c)
		if small == nil {
			small = h.Close(context.Background())
		}
		endChild("%v\n%v", small, large)
	}
	rings, err := os.MkdirTemp("/dev/shm", "hydra-test-")
	assert.NilError(t, err)
	defer os.RemoveAll(rings)
	cmd := child(t)
	cmd.Env = append(cmd.Env, "HYDRA_TEST_RINGS="+rings, "HYDRA_TEST_GROUP="+smallGroup(t, 48<<20))
	small, large, _ := strings.Cut(report(t, cmd), "\n")
	assert.Equal(t, small, "<nil>")
	assert.Assert(t, strings.Contains(large, `Layers["default"].Destinations[0].Durable`), large)
	t.Log(large)
}
