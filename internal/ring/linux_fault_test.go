// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build fault && linux

package ring

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
)

// mounted returns a folder with a tmpfs of its own.
func mounted(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	unmount, err := fault.Mount(dir, size)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { assert.NilError(t, unmount()) })
	return dir
}

func TestFault70ATmpfsThatIsTooSmallIsAnError(t *testing.T) {
	o := Options{Dir: mounted(t, "256k"), Name: "n", Program: "p"}
	g := Geometry{Data: 200 << 10, Slots: 64, Batch: 4096, BatchRecords: 64}
	_, err := Create(o, Geometry{Data: 1 << 20, Slots: 64, Batch: 4096, BatchRecords: 64})
	assert.ErrorIs(t, err, unix.ENOSPC)
	assert.ErrorContains(t, err, "ring: Durable.Dir: a queue of this size takes ")
	r, err := Create(o, g)
	assert.NilError(t, err)
	// All of its memory is there, so a full file system harms none of what comes now.
	ballast, err := os.Create(filepath.Join(o.Dir, "ballast"))
	assert.NilError(t, err)
	_, err = io.CopyN(ballast, zeros{}, 1<<20)
	assert.ErrorIs(t, err, unix.ENOSPC)
	assert.NilError(t, ballast.Close())
	for n := range uint32(50) {
		r.Fill(n, n*4096, []byte(strings.Repeat("x", 4096)))
	}
	assert.NilError(t, r.Retired())
	_, err = Create(o, g)
	assert.ErrorIs(t, err, unix.ENOSPC)
	left, err := filepath.Glob(filepath.Join(o.Dir, "*.tmp"))
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
	assert.NilError(t, r.Remove())
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// limited returns how to start a process in a cgroup of its own with a limit.
func limited(t *testing.T, limit int64) []string {
	t.Helper()
	group, err := fault.MemoryGroup(limit)
	if err != nil {
		t.Skip("no cgroup can be made here: ", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(group); err != nil && !errors.Is(err, unix.EBUSY) { // pages of tmpfs may be charged to it
			t.Error(err)
		}
	})
	return []string{"/bin/sh", "-c", "echo $$ > " + group + `/cgroup.procs && exec "$@"`, "sh"}
}

func TestFault71ARingBeyondTheMemoryLimitIsAnError(t *testing.T) {
	for _, test := range []struct {
		limit int64
		want  string
	}{
		{20 << 20, "and a queue may take an eighth: make Queue.Bytes smaller, or the limit larger"},
		{1 << 30, ""},
	} {
		dir := shm(t)
		cmd, out := start(t, "create", dir, limited(t, test.limit)...)
		said, err := io.ReadAll(out)
		assert.NilError(t, err)
		_ = cmd.Wait()
		assert.Equal(t, cmd.ProcessState.ExitCode(), 3, "killed") // and not by a signal
		assert.Assert(t, strings.Contains(string(said), test.want) && (test.want != "" || len(said) == 0), "%s", said)
		assert.NilError(t, os.RemoveAll(dir)) // its pages are charged to the cgroup
	}
}

func TestFault2WhatWasAcknowledgedIsThereWhenMemoryRanOut(t *testing.T) {
	dir := shm(t)
	cmd, signs := start(t, "memory", dir, limited(t, 128<<20)...)
	_, err := io.Copy(io.Discard, signs)
	assert.NilError(t, err)
	_ = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(interface{ Signaled() bool })
	assert.Assert(t, ok && status.Signaled(), "%v", cmd.ProcessState)
	if n := survey(t, dir); n < childRecords/4 {
		t.Errorf("got %d acknowledged records, want about %d", n, childRecords/2)
	}
	assert.NilError(t, os.RemoveAll(dir))
}
