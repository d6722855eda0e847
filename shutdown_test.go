// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

func TestCloseBringsWhatIsQueuedToTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.log(1, 1000)
		assert.Equal(t, r.Health().Phase, hydra.PhaseRunning)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 1000))
		calls := r.sink.Calls()
		assert.Equal(t, calls[len(calls)-2].Op, fault.Flush)
		assert.Equal(t, calls[len(calls)-1].Op, fault.Close)
		assert.Equal(t, r.Health().Phase, hydra.PhaseDone)
		r.wantAccount(1000, 0, 0, 0)
	})
}

func TestFault62EveryCloseReturnsTheSame(t *testing.T) {
	tests := []struct {
		name string
		set  func(r *rig, d *hydra.Destination, c *hydra.Config)
		want string
	}{
		{name: "nil"},
		{name: "an error", set: func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnClose = fault.Always(fault.Fail(syscall.EIO))
		}, want: `hydra: close: destination "d": 1 written, 0 to the fallback, 0 dropped, 0 unknown (input/output error)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var release func()
				r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
					release = hold(r, nil)
					if tt.set != nil {
						tt.set(r, d, c)
					}
				})
				r.log(1, 1)
				errs := make([]error, 10)
				var wg sync.WaitGroup
				for i := range errs {
					wg.Go(func() {
						h := r.WithGroup("g").WithAttrs(nil).(*hydra.Handler)
						errs[i] = h.Close(t.Context())
					})
				}
				time.Sleep(time.Second)
				assert.Equal(t, r.Health().Phase, hydra.PhaseFlushing)
				release()
				wg.Wait()
				errs = append(errs, r.Close(t.Context()), r.Close(ended()), r.Close(noContext))
				for _, err := range errs {
					assert.Equal(t, err, errs[0])
				}
				if tt.want == "" {
					assert.NilError(t, errs[0])
				} else {
					assert.Error(t, errs[0], tt.want)
					assert.ErrorIs(t, errs[0], syscall.EIO)
				}
				assert.Equal(t, r.sink.Count(fault.Close), 1)
			})
		})
	}
}

func TestFault62SecondCloseWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) { release = hold(r, nil) })
		r.log(1, 1)
		first := make(chan error)
		go func() { first <- r.Close(t.Context()) }()
		synctest.Wait()
		begin := time.Now()
		assert.ErrorIs(t, r.Close(ending(t, time.Second)), context.DeadlineExceeded)
		assert.Equal(t, time.Since(begin), time.Second)
		release()
		assert.NilError(t, <-first)
	})
}

func TestCloseRepeatsNoLossFromBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, release := fullRig(t, hydra.DropOldest, 0)
		r.log(6, 9) // drops 2 to 5
		closed := make(chan error)
		go func() { closed <- r.Close(t.Context()) }()
		synctest.Wait()
		release()
		assert.NilError(t, <-closed)
		r.wantAccount(5, 0, 4, 0)
	})
}

func TestFault62CloseWithEndedContextStillSealsAndRescues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) { release = hold(r, nil) })
		r.log(1, 1)
		settle()
		r.log(2, 5)
		err := r.Close(ended())
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, delivery(t, err).Fallback, uint64(5))
		assert.DeepEqual(t, r.strays(), numbers(1, 5))
		assert.ErrorIs(t, r.say("6"), hydra.ErrClosed)
		assert.DeepEqual(t, r.strays(), numbers(1, 6))
		r.wantAccount(0, 6, 0, 0)
		release()
	})
}

func TestCloseWaitsForeverIfToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, func(r *rig, _ *hydra.Destination, c *hydra.Config) {
			c.CloseTimeout = -1
			r.sink.OnWrite = fault.Always(fault.Hang(released))
		})
		r.log(1, 1)
		time.AfterFunc(24*time.Hour, func() { close(released) })
		r.close()
		r.wantAccount(1, 0, 0, 0)
	})
}

// A callerSink calls something of its handler from within its methods.
type callerSink struct {
	fault.Sink
	call func(op string)
}

func (s *callerSink) Write(ctx context.Context, b sink.Batch) (int, error) {
	s.call(fault.Write)
	return s.Sink.Write(ctx, b)
}

func (s *callerSink) Close(ctx context.Context) error {
	s.call(fault.Close)
	return s.Sink.Close(ctx)
}

func TestFault62CloseFromInsideASinkReturnsAtItsDeadline(t *testing.T) {
	tests := []struct {
		op      string
		inside  time.Duration // how long the sink would wait
		outside time.Duration // and the program
	}{
		{fault.Write, time.Second, time.Minute}, // the sink begins the shutdown
		{fault.Close, time.Minute, time.Second}, // the program does
	}
	for _, tt := range tests {
		t.Run(tt.op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h *hydra.Handler
				s := &callerSink{}
				var inside error
				s.call = func(now string) {
					if now == tt.op && inside == nil {
						inside = h.Close(ending(t, tt.inside))
					}
				}
				h = hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: &fault.Writer{}, Layers: map[string]hydra.Layer{
					"default": {Destinations: []hydra.Destination{{Name: "d", Sink: s, Format: lines{}}}},
				}})
				assert.NilError(t, say(h, "1"))
				settle()
				begin := time.Now()
				err := h.Close(ending(t, tt.outside))
				assert.Assert(t, time.Since(begin) <= time.Second)
				synctest.Wait()
				assert.ErrorContains(t, err, "has not returned")
				assert.Assert(t, inside != nil)
				assert.DeepEqual(t, s.Lines(), numbers(1, 1))
				assert.Equal(t, s.Count(fault.Close), 1)
			})
		})
	}
}

func TestFault62CloseFromInsideAValueEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) { d.Format = nil })
		r.log(1, 1)
		record := slog.NewRecord(time.Now(), slog.LevelInfo, "2", 0)
		record.AddAttrs(slog.Any("v", valuer(func() slog.Value { return slog.AnyValue(r.Close(t.Context())) })))
		assert.ErrorIs(t, r.Handle(t.Context(), record), hydra.ErrClosed)
		assert.Equal(t, len(r.sink.Lines()), 1)
		assert.Equal(t, strings.Count(string(r.fallback.Bytes()), `"msg":"2","v":null}`), 1, "the record came too late")
		r.wantAccount(1, 1, 0, 0)
	})
}

func TestFault61RecordsAfterCloseGoToTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.fallback.OnWrite = fault.At(2, fault.Fail(syscall.ENOSPC))
		})
		r.close()
		assert.Equal(t, r.say("1"), hydra.ErrClosed)
		err := r.say("2")
		assert.ErrorIs(t, err, hydra.ErrClosed)
		assert.ErrorIs(t, err, syscall.ENOSPC)
		assert.Equal(t, r.say("3"), hydra.ErrClosed)
		assert.DeepEqual(t, r.strays(), []string{"1", "3"})
		r.wantAccount(0, 2, 1, 0)
		derived := r.WithAttrs([]slog.Attr{slog.Int("a", 1)}).(*hydra.Handler)
		assert.Assert(t, derived.Enabled(t.Context(), slog.LevelInfo))
		assert.Equal(t, say(derived, "4"), hydra.ErrClosed)
		r.wantAccount(0, 3, 1, 0)

		fallback := &fault.Writer{}
		two := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: fallback, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{Sink: &fault.Sink{}, Format: lines{}}, {Sink: &fault.Sink{}, Format: lines{}}}},
		}})
		assert.NilError(t, two.Close(t.Context()))
		assert.Equal(t, say(two, "5"), hydra.ErrClosed)
		assert.DeepEqual(t, strays(fallback), []string{"5", "5"}) // one for each destination
	})
}

func TestFailedOpenClosesWhatItOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := &fault.Sink{}
		bad := &fault.Sink{OnOpen: fault.Always(fault.Panic("boom"))}
		slowly := make(chan struct{})
		slow := &fault.Sink{OnOpen: fault.Always(fault.Hang(slowly))}
		begin := time.Now()
		_, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{Sink: good}, {Sink: bad}, {Sink: slow}}},
		}})
		assert.ErrorContains(t, err, `Layers["default"].Destinations[1].Sink: panic: boom`)
		assert.ErrorContains(t, err, `Layers["default"].Destinations[2].Sink: has not opened within 10s`)
		assert.Equal(t, time.Since(begin), 10*time.Second)
		close(slowly)
		synctest.Wait()
		assert.Equal(t, good.Count(fault.Close), 1)
		assert.Equal(t, bad.Count(fault.Close), 0)
		assert.Equal(t, slow.Count(fault.Close), 1)
		assert.Assert(t, !errors.Is(err, context.Canceled))
	})
}
