// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/spool"
)

// watcher is a sink that looks into a folder when it is flushed.
type watcher struct {
	*fault.Sink
	look func()
}

func (w watcher) Flush(ctx context.Context) error {
	w.look()
	return w.Sink.Flush(ctx)
}

func TestTheInnerSinkFlushesBeforeASegmentIsRemoved(t *testing.T) {
	tests := []struct {
		name   string
		policy spool.Sync
		want   int // calls of its Flush
	}{
		{"never", spool.SyncNever, 1}, // that of Close
		{"flush", spool.SyncFlush, 3},
		{"batch", spool.SyncBatch, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			o := &spool.Options{SegmentBytes: 1 << 10, Sync: tt.policy}
			paths := left(t, dir, 3, 50, o)
			assert.Equal(t, len(paths), 3)
			var found []int
			inner := watcher{&fault.Sink{}, func() { found = append(found, len(segments(t, dir))) }}
			s := opened(t, inner, dir, o)
			assert.NilError(t, s.Close(t.Context()))
			assert.Equal(t, len(found), tt.want, "%v", found)
			if tt.want == 3 {
				assert.DeepEqual(t, found, []int{3, 2, 1})
			}
			assert.DeepEqual(t, inner.Lines(), lines(0, 150))
		})
	}
}

func TestFault15ASyncThatFailsIsToldByFlushAndNotTriedAgain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows can flush a pipe")
	}
	for _, policy := range []spool.Sync{spool.SyncNever, spool.SyncFlush} {
		dir := t.TempDir()
		away := fault.Always(fault.Fail(syscall.ECONNREFUSED)) // of another kind than the error of the sync
		s := opened(t, &fault.Sink{OnOpen: away}, dir, &spool.Options{Sync: policy})
		_, err := s.Write(ended(), numbered(0, 5))
		assert.NilError(t, err)
		r, w, err := os.Pipe()
		assert.NilError(t, err)
		defer r.Close()
		s.SetTail(w) // a pipe cannot be synced
		if policy == spool.SyncNever {
			assert.NilError(t, s.Flush(t.Context()))
			assert.NilError(t, s.Close(t.Context()))
			continue
		}
		assert.ErrorContains(t, s.Flush(t.Context()), "cannot bring it to the disk")
		assert.Assert(t, s.Noted("sync"), "for those who never flush")
		assert.NilError(t, s.Flush(t.Context()))
		_, err = s.Write(ended(), numbered(5, 9))
		assert.NilError(t, err)
		assert.Equal(t, len(segments(t, dir)), 2) // the one that failed is left alone
		assert.NilError(t, s.Flush(t.Context()))
		assert.NilError(t, s.Close(t.Context()))
		got, _ := replayed(t, dir)
		assert.DeepEqual(t, got, lines(0, 9))
	}
}

func TestTheNamesOfTheFolderAndOfSegmentsAreBroughtToTheDisk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the system keeps names in a journal")
	}
	tests := []struct {
		name   string
		policy spool.Sync
		want   []string
	}{
		{"never", spool.SyncNever, nil},
		{"flush", spool.SyncFlush, []string{"above", "above/spool"}},
		{"batch", spool.SyncBatch, []string{"above", "above/spool"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			assert.NilError(t, os.Mkdir(filepath.Join(root, "above"), 0o700))
			var synced []string
			defer spool.WatchFolders(func(path string) {
				name, err := filepath.Rel(root, path)
				assert.NilError(t, err)
				synced = append(synced, name)
			})()
			dir := filepath.Join(root, "above", "spool")
			s := opened(t, &fault.Sink{OnOpen: fault.Always(fault.Fail(errAway))}, dir, &spool.Options{Sync: tt.policy})
			_, err := s.Write(ended(), numbered(0, 5))
			assert.NilError(t, err)
			assert.NilError(t, s.Close(t.Context()))
			assert.DeepEqual(t, synced, tt.want)
		})
	}
}

// shows is a sink with a state, or without one.
type shows struct {
	*fault.Sink
	state func() (any, bool)
}

func (s shows) State() (any, bool) { return s.state() }

func TestStateHasThatOfTheInnerSink(t *testing.T) {
	tests := []struct {
		name         string
		state        func() (any, bool)
		want         any
		wantDegraded bool
	}{
		{"well", func() (any, bool) { return 7, false }, 7, false},
		{"not well", func() (any, bool) { return 7, true }, 7, true},
		{"panics", func() (any, bool) { panic("no state") }, "panic: no state", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := spool.New(shows{&fault.Sink{}, tt.state}, t.TempDir(), nil)
			st, degraded := s.State() // also before Open
			assert.Equal(t, st.(spool.State).Inner, tt.want)
			assert.Equal(t, degraded, tt.wantDegraded)
		})
	}
}
