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
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// unreadable is a segment on a disk that fails from an offset on, so many times.
type unreadable struct {
	io.ReaderAt
	from  int64
	times int
}

func (u *unreadable) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > u.from && u.times > 0 {
		u.times--
		return 0, syscall.EIO
	}
	return u.ReaderAt.ReadAt(p, off)
}

func TestFault15WhatCannotBeReadIsKeptAndAllElseIsDelivered(t *testing.T) {
	const always = 1 << 30
	second := int64(headerSize + frameSize(len("one\n"), 1))
	tests := []struct {
		name            string
		from            int64
		times           int
		want            string
		wantDamaged     uint64
		wantQuarantined int
	}{
		{"the segment", 0, always, "three\n", 2, 1},
		{"its second frame", second, always, "one\nthree\n", 1, 1},
		{"its second frame, for a while", second, 4, "one\ntwo\nthree\n", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			over, cancel := context.WithCancel(t.Context())
			cancel()
			gate := make(chan struct{})
			inner := fault.Sink{OnOpen: fault.At(1, fault.Hang(gate))}
			s := New(&inner, t.TempDir(), &Options{RetryMost: time.Millisecond})
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
				s.store.reader.open(&unreadable{f, tt.from, tt.times}, s.store.segments[0].id)
			}()
			write("three\n")
			close(gate)
			assert.NilError(t, s.Close(t.Context()))
			assert.Equal(t, string(inner.Bytes()), tt.want)
			state, _ := s.State()
			st := state.(State)
			assert.Equal(t, st.Damaged, tt.wantDamaged)
			assert.Equal(t, st.Quarantined, tt.wantQuarantined)
			_, err := os.Stat(filepath.Join(s.dir, (&segment{number: 1}).name()+".bad"))
			assert.Equal(t, err == nil, tt.wantQuarantined == 1, "%v", err)
		})
	}
}
