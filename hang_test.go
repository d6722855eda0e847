// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestFault33CloseReturnsInTimeWhateverTheSinkDoes(t *testing.T) {
	tests := []struct {
		name    string
		timeout time.Duration // Config.CloseTimeout
		ctx     func(*testing.T) context.Context
		want    time.Duration // at most
	}{
		{"deadline", 0, func(t *testing.T) context.Context { return ending(t, 3*time.Second) }, 3 * time.Second},
		{"short deadline", 0, func(t *testing.T) context.Context { return ending(t, 50*time.Millisecond) }, 50 * time.Millisecond},
		{"deadline beyond CloseTimeout", time.Second, func(t *testing.T) context.Context { return ending(t, 20*time.Second) }, 20 * time.Second},
		{"no deadline", 0, func(*testing.T) context.Context { return context.Background() }, 10 * time.Second},
		{"nil", 0, func(*testing.T) context.Context { return nil }, 10 * time.Second},
		{"no deadline, CloseTimeout", time.Second, func(*testing.T) context.Context { return context.Background() }, time.Second},
		{"ended", 0, func(*testing.T) context.Context { return ended() }, 200 * time.Millisecond},
		{"ended, no CloseTimeout", -1, func(*testing.T) context.Context { return ended() }, 200 * time.Millisecond},
		{"cancelled later, no CloseTimeout", -1, func(t *testing.T) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Minute, cancel)
			return ctx
		}, time.Minute + 200*time.Millisecond},
	}
	for _, op := range []string{fault.Write, fault.Flush, fault.Close} {
		for _, tt := range tests {
			t.Run(op+" hangs, "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { closeHanging(t, op, tt.timeout, tt.ctx(t), tt.want) })
			})
		}
	}
}

// closeHanging closes a handler whose sink does not return from op, and lets it
// return later.
func closeHanging(t *testing.T, op string, timeout time.Duration, ctx context.Context, want time.Duration) {
	released := make(chan struct{})
	r := newRig(t, func(r *rig, _ *hydra.Destination, c *hydra.Config) {
		c.CloseTimeout = timeout
		switch hang := fault.Always(fault.Hang(released)); op {
		case fault.Write:
			r.sink.OnWrite = hang
		case fault.Flush:
			r.sink.OnFlush = hang
		case fault.Close:
			r.sink.OnClose = hang
		}
	})
	r.log(1, 1)
	settle()
	if op == fault.Write {
		r.log(2, 50)
	}
	begin := time.Now()
	got := delivery(t, r.Close(ctx))
	took := time.Since(begin)
	assert.Assert(t, took <= want && took >= want/2-200*time.Millisecond, "Close took %v", took)
	assert.ErrorContains(t, got.Err, "has not returned")
	if op == fault.Write {
		// What the sink has in hand is unknown, the rest is rescued, in order.
		assert.DeepEqual(t, r.strays(), numbers(2, 50))
		assert.Equal(t, got.Unknown, uint64(1))
		assert.Equal(t, got.Fallback, uint64(49))
		assert.Equal(t, r.state().Pending, uint64(1))
	}
	assert.ErrorIs(t, r.say("late"), hydra.ErrClosed)
	assert.ErrorContains(t, r.Flush(t.Context()), "has not returned")

	close(released)
	synctest.Wait()
	assert.DeepEqual(t, r.sink.Lines()[:1], numbers(1, 1))
	assert.Equal(t, r.sink.Count(fault.Close), 1)
	if op == fault.Write {
		r.wantAccount(1, 50, 0, 0)
	} else {
		r.wantAccount(1, 1, 0, 0)
	}
}

func TestFault65HangingSinkHarmsNoOtherDestinationAtClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		stuck, good := &fault.Sink{OnWrite: fault.Always(fault.Hang(released))}, &fault.Sink{}
		fallback := &fault.Writer{}
		h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: fallback, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{
				{Name: "stuck", Sink: stuck, Format: lines{}},
				{Name: "good", Sink: good, Format: lines{}},
			}},
		}})
		for i := 1; i <= 10; i++ {
			assert.NilError(t, say(h, strconv.Itoa(i)))
			time.Sleep(10 * time.Millisecond)
		}
		got := delivery(t, h.Close(ending(t, time.Second)))
		want := hydra.Delivery{Destination: "stuck", Fallback: 9, Unknown: 1, Err: got.Err}
		assert.Equal(t, got, want)
		assert.DeepEqual(t, good.Lines(), numbers(1, 10))
		assert.DeepEqual(t, strays(fallback), numbers(2, 10))
		assert.Equal(t, good.Count(fault.Close), 1)
		again := delivery(t, h.Flush(t.Context()))
		assert.Equal(t, again.Destination, "stuck")
		close(released)
		synctest.Wait()
		assert.DeepEqual(t, stuck.Lines()[:1], numbers(1, 1))
		assert.Equal(t, stuck.Count(fault.Close), 1)
		assert.DeepEqual(t, append(stuck.Breaches(), good.Breaches()...), []string(nil))
	})
}

func TestSinkThatFailsWhenItReturnsAfterCloseIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, released := make(chan struct{}), make(chan struct{})
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnWrite = fault.Steps(fault.Stall(first), fault.Hang(released).Then(fault.Short(2, syscall.EIO)))
		})
		r.log(0, 0)
		settle()
		r.log(11, 12) // one batch
		close(first)
		settle()
		got := delivery(t, r.Close(ending(t, time.Second)))
		assert.Equal(t, got.Unknown, uint64(2))
		close(released)
		synctest.Wait()
		assert.Equal(t, string(r.sink.Bytes()), "0\n11")      // half of a line, as the sink left it
		assert.DeepEqual(t, r.strays(), []string{"12", "11"}) // 11 waited for the sink to the last
		r.wantAccount(1, 2, 0, 0)
		assert.Equal(t, r.sink.Count(fault.Close), 1)
	})
}

func TestSinkThatHeedsItsContextIsNotAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			never := make(chan struct{})
			r.sink.OnWrite = fault.Always(fault.Stall(never))
		})
		r.log(1, 1)
		settle()
		r.log(2, 9)
		begin := time.Now()
		got := delivery(t, r.Close(ending(t, 10*time.Second)))
		assert.Equal(t, time.Since(begin), 9*time.Second) // a tenth is kept for the rescue
		assert.Error(t, got.Err, "the time of Close was over: context canceled")
		assert.ErrorIs(t, got.Err, context.Canceled)
		assert.ErrorIs(t, r.seen(hydra.EventBroken)[0].Err, context.Canceled)
		got.Err = nil
		assert.Equal(t, got, hydra.Delivery{Destination: "d", Fallback: 9})
		assert.DeepEqual(t, r.strays(), numbers(1, 9))
		assert.Equal(t, r.sink.Count(fault.Close), 1)
		r.wantAccount(0, 9, 0, 0)
	})
}

func TestRescueStopsAtTheEndOfCloseWhateverTheFallbackDoes(t *testing.T) {
	tests := []struct {
		name     string
		fallback func(released chan struct{}) fault.Script
		want     hydra.Delivery
	}{
		{
			name:     "hangs",
			fallback: func(released chan struct{}) fault.Script { return fault.Always(fault.Hang(released)) },
			want:     hydra.Delivery{Destination: "d", Unknown: 10},
		},
		{
			name:     "fails",
			fallback: func(chan struct{}) fault.Script { return fault.Always(fault.Fail(syscall.EIO)) },
			want:     hydra.Delivery{Destination: "d", Dropped: 9, Unknown: 1},
		},
		{
			name:     "panics",
			fallback: func(chan struct{}) fault.Script { return fault.Always(fault.Panic("boom")) },
			want:     hydra.Delivery{Destination: "d", Dropped: 9, Unknown: 1},
		},
		{
			name:     "writes short",
			fallback: func(chan struct{}) fault.Script { return fault.First(1, fault.Short(5, nil)) },
			want:     hydra.Delivery{Destination: "d", Fallback: 2, Dropped: 7, Unknown: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sinkReleased, fallbackReleased := make(chan struct{}), make(chan struct{})
				r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
					r.sink.OnWrite = fault.Always(fault.Hang(sinkReleased))
					r.fallback.OnWrite = tt.fallback(fallbackReleased)
				})
				r.log(1, 1)
				settle()
				r.log(2, 10)
				begin := time.Now()
				got := delivery(t, r.Close(ending(t, 2*time.Second)))
				assert.Assert(t, time.Since(begin) <= 2*time.Second)
				got.Err = nil
				assert.Equal(t, got, tt.want)
				r.state()
				close(sinkReleased)
				close(fallbackReleased)
				synctest.Wait()
				assert.Equal(t, r.state().Pending, uint64(0))
				assert.Equal(t, r.state().Written, uint64(1))
			})
		})
	}
}

func TestWhatTheFallbackWasTooSlowForIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Queue = hydra.Queue{Records: 1000, Bytes: 4 << 10} // several hauls
			r.sink.OnWrite = fault.Always(fault.Hang(released))
			r.fallback.OnWrite = func(int) fault.Action {
				slow := make(chan struct{})
				time.AfterFunc(900*time.Millisecond, func() { close(slow) })
				return fault.Hang(slow)
			}
		})
		r.log(1, 1)
		settle()
		r.log(1001, 1800)
		begin := time.Now()
		got := delivery(t, r.Close(ending(t, 2*time.Second)))
		assert.Assert(t, time.Since(begin) <= 2*time.Second)
		time.Sleep(time.Minute)
		close(released)
		synctest.Wait()
		d := r.state()
		assert.Equal(t, d.Pending, uint64(0))
		assert.Equal(t, d.Fallback, uint64(len(r.strays())))
		assert.Equal(t, d.Fallback+d.Dropped, uint64(800))
		assert.Assert(t, d.Dropped > 0 && got.Unknown > 0, "got %+v and %+v", d, got)
	})
}
