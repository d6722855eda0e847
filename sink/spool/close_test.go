// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

func TestCloseDeliversAsLongAsTheInnerSinkTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := fault.Sink{OnWrite: fault.At(1, fault.Fail(errAway))}
		s := opened(t, slow{&inner}, t.TempDir(), &spool.Options{SegmentBytes: 2 << 10, Patience: time.Nanosecond})
		for i := range 1000 {
			write(t, s, numbered(i, i+1))
		}
		begin := time.Now()
		assert.NilError(t, s.Close(context.Background()))
		assert.Assert(t, time.Since(begin) > time.Second, time.Since(begin))
		assert.DeepEqual(t, inner.Lines(), lines(0, 1000))
		assert.Equal(t, s.Held(), uint64(0))
		assert.Equal(t, inner.Count(fault.Close), 1)
		sound(t, &inner)
	})
}

// slow is a sink that takes a while for each batch.
type slow struct{ *fault.Sink }

func (s slow) Write(ctx context.Context, b sink.Batch) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return s.Sink.Write(ctx, b)
}

func TestCloseLeavesTheRestForTheNextStart(t *testing.T) {
	const minute = time.Minute
	tests := []struct {
		name       string
		action     func(<-chan struct{}) fault.Action
		within     time.Duration // of the context, 0 if it has no end
		cancelled  bool
		want       string
		wantClosed int
		wantTime   time.Duration
	}{
		{"fails", func(<-chan struct{}) fault.Action { return fault.Fail(errAway) }, 0, false, "", 1, 0},
		{"fails, with a deadline", func(<-chan struct{}) fault.Action { return fault.Fail(errAway) }, minute, false, "", 1, 0},
		{"stalls", fault.Stall, minute, false, "", 1, 54 * time.Second},
		{"hangs", fault.Hang, minute, false, "the inner sink does not return", 0, minute},
		{"hangs, and the time is over", fault.Hang, 0, true, "the inner sink does not return", 0, 50 * time.Millisecond},
		{"stalls, and the time is over", fault.Stall, 0, true, "", 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				released := make(chan struct{})
				inner := fault.Sink{OnWrite: fault.From(2, tt.action(released))}
				s := opened(t, &inner, dir, nil)
				write(t, s, numbered(0, 1))
				write(t, s, numbered(1, 9))
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if tt.within > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.within)
					defer cancel()
				}
				if tt.cancelled {
					cancel()
				}
				begin := time.Now()
				err := s.Close(ctx)
				if tt.want == "" {
					assert.NilError(t, err)
				} else {
					assert.ErrorContains(t, err, tt.want)
				}
				assert.Equal(t, time.Since(begin), tt.wantTime)
				assert.Equal(t, s.Held(), uint64(8))
				assert.Equal(t, inner.Count(fault.Close), tt.wantClosed)

				// The folder is free at once, and the abandoned one does no harm to it.
				var next fault.Sink
				s = opened(t, &next, dir, nil)
				close(released)
				synctest.Wait()
				assert.Equal(t, inner.Count(fault.Close), 1)
				assert.NilError(t, s.Close(t.Context()))
				assert.DeepEqual(t, next.Lines(), lines(1, 9))
				sound(t, &inner)
			})
		})
	}
}

func TestCloseReturnsWhatTheInnerSinkSays(t *testing.T) {
	errDisk := errors.New("the disk is gone")
	inner := fault.Sink{OnFlush: fault.Always(fault.Fail(errDisk)), OnClose: fault.Always(fault.Fail(errAway))}
	s := opened(t, &inner, t.TempDir(), nil)
	write(t, s, numbered(0, 1))
	err := s.Close(t.Context())
	assert.ErrorIs(t, err, errDisk)
	assert.ErrorIs(t, err, errAway)
}

func TestFlushReturnsWhatTheInnerSinkSays(t *testing.T) {
	inner := fault.Sink{OnFlush: fault.At(1, fault.Fail(errAway))}
	s := opened(t, &inner, t.TempDir(), &spool.Options{Patience: time.Hour})
	write(t, s, numbered(0, 1))
	assert.ErrorIs(t, s.Flush(t.Context()), errAway)
	assert.NilError(t, s.Flush(t.Context()))
	assert.ErrorIs(t, s.Flush(ended()), context.Canceled)
}

// endsNow is a context that ends right after it is asked for the first time.
type endsNow struct {
	context.Context
	asked bool
}

func (c *endsNow) Err() error {
	if c.asked {
		return c.Context.Err()
	}
	c.asked = true
	return nil
}

func TestFlushDoesNotAnswerByChanceWhenAllComesAtOnce(t *testing.T) {
	for range 100 {
		assert.Equal(t, spool.Await(&endsNow{Context: ended()}, true, true), spool.ErrFull)
		assert.Equal(t, spool.Await(&endsNow{Context: ended()}, true, false), spool.ErrFull)
		assert.Equal(t, spool.Await(&endsNow{Context: ended()}, false, true), spool.ErrEnded)
		assert.Equal(t, spool.Await(&endsNow{Context: ended()}, false, false), context.Canceled)
	}
}
