// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// syncs makes sys count and fail syncs of files, and not of folders.
func syncs(sys *fault.FS) *fault.FS {
	sys.Only = func(op, name string) bool { return op != fault.Sync || strings.HasSuffix(name, ".log") }
	return sys
}

func TestEachPolicySyncsWhenItSays(t *testing.T) {
	tests := []struct {
		name    string
		opts    file.Options
		writes  int // syncs after two writes
		waiting int // and a second and a half later
		flushes int // and after two calls of Flush
		want    int // and after another write and Close
	}{
		{name: "never", opts: file.Options{Sync: file.SyncNever}},
		{name: "at Flush", opts: file.Options{Sync: file.SyncFlush}, flushes: 1, want: 2},
		{name: "every second", opts: file.Options{Sync: file.SyncInterval}, waiting: 1, flushes: 1, want: 2},
		{name: "every minute", opts: file.Options{Sync: file.SyncInterval, SyncEvery: time.Minute}, flushes: 1, want: 2},
		{name: "every batch", opts: file.Options{Sync: file.SyncBatch}, writes: 2, waiting: 2, flushes: 2, want: 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sys := faulty(filepath.Join(t.TempDir(), "app.log"), &tt.opts, nil)
				syncs(sys)
				assert.NilError(t, s.Open(t.Context()))
				write(t, s, "one")
				write(t, s, "two")
				assert.Equal(t, sys.Count(fault.Sync), tt.writes)
				time.Sleep(1500 * time.Millisecond)
				synctest.Wait()
				assert.Equal(t, sys.Count(fault.Sync), tt.waiting)
				assert.NilError(t, s.Flush(t.Context()))
				assert.NilError(t, s.Flush(t.Context())) // with nothing new
				assert.Equal(t, sys.Count(fault.Sync), tt.flushes)
				write(t, s, "three")
				assert.NilError(t, s.Close(t.Context()))
				assert.Equal(t, sys.Count(fault.Sync), tt.want)
				assert.Equal(t, s.Stats().Syncs, uint64(tt.want))
			})
		})
	}
}

func TestARotatedFileIsOnTheDiskBeforeFlushReturns(t *testing.T) {
	s, sys := faulty(filepath.Join(t.TempDir(), "app.log"), &file.Options{Sync: file.SyncFlush}, nil)
	open(t, s)
	folder := sys.Count(fault.Sync)
	assert.Equal(t, folder, 1, "the name of a new file too")
	write(t, s, "one")
	assert.NilError(t, s.Rotate())
	assert.Equal(t, sys.Count(fault.Sync), folder+3, "the file, and the folder with both names")
	assert.NilError(t, s.Flush(t.Context()))
	assert.Equal(t, sys.Count(fault.Sync), folder+3)
}

func TestFault15AFailedSyncIsNeverASuccessLater(t *testing.T) {
	tests := []struct {
		name string
		opts file.Options
		fail func(t *testing.T, s *file.Sink) // has the first sync, which fails
	}{
		{name: "Flush", opts: file.Options{Sync: file.SyncFlush}, fail: func(t *testing.T, s *file.Sink) {
			assert.ErrorIs(t, s.Flush(t.Context()), syscall.EIO)
		}},
		{name: "batch", opts: file.Options{Sync: file.SyncBatch}, fail: func(*testing.T, *file.Sink) {}},
		{name: "interval", opts: file.Options{Sync: file.SyncInterval}, fail: func(*testing.T, *file.Sink) {
			time.Sleep(time.Second)
			synctest.Wait()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				s, sys := faulty(path, &tt.opts, map[string]fault.Script{fault.Sync: fault.At(1, fault.Fail(syscall.EIO))})
				syncs(sys)
				assert.NilError(t, s.Open(t.Context()))
				write(t, s, "one")
				tt.fail(t, s)
				write(t, s, "two")
				for range 3 {
					assert.ErrorIs(t, s.Flush(t.Context()), syscall.EIO)
				}
				assert.Equal(t, sys.Count(fault.Sync), 1, "it is not tried again on this file")
				assert.Equal(t, s.Stats().SyncErrors, uint64(1))

				// Another file can be relied on, after the loss was told once more.
				assert.NilError(t, s.Rotate())
				write(t, s, "three")
				assert.ErrorIs(t, s.Flush(t.Context()), syscall.EIO)
				assert.NilError(t, s.Flush(t.Context()))
				assert.NilError(t, s.Close(t.Context()))
				assert.DeepEqual(t, contents(t, path), []string{"one\ntwo\n", "three\n"})
			})
		})
	}
}

func TestFault15WhoAskedForADiskHearsOfAFailedSyncWhateverOthersWereTold(t *testing.T) {
	tests := []struct {
		name string
		asks []func(t *testing.T, s *file.Sink) error
	}{
		{name: "Flush, Sync", asks: []func(*testing.T, *file.Sink) error{flushNow, syncNow}},
		{name: "Sync, Flush", asks: []func(*testing.T, *file.Sink) error{syncNow, flushNow}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, sys := faulty(filepath.Join(t.TempDir(), "app.log"), &file.Options{Sync: file.SyncFlush},
				map[string]fault.Script{fault.Sync: fault.At(1, fault.Fail(syscall.EIO))})
			syncs(sys)
			open(t, s)
			write(t, s, "one")
			assert.NilError(t, s.Rotate())
			for _, ask := range tt.asks {
				assert.ErrorIs(t, ask(t, s), syscall.EIO)
			}
			for _, ask := range tt.asks {
				assert.NilError(t, ask(t, s))
			}
			assert.NilError(t, s.Close(t.Context()))
		})
	}
}

func TestFault15AFolderThatCannotBeSyncedIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, _ := faulty(path, &file.Options{Sync: file.SyncFlush}, map[string]fault.Script{fault.Sync: fault.First(1, fault.Fail(syscall.EIO))})
	open(t, s)
	for range 2 {
		assert.ErrorContains(t, s.Flush(t.Context()), "cannot bring its name to the disk")
	}
	write(t, s, "one")
	assert.NilError(t, s.Rotate())
	assert.ErrorIs(t, s.Flush(t.Context()), syscall.EIO) // once more, of the file before
	assert.NilError(t, s.Flush(t.Context()))
}

func TestFault39SyncsThatTheFileDoesNotKnowAreNoErrors(t *testing.T) {
	s, _ := faulty(filepath.Join(t.TempDir(), "app.log"), &file.Options{Sync: file.SyncFlush},
		map[string]fault.Script{fault.Sync: fault.Always(fault.Fail(syscall.EINVAL))})
	open(t, s)
	write(t, s, "one")
	if err := s.Flush(t.Context()); isUnix {
		assert.NilError(t, err)
	}
}

func TestCloseTellsOfASyncThatFailed(t *testing.T) {
	s, sys := faulty(filepath.Join(t.TempDir(), "app.log"), &file.Options{Sync: file.SyncFlush},
		map[string]fault.Script{fault.Sync: fault.Always(fault.Fail(syscall.EIO))})
	syncs(sys)
	open(t, s)
	write(t, s, "one")
	assert.ErrorIs(t, s.Close(t.Context()), syscall.EIO)
}

func TestFault33CloseDoesNotWaitForASyncBeyondItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		thawed := make(chan struct{})
		s, sys := faulty(filepath.Join(t.TempDir(), "app.log"), &file.Options{Sync: file.SyncInterval},
			map[string]fault.Script{fault.Sync: fault.At(1, fault.Hang(thawed))})
		syncs(sys)
		assert.NilError(t, s.Open(t.Context()))
		write(t, s, "one")
		time.Sleep(time.Second)
		synctest.Wait() // the sync hangs
		ended, cancel := timeout(t, time.Second)
		defer cancel()
		assert.ErrorContains(t, s.Close(ended), "a sync of a log file does not end")
		close(thawed)
		synctest.Wait()
	})
}
