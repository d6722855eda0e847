// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// unreadable is a segment on a disk that fails from an offset on, up to a time.
type unreadable struct {
	io.ReaderAt
	from  int64
	until time.Time
}

func (u *unreadable) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > u.from && time.Now().Before(u.until) {
		return 0, syscall.EIO
	}
	return u.ReaderAt.ReadAt(p, off)
}

// secondFrame is where the second frame begins of what failing spools.
var secondFrame = headerSize + frameSize(len("one\n"), 1)

// failing returns a spool whose oldest segment, of two frames, cannot be read from an
// offset on for some time. Another segment is behind that. The inner sink opens when
// the gate is closed.
func failing(t *testing.T, inner *fault.Sink, from int64, long time.Duration) (s *Sink, gate chan struct{}) {
	t.Helper()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	gate = make(chan struct{})
	inner.OnOpen = fault.At(1, fault.Hang(gate))
	s = New(inner, t.TempDir(), nil)
	assert.NilError(t, s.Open(t.Context()))
	write := func(record string) {
		n, err := s.Write(over, sink.Batch{Bytes: []byte(record), Ends: []int{len(record)}})
		assert.NilError(t, err)
		assert.Equal(t, n, len(record))
	}
	write("one\n")
	write("two\n")
	func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.NilError(t, s.store.endTail())
		f, err := os.Open(filepath.Join(s.dir, s.store.segments[0].name()))
		assert.NilError(t, err)
		s.store.head = f
		s.store.reader.open(&unreadable{f, from, time.Now().Add(long)}, s.store.segments[0].id)
	}()
	write("three\n")
	return s, gate
}

func TestFault15WhatCannotBeReadIsKeptAndAllElseIsDelivered(t *testing.T) {
	tests := []struct {
		name            string
		from            int64
		long            time.Duration
		want            string
		wantDamaged     uint64
		wantQuarantined int
	}{
		{"the segment", 0, time.Hour, "three\n", 2, 1},
		{"its second frame", secondFrame, time.Hour, "one\nthree\n", 1, 1},
		{"its second frame, for some seconds", secondFrame, 30 * time.Second, "one\ntwo\nthree\n", 0, 0},
		{"the segment, for some seconds", 0, 30 * time.Second, "one\ntwo\nthree\n", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var inner fault.Sink
				s, gate := failing(t, &inner, tt.from, tt.long)
				close(gate)
				time.Sleep(readPatience / 4)
				state, degraded := s.State()
				assert.Equal(t, state.(State).Damaged, uint64(0), "it may be well in a moment")
				assert.Assert(t, degraded)
				time.Sleep(2 * readPatience)
				synctest.Wait()
				assert.Equal(t, string(inner.Bytes()), tt.want)
				assert.NilError(t, s.Close(t.Context()))
				state, _ = s.State()
				assert.Equal(t, state.(State).Damaged, tt.wantDamaged)
				assert.Equal(t, state.(State).Quarantined, tt.wantQuarantined)
				_, err := os.Stat(filepath.Join(s.dir, (&segment{number: 1}).name()+".bad"))
				assert.Equal(t, err == nil, tt.wantQuarantined == 1, "%v", err)
			})
		})
	}
}

func TestFault15CloseLeavesWhatCannotBeReadToTheNextOpen(t *testing.T) {
	for _, before := range []time.Duration{0, readPatience / 2} {
		synctest.Test(t, func(t *testing.T) {
			var inner fault.Sink
			s, gate := failing(t, &inner, secondFrame, time.Hour)
			close(gate)
			time.Sleep(before)
			begin := time.Now()
			assert.NilError(t, s.Close(context.Background()))
			assert.Assert(t, time.Since(begin) < time.Second, time.Since(begin))
			assert.Equal(t, string(inner.Bytes()), "one\n")
			state, _ := s.State()
			assert.Equal(t, state.(State).Damaged, uint64(0))
			assert.Equal(t, state.(State).Records, uint64(2))

			next := New(&inner, s.dir, nil)
			assert.NilError(t, next.Open(t.Context()))
			assert.NilError(t, next.Close(t.Context()))
			assert.Equal(t, string(inner.Bytes()), "one\ntwo\nthree\n")
		})
	}
}
