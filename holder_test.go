// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// A holder holds what it takes until it is told to let go of it.
type holder struct {
	*fault.Sink
	held    atomic.Int64
	lost    atomic.Int64
	keeping atomic.Bool
	bad     bool // Held panics
}

var _ sink.Holder = (*holder)(nil)

func (h *holder) Write(ctx context.Context, b sink.Batch) (int, error) {
	if h.keeping.Load() {
		h.held.Add(int64(b.Len()))
	}
	return h.Sink.Write(ctx, b)
}

func (h *holder) Held() uint64 {
	if h.bad {
		panic("boom")
	}
	return uint64(h.held.Load())
}

func (h *holder) Lost() uint64 { return uint64(h.lost.Load()) }

// newHolder returns a rig whose sink is a holder.
func newHolder(t *testing.T) (*rig, *holder) {
	h := &holder{}
	h.keeping.Store(true)
	return newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
		h.Sink = r.sink
		d.Sink = h
	}), h
}

func TestWhatTheSinkHoldsIsSpooledUntilItIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, h := newHolder(t)
		r.log(1, 3)
		settle()
		d := r.state()
		assert.Equal(t, d.Spooled, uint64(3))
		assert.Equal(t, d.Written, uint64(0))
		h.held.Store(1)
		d = r.state()
		assert.Equal(t, d.Spooled, uint64(1))
		assert.Equal(t, d.Written, uint64(2))
		h.held.Store(2) // the next record, before Write has returned
		d = r.state()
		assert.Equal(t, d.Spooled, uint64(1), "what was called written has not been")
		assert.Equal(t, d.Written, uint64(2))
		h.held.Store(0)
		h.keeping.Store(false)
		r.log(4, 4)
		r.close()
		assert.Equal(t, r.state().Written, uint64(4))
	})
}

func TestCloseNamesWhatTheSinkHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newHolder(t)
		r.log(1, 3)
		err := r.Close(t.Context())
		got := delivery(t, err)
		assert.Equal(t, got.Spooled, uint64(3))
		assert.Equal(t, got.Written, uint64(0))
		assert.Assert(t, strings.Contains(err.Error(), "3 wait for the next start"), "got %v", err)
	})
}

func TestFlushCountsWhatTheSinkHoldsAsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, h := newHolder(t)
		released := make(chan struct{})
		var stalls atomic.Bool
		r.sink.OnWrite = func(int) fault.Action {
			if stalls.Load() {
				return fault.Stall(released)
			}
			return fault.Action{}
		}
		r.sink.OnFlush = fault.At(2, fault.Fail(syscall.EIO))
		r.log(1, 3)
		assert.NilError(t, r.Flush(t.Context()))
		stalls.Store(true)
		r.log(4, 5)
		time.AfterFunc(time.Second, func() { close(released) }) // of the bubble: Flush waits by then
		got := delivery(t, r.Flush(t.Context()))
		assert.Equal(t, got.Written, uint64(2))
		assert.Equal(t, got.Spooled, uint64(0))
		assert.Equal(t, r.state().Spooled, uint64(5))
		h.held.Store(0)
		r.close()
	})
}

func TestWhatTheSinkLosesOfWhatItHeldIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, h := newHolder(t)
		r.log(1, 5)
		settle()
		assert.Equal(t, r.state().Spooled, uint64(5))
		h.lost.Store(2)
		h.held.Store(1)
		d := r.state()
		assert.Equal(t, d.Written, uint64(2))
		assert.Equal(t, d.Spooled, uint64(1))
		assert.Equal(t, d.Dropped, uint64(2))
		assert.Equal(t, d.Losses.Held, uint64(2))
		assert.Equal(t, d.Status, hydra.StatusDegraded)
		h.keeping.Store(false)
		r.log(6, 6)
		settle()
		lost := r.seen(hydra.EventDropped)
		assert.Equal(t, len(lost), 1)
		assert.Equal(t, lost[0].Count, uint64(2))
		r.sink.OnClose = func(int) fault.Action {
			h.lost.Store(3)
			h.held.Store(0)
			return fault.Action{}
		}
		got := delivery(t, r.Close(t.Context()))
		assert.Equal(t, got.Dropped, uint64(1))
		assert.Equal(t, got.Spooled, uint64(0))
		d = r.state()
		assert.Equal(t, d.Written, uint64(3))
		assert.Equal(t, d.Dropped, uint64(3))
		lost = r.seen(hydra.EventDropped)
		assert.Equal(t, len(lost), 2)
		assert.Equal(t, lost[1].Count, uint64(1))
	})
}

func TestAnAccountStaysExactWhereASinkTakesBackWhatItLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, h := newHolder(t)
		r.log(1, 5)
		settle()
		h.held.Store(4)
		h.lost.Store(1)
		assert.Equal(t, r.state().Dropped, uint64(1))
		h.held.Store(0)
		h.lost.Store(0) // against its contract
		d := r.state()
		assert.Equal(t, d.Written, uint64(4))
		assert.Equal(t, d.Dropped, uint64(1))
		assert.Equal(t, d.Spooled, uint64(0))
		h.keeping.Store(false)
		assert.NilError(t, r.Close(t.Context()))
	})
}

func TestAPanicInHeldIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, h := newHolder(t)
		h.bad = true
		r.log(1, 3)
		r.close()
		assert.Equal(t, r.state().Written, uint64(3))
	})
}
