// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// limit sets a limit of this process for as long as do takes.
func limit(t *testing.T, resource int, most uint64, do func()) {
	t.Helper()
	var old unix.Rlimit
	assert.NilError(t, unix.Getrlimit(resource, &old))
	assert.NilError(t, unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: old.Max}))
	defer func() { assert.NilError(t, unix.Setrlimit(resource, &old)) }()
	do()
}

// withDescriptors calls do while the process can open so many files and no more.
func withDescriptors(t *testing.T, n int, do func()) {
	t.Helper()
	most := 0
	var opened []int
	for range n {
		fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0) // the lowest that is free
		assert.NilError(t, err)
		opened = append(opened, fd)
		most = max(most, fd+1)
	}
	for _, fd := range opened {
		assert.NilError(t, unix.Close(fd))
	}
	limit(t, unix.RLIMIT_NOFILE, uint64(most), do)
}

// withMemory calls do while the process can map about so many bytes and no more.
func withMemory(t *testing.T, n uint64, do func()) {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	assert.NilError(t, err)
	defer f.Close()
	taken := uint64(0)
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "VmSize:"); ok {
			_, err := fmt.Sscan(v, &taken)
			assert.NilError(t, err)
		}
	}
	assert.Assert(t, taken > 0)
	limit(t, unix.RLIMIT_AS, taken<<10+n, do)
}

func TestFault7WhatCannotBeLookedAtJustNowStaysForTheNextStart(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	g := Geometry{Data: 256 << 20, Slots: 8, Batch: 256, BatchRecords: 8}
	p, err := planOf(g)
	assert.NilError(t, err)
	head := make(image, pageBytes)
	newLabel(o, g, 1).write(head, p)
	plant(t, o, head)
	name, err := os.ReadDir(o.Dir)
	assert.NilError(t, err)
	path := o.Dir + "/" + name[0].Name()
	assert.NilError(t, os.Truncate(path, int64(p.size))) // without a byte of memory
	found, quarantined, err := Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(found), 1)
	assert.Equal(t, len(quarantined), 0)
	for _, test := range []struct {
		name string
		with func(do func())
		path string
		want error
	}{
		{"no memory to map it", func(do func()) { withMemory(t, 128<<20, do) }, path, unix.ENOMEM},
		{"no descriptor for it", func(do func()) { withDescriptors(t, 2, do) }, path, unix.EMFILE},
		{"no descriptor for its directory", func(do func()) { withDescriptors(t, 1, do) }, o.Dir, unix.EMFILE},
	} {
		t.Run(test.name, func(t *testing.T) {
			var err error
			test.with(func() { _, err = found[0].Adopt() })
			assert.ErrorIs(t, err, test.want)
			assert.Assert(t, !errors.Is(err, ErrTaken))
			var bad *QuarantineError
			assert.Assert(t, !errors.As(err, &bad), "%v", err)
			var about *fs.PathError
			assert.Assert(t, errors.As(err, &about))
			assert.Equal(t, about.Path, test.path)
			again, quarantined, err := Orphans(o)
			assert.NilError(t, err)
			assert.DeepEqual(t, again[0].Path, path)
			assert.Equal(t, len(quarantined), 0)
		})
	}
}

func TestOrphansNamesTheDirectoryThatItCannotRead(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	r, err := Create(o, small)
	assert.NilError(t, err)
	assert.NilError(t, r.Leave())
	var found []Candidate
	withDescriptors(t, 2, func() { found, _, err = Orphans(o) }) // for the directory, and none to list it
	assert.Equal(t, len(found), 0)
	assert.ErrorIs(t, err, unix.EMFILE)
	assert.ErrorContains(t, err, "ring: Durable.Dir: open "+o.Dir+": ")
}

func TestARingThatCannotBeClearedStaysLocked(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	r, err := Create(o, small)
	assert.NilError(t, err)
	r.Fill(0, 0, []byte("a"))
	r.image = r.image[1:] // an address that the kernel maps nothing at
	left := false
	assert.ErrorIs(t, r.let(func() error { left = true; return nil }), unix.EINVAL)
	assert.Assert(t, left)
	found, _, err := Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(found), 0, "a producer that comes late may still store there")

	assert.NilError(t, unix.Flock(r.fd, unix.LOCK_UN)) // as when the process ends
	defer unix.Close(r.fd)
	found, _, err = Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(found), 1)
}
