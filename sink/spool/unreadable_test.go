// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// unreadable is a segment on a disk that fails.
type unreadable struct{}

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, syscall.EIO }

func TestFault15ASegmentThatCannotBeReadIsKeptAndTheOthersAreDelivered(t *testing.T) {
	dir := t.TempDir()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	write := func(s *Sink, record string) {
		n, err := s.Write(over, sink.Batch{Bytes: []byte(record), Ends: []int{len(record)}})
		assert.NilError(t, err)
		assert.Equal(t, n, len(record))
	}
	gate := make(chan struct{})
	inner := fault.Sink{OnOpen: fault.At(1, fault.Hang(gate))}
	s := New(&inner, dir, &Options{RetryMost: time.Millisecond})
	assert.NilError(t, s.Open(t.Context()))
	write(s, "one\n")
	func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.NilError(t, s.store.endTail())
		f, err := os.Open(s.store.path(s.store.segments[0]))
		assert.NilError(t, err)
		s.store.head = f
		s.store.reader.open(unreadable{}, s.store.segments[0].id)
	}()
	write(s, "two\n")
	close(gate)
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, string(inner.Bytes()), "two\n")
	state, _ := s.State()
	st := state.(State)
	assert.Equal(t, st.Damaged, uint64(1))
	assert.Equal(t, st.Quarantined, 1)
	_, err := os.Stat(s.store.path(&segment{number: 1}) + ".bad")
	assert.NilError(t, err)
}
