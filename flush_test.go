// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
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

func TestFlushReturnsWhenTheSinkHasAllThatWasAcceptedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		begin := time.Now()
		for i := 1; i <= 100; i++ {
			r.log(i, i)
			assert.NilError(t, r.Flush(t.Context()))
			assert.DeepEqual(t, r.sink.Lines(), numbers(1, i))
			assert.Equal(t, r.sink.Count(fault.Flush), i)
		}
		assert.NilError(t, r.Flush(noContext))
		assert.Equal(t, time.Since(begin), time.Duration(0), "nobody naps while a Flush waits")
		r.close()
	})
}

// A counterSink knows the greatest number that it was given.
type counterSink struct {
	fault.Sink
	greatest atomic.Int64
}

func (s *counterSink) Write(_ context.Context, b sink.Batch) (int, error) {
	for i := range b.Len() {
		n, err := strconv.Atoi(strings.TrimSpace(string(b.Record(i))))
		if err == nil {
			s.greatest.Store(int64(n))
		}
	}
	return len(b.Bytes), nil
}

func TestFault63FlushUnderConstantLoadWaitsForNothingNewer(t *testing.T) {
	s := &counterSink{}
	h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{
			Sink: s, Format: lines{}, Policy: hydra.Block, Queue: hydra.Queue{Records: 100},
		}}},
	}})
	var accepted atomic.Int64
	stop := make(chan struct{})
	var producers, flushers sync.WaitGroup
	for p := range 3 {
		producers.Go(func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if p > 0 {
					assert.Check(t, say(h, "x"))
					continue
				}
				assert.Check(t, say(h, strconv.Itoa(i)))
				accepted.Store(int64(i))
			}
		})
	}
	for range 4 {
		flushers.Go(func() {
			for range 100 {
				before := accepted.Load()
				assert.Check(t, h.Flush(t.Context()))
				got := s.greatest.Load()
				assert.Check(t, got >= before, "%d was accepted and %d was last in the sink", before, got)
			}
		})
	}
	flushers.Wait()
	close(stop)
	producers.Wait()
	assert.NilError(t, h.Close(t.Context()))
	assert.Equal(t, s.greatest.Load(), accepted.Load())
}

func TestFault63FlushReportsWhatIsLostBeforeTheBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Queue.Records = 10
			release = hold(r, nil)
		})
		r.log(1, 1)
		settle()
		r.log(2, 11)
		flushed := make(chan error)
		go func() { flushed <- r.Flush(t.Context()) }()
		synctest.Wait()
		r.log(12, 15) // drops 2 to 5, which are before the first barrier
		second := make(chan error)
		go func() { second <- r.Flush(t.Context()) }()
		synctest.Wait()
		r.log(16, 25) // drops 6 to 15: 6 to 11 are before the first, all are before the second
		release()
		got := delivery(t, <-flushed)
		assert.Equal(t, got, hydra.Delivery{Destination: "d", Written: 11, Dropped: 10})
		got = delivery(t, <-second)
		assert.Equal(t, got, hydra.Delivery{Destination: "d", Written: 11, Dropped: 10}, "four were dropped before the call")
		assert.NilError(t, r.Flush(t.Context()))
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), join(numbers(1, 1), gap(14, 0, 0), numbers(16, 25)))
		r.wantAccount(11, 0, 14, 0)
	})
}

// withoutNews is a fallback that takes records, and hydra's own news apart: when
// that comes is up to the scheduler.
type withoutNews struct{ *fault.Writer }

func (w withoutNews) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("{")) {
		return len(p), nil
	}
	return w.Writer.Write(p)
}

func TestFlushReportsWhatWentToTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
			d.RetryFor = -1
			c.Fallback = withoutNews{r.fallback}
			release = hold(r, fault.First(1, fault.Short(len("2\n3\n4"), syscall.ENOSPC)))
			r.fallback.OnWrite = fault.First(1, fault.Short(len("5\n6\n"), syscall.EIO))
		})
		r.log(1, 1)
		settle()
		r.log(2, 7)
		flushed := make(chan error)
		go func() { flushed <- r.Flush(t.Context()) }()
		synctest.Wait()
		r.log(8, 9)
		release()
		// 2 and 3 are written, 4 is torn and completed a second later, 5 and 6 are
		// in the fallback, 7 is dropped there; 8 and 9, likewise, came too late.
		begin := time.Now()
		got := delivery(t, <-flushed)
		assert.Equal(t, time.Since(begin).Round(100*time.Millisecond), time.Second)
		assert.Equal(t, got, hydra.Delivery{Destination: "d", Written: 4, Fallback: 2, Dropped: 1, Err: syscall.ENOSPC})
		assert.NilError(t, r.Flush(t.Context()))
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), join(numbers(1, 4), gap(3, 0, 2)))
		r.wantAccount(4, 2, 3, 0)
	})
}

func TestFlushReportsARecordThatIsTorn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			r.sink.OnWrite = func(n int) fault.Action {
				if n == 1 {
					return fault.Short(1, syscall.ENOSPC)
				}
				return fault.Fail(syscall.ENOSPC)
			}
		})
		r.log(10, 10) // torn
		time.Sleep(10 * time.Millisecond)
		flushed := make(chan error)
		go func() { flushed <- r.Flush(ending(t, 3*time.Second)) }()
		synctest.Wait()
		r.log(11, 20) // settled long before it, in the fallback
		err := <-flushed
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		got := delivery(t, err)
		assert.Equal(t, got, hydra.Delivery{Destination: "d", Unknown: 1, Err: context.DeadlineExceeded})
		assert.Equal(t, delivery(t, r.Close(t.Context())).Fallback, uint64(1))
		r.wantAccount(0, 11, 0, 0)
	})
}

func TestFlushEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) { release = hold(r, nil) })
		r.log(1, 1)
		settle()
		r.log(2, 5)
		begin := time.Now()
		err := r.Flush(ending(t, time.Second))
		assert.Equal(t, time.Since(begin), time.Second)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, delivery(t, err), hydra.Delivery{Destination: "d", Unknown: 5, Err: context.DeadlineExceeded})
		assert.Error(t, err, `hydra: flush: context deadline exceeded: `+
			`destination "d": 0 written, 0 to the fallback, 0 dropped, 5 still on their way (context deadline exceeded)`)

		err = r.Flush(ended())
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Since(begin), time.Second)
		release()
		assert.NilError(t, r.Flush(t.Context()))
		r.close()
		assert.Equal(t, r.sink.Count(fault.Flush), 2, "one for the last Flush, one for Close")
	})
}

func TestFlushPassesTheErrorsOfSinksOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		bad := &fault.Sink{OnFlush: fault.First(1, fault.Fail(syscall.EIO))}
		stuck := &fault.Sink{OnWrite: fault.First(1, fault.Hang(released))}
		good := &fault.Sink{}
		h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: &fault.Writer{}, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{
				{Name: "stuck", Sink: stuck, Format: lines{}},
				{Name: "good", Sink: good, Format: lines{}},
				{Name: "bad", Sink: bad, Format: lines{}},
			}},
		}})
		assert.NilError(t, say(h, "1"))
		settle()
		err := h.Flush(ending(t, time.Second))
		assert.ErrorIs(t, err, syscall.EIO)
		assert.Error(t, err, `hydra: flush: context deadline exceeded: `+
			`destination "stuck": 0 written, 0 to the fallback, 0 dropped, 1 still on their way (context deadline exceeded); `+
			`destination "bad": 0 written, 0 to the fallback, 0 dropped, 0 still on their way (input/output error)`)
		close(released)
		assert.NilError(t, h.Flush(t.Context()))
		assert.NilError(t, h.Close(t.Context()))
	})
}

func TestFlushAfterCloseReturnsWhatIsSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.log(1, 1)
		r.close()
		assert.NilError(t, r.Flush(t.Context()))

		r = newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnClose = fault.Always(fault.Fail(syscall.EIO))
		})
		assert.ErrorIs(t, r.Close(t.Context()), syscall.EIO)
		assert.ErrorIs(t, r.Flush(t.Context()), syscall.EIO)
	})
}

func TestFlushDuringCloseEndsWithIt(t *testing.T) {
	for _, returns := range []bool{true, false} {
		t.Run(strconv.FormatBool(returns), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
					r.sink.OnWrite = fault.First(1, fault.Hang(released))
				})
				r.log(1, 1)
				settle()
				r.log(2, 3)
				flushed, closed := make(chan error), make(chan error)
				go func() { flushed <- r.Flush(t.Context()) }()
				go func() { closed <- r.Close(ending(t, time.Second)) }()
				synctest.Wait()
				if returns {
					close(released)
					assert.NilError(t, <-flushed)
					assert.NilError(t, <-closed)
					return
				}
				got := delivery(t, <-flushed)
				assert.ErrorContains(t, got.Err, "has not returned")
				assert.Assert(t, got.Unknown > 0, "got %+v", got)
				assert.Equal(t, delivery(t, <-closed).Fallback, uint64(2))
				close(released)
			})
		})
	}
}

func TestFlushOnABrokenSinkSaysWhereRecordsWent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnOpen = fault.Always(fault.Hang(released).Then(fault.Fail(syscall.EACCES)))
		})
		r.log(1, 3)
		flushed := make(chan error)
		go func() { flushed <- r.Flush(t.Context()) }()
		synctest.Wait()
		close(released)
		assert.Equal(t, delivery(t, <-flushed), hydra.Delivery{Destination: "d", Fallback: 3, Err: syscall.EACCES})
		assert.DeepEqual(t, r.strays(), numbers(1, 3))
		assert.NilError(t, r.Flush(t.Context()))
		r.close()
	})
}
