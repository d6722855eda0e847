// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// TestFault10 takes the power away at random moments.
func TestFault10WhatWasSyncedIsThereWhenThePowerComesBack(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a rotated file has no number to be found by")
	}
	tests := []struct {
		name string
		opts file.Options
	}{
		{name: "never synced by itself", opts: file.Options{}},
		{name: "rotated, never synced by itself", opts: file.Options{MaxSize: 2048}},
		{name: "rotated, synced at Flush", opts: file.Options{MaxSize: 2048, Sync: file.SyncFlush}},
		{name: "rotated, every batch", opts: file.Options{MaxSize: 2048, Sync: file.SyncBatch}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checked := 0
			for seed := range uint64(25) {
				r := rand.New(rand.NewPCG(seed, 10))
				faults := rand.New(rand.NewPCG(seed, 15)) // of the writer's goroutine
				dir, after := t.TempDir(), t.TempDir()
				s := file.New(filepath.Join(dir, "app.log"), &tt.opts)
				disk := &fault.Disk{FileSystem: file.Everywhere}
				failing := &fault.FS{FileSystem: disk, On: map[string]fault.Script{fault.Sync: func(n int) fault.Action {
					if n < 20 || faults.IntN(20) > 0 {
						return fault.Action{}
					}
					return fault.Fail(syscall.EIO)
				}}}
				s.SetSystem(failing)
				h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
					"default": {Destinations: []hydra.Destination{{
						Sink: s, Policy: hydra.Block, SyncLevel: slog.LevelError, SyncTo: hydra.SurvivesPower,
					}}},
				}})
				assert.NilError(t, err)
				first, end := 0, 0 // the records that the disk must have
				told := func(err error, i int) {
					if end = i + 1; err != nil {
						first = i + 1 // what was told is not told again
					}
				}
				for i := range 20 + r.IntN(200) {
					record := slog.Record{Message: fmt.Sprintf("record %d %s.", i, strings.Repeat("x", r.IntN(300)))}
					if r.IntN(30) == 0 {
						record.Level = slog.LevelError
					}
					err := h.Handle(t.Context(), record)
					if record.Level == slog.LevelError {
						told(err, i)
					}
					if r.IntN(40) == 0 {
						told(h.FlushTo(t.Context(), hydra.SurvivesPower), i)
					}
				}
				assert.NilError(t, h.FlushTo(t.Context(), hydra.SurvivesProcess))
				assert.NilError(t, disk.Crash(dir, after, r))
				_ = h.Close(t.Context()) // a sync may have failed

				path := filepath.Join(after, "app.log")
				later := file.New(path, &tt.opts)
				assert.NilError(t, later.Open(t.Context()))
				write(t, later, "the end.")
				assert.NilError(t, later.Close(t.Context()))
				text := strings.Join(contents(t, path), "")
				assert.Assert(t, strings.HasSuffix(text, "\nthe end.\n") || text == "the end.\n", "seed %d", seed)
				for i := first; i < end; i++ {
					n := strings.Count(text, fmt.Sprintf(`"msg":"record %d `, i))
					assert.Equal(t, n, 1, "seed %d: record %d of %d to %d that were promised", seed, i, first, end)
				}
				checked += end - first
			}
			assert.Assert(t, checked > 100, "only %d records were promised", checked)
		})
	}
}

func TestSyncCoversFilesThatWereRotatedBeforeItWasAskedFor(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a rotated file has no number to be found by, and is synced at once")
	}
	dir := t.TempDir()
	s, sys := faulty(filepath.Join(dir, "a", "b", "app.log"), &file.Options{MkdirAll: true}, nil)
	var synced []string
	sys.Only = func(op, name string) bool {
		if op == fault.Sync {
			synced = append(synced, filepath.Base(name))
		}
		return true
	}
	open(t, s)
	for _, line := range []string{"one", "two", "three"} {
		write(t, s, line)
		if line != "three" {
			assert.NilError(t, s.Rotate())
		}
	}
	assert.NilError(t, s.Flush(t.Context()))
	assert.Equal(t, len(synced), 0, "%v", synced)
	found := backups(t, s.String())
	assert.Equal(t, len(found), 2)
	assert.NilError(t, os.Rename(found[0], found[0]+".moved"))

	assert.NilError(t, s.Sync(t.Context()))
	assert.DeepEqual(t, synced[:5], []string{filepath.Base(found[0]) + ".moved", filepath.Base(found[1]), "b", "a", filepath.Base(dir)})
	assert.Equal(t, synced[len(synced)-1], "app.log")
	synced = nil
	assert.NilError(t, s.Sync(t.Context()))
	assert.Equal(t, len(synced), 0, "nothing is new: %v", synced)
	write(t, s, "four")
	assert.NilError(t, s.Rotate())
	assert.DeepEqual(t, synced, []string{"b", "app.log", "b"})
}

func TestFault19AFileThatIsMovedToAnotherFolderIsOnTheDiskAfterReopen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files are not moved while they are open")
	}
	tests := []struct {
		name string
		to   string
		want int // syncs of the file within Reopen
	}{
		{name: "another folder", to: "old/app.log", want: 1},
		{name: "the same folder, where it is found later", to: "app.log.1", want: 0},
		{name: "deleted", want: 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "app.log")
			assert.NilError(t, os.Mkdir(filepath.Join(dir, "old"), 0o700))
			s, sys := faulty(path, nil, nil)
			syncs(sys)
			open(t, s)
			write(t, s, "one")
			if tt.to == "" {
				assert.NilError(t, os.Remove(path))
			} else {
				assert.NilError(t, os.Rename(path, filepath.Join(dir, tt.to)))
			}
			assert.NilError(t, s.Reopen())
			assert.Equal(t, sys.Count(fault.Sync), tt.want)
			assert.NilError(t, s.Sync(t.Context()))
		})
	}
}

func TestFault19ASyncOfAFileThatWasMovedAwayIsToldIfItFails(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files are not moved while they are open")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	s, sys := faulty(path, nil, map[string]fault.Script{fault.Sync: fault.At(1, fault.Fail(syscall.EIO))})
	syncs(sys)
	open(t, s)
	write(t, s, "one")
	assert.NilError(t, os.Rename(path, filepath.Join(t.TempDir(), "app.log")))
	assert.NilError(t, s.Reopen())
	write(t, s, "two")
	assert.ErrorIs(t, s.Sync(t.Context()), syscall.EIO)
	assert.NilError(t, s.Sync(t.Context()))
}

func TestFault15ASyncThatFailedFailsUntilThereIsAnotherFile(t *testing.T) {
	tests := []struct {
		name string
		only func(op, name string) bool
		on   fault.Script
	}{
		{name: "the file", only: func(op, name string) bool { return op == fault.Sync && strings.HasSuffix(name, ".log") }},
		{name: "the folder", only: func(op, name string) bool { return op == fault.Sync && !strings.HasSuffix(name, ".log") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			s, sys := faulty(path, nil, map[string]fault.Script{fault.Sync: fault.At(1, fault.Fail(syscall.EIO))})
			sys.Only = tt.only
			open(t, s)
			write(t, s, "one")
			for range 3 {
				assert.ErrorIs(t, s.Sync(t.Context()), syscall.EIO)
			}
			write(t, s, "two")
			assert.ErrorIs(t, s.Sync(t.Context()), syscall.EIO)
			assert.NilError(t, s.Rotate())
			_ = s.Sync(t.Context()) // it tells once more what became of the file before
			write(t, s, "three")
			assert.NilError(t, s.Rotate())
			write(t, s, "four")
			assert.NilError(t, s.Sync(t.Context()))
		})
	}
}

func TestFault15And24AFolderThatCannotBeOpenedIsNotCalledSynced(t *testing.T) {
	tests := []struct {
		name string
		err  error
		opts file.Options
		sync func(t *testing.T, s *file.Sink) error
		want error
	}{
		{name: "no descriptors", err: syscall.EMFILE, sync: syncNow, want: syscall.EMFILE},
		{name: "a broken disk", err: syscall.EIO, sync: syncNow, want: syscall.EIO},
		{name: "Flush", err: syscall.EMFILE, opts: file.Options{Sync: file.SyncFlush}, sync: flushNow, want: syscall.EMFILE},
		{name: "each batch", err: syscall.EMFILE, opts: file.Options{Sync: file.SyncBatch}, sync: flushNow, want: syscall.EMFILE},
		{name: "no permission to read it", err: syscall.EACCES, sync: syncNow},
		{name: "no permission, Flush", err: syscall.EACCES, opts: file.Options{Sync: file.SyncFlush}, sync: flushNow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			failing, synced := true, 0
			s, sys := faulty(filepath.Join(dir, "app.log"), &tt.opts, map[string]fault.Script{
				fault.Open: func(int) fault.Action {
					if failing {
						return fault.Fail(tt.err)
					}
					return fault.Action{}
				},
			})
			sys.Only = func(op, name string) bool {
				if op == fault.Sync && name == dir {
					synced++
				}
				return op == fault.Open && name == dir
			}
			open(t, s)
			write(t, s, "one")
			for range 2 {
				if err := tt.sync(t, s); tt.want != nil {
					assert.ErrorIs(t, err, tt.want)
				} else {
					assert.NilError(t, err)
				}
			}
			assert.Equal(t, s.Stats().SyncErrors > 0, tt.want != nil, s.Stats().LastError)
			failing = false
			assert.NilError(t, tt.sync(t, s))
			if tt.want != nil {
				assert.Equal(t, synced, 1, "it is made up for once it can be opened")
			}
		})
	}
}

func TestFault15And24ARotatedFileThatCannotBeOpenedIsNotCalledSynced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a rotated file has no number to be found by, and is synced at once")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	var failing string // the file that cannot be opened
	s, sys := faulty(path, nil, map[string]fault.Script{fault.Open: fault.Always(fault.Fail(syscall.EMFILE))})
	var synced []string
	sys.Only = func(op, name string) bool {
		if op == fault.Sync && strings.HasPrefix(filepath.Base(name), "app-") {
			synced = append(synced, name)
		}
		return op == fault.Open && name == failing
	}
	open(t, s)
	for range 3 {
		write(t, s, "one")
		assert.NilError(t, s.Rotate())
	}
	found := backups(t, path)
	failing = found[1]
	for range 2 {
		assert.ErrorIs(t, s.Sync(t.Context()), syscall.EMFILE)
	}
	failing = ""
	assert.NilError(t, s.Sync(t.Context()))
	assert.DeepEqual(t, synced, []string{found[0], found[2], found[1]})
}

func syncNow(t *testing.T, s *file.Sink) error  { return s.Sync(t.Context()) }
func flushNow(t *testing.T, s *file.Sink) error { return s.Flush(t.Context()) }

func TestFault39SyncSaysWhatCannotBeOnADisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, _ := faulty(path, nil, map[string]fault.Script{fault.Sync: fault.Always(fault.Fail(syscall.EINVAL))})
	assert.ErrorContains(t, s.Sync(t.Context()), "file already closed")
	open(t, s)
	write(t, s, "one")
	for range 2 {
		assert.ErrorIs(t, s.Sync(t.Context()), syscall.EINVAL)
	}
	if isUnix {
		null := opened(t, os.DevNull, &file.Options{AllowForeign: true})
		assert.ErrorContains(t, null.Sync(t.Context()), "it is a pipe or a device")
	}
}
