// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// hangsFrom makes the sink hang in its first write, before a queue of four.
func hangsFrom(released <-chan struct{}) func(*rig, *hydra.Destination, *hydra.Config) {
	return func(r *rig, d *hydra.Destination, _ *hydra.Config) {
		d.Queue.Records = 4
		r.sink.OnWrite = fault.At(1, fault.Hang(released))
	}
}

func TestLossesBehindASinkThatHangsAreNewsBeforeItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, hangsFrom(released))
		r.log(1, 1)
		settle()
		r.log(2, 10) // five of them are dropped
		<-time.After(5 * time.Second)
		assert.Equal(t, len(r.seen(hydra.EventHanging)), 0)
		<-time.After(time.Second) // in which nobody logs, or asks Health
		assert.Equal(t, len(r.seen(hydra.EventHanging)), 1)
		lost := r.seen(hydra.EventDropped)
		assert.Equal(t, len(lost), 1)
		assert.Equal(t, lost[0].Count, uint64(5), "what was lost by then")

		r.log(11, 12) // two more
		r.Health()
		synctest.Wait()
		assert.Equal(t, len(r.seen(hydra.EventHanging)), 1, "once is enough for one call")
		close(released)
		r.close()
		total := uint64(0)
		for _, e := range r.seen(hydra.EventDropped) {
			total += e.Count
		}
		assert.Equal(t, total, uint64(7), "every loss is told once")
		r.wantAccount(5, 0, 7, 0)
	})
}

func TestASinkThatHangsBeforeAQueueThatIsNearlyEmptyIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnWrite = fault.At(1, fault.Hang(released))
		})
		r.log(1, 1)
		<-time.After(6 * time.Second)
		assert.Equal(t, len(r.seen(hydra.EventHanging)), 1)
		<-time.After(time.Minute)
		assert.Equal(t, len(r.seen(hydra.EventHanging)), 1, "once is enough for one call")
		close(released)
		r.close()
	})
}

func TestFlushTellsWhatWasDroppedFromWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, hangsFrom(released))
		r.log(1, 1)
		settle()
		r.log(2, 5)
		flushed := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			flushed <- r.Flush(ctx)
		}()
		synctest.Wait()
		r.log(6, 8) // drops 2, 3 and 4
		got := delivery(t, <-flushed)
		assert.Equal(t, got, hydra.Delivery{Destination: "d", Dropped: 3, Unknown: 2, Err: context.DeadlineExceeded})
		close(released)
		r.close()
	})
}

func TestFault35AClosedPipeIsNotTriedAgainForRetryFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EPIPE))
		})
		r.log(1, 1)
		settle() // for much less than RetryFor
		r.wantAccount(0, 1, 0, 0)
		assert.Equal(t, r.sink.Count(fault.Write), 1)
		_ = r.Close(t.Context()) // what it says is up to when it was called
	})
}
