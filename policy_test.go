// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// fullRig returns a rig whose sink holds record 1 and whose queue is full of the
// records 2 to 5, and what lets the sink go on.
func fullRig(t *testing.T, policy hydra.Policy, timeout time.Duration) (r *rig, release func()) {
	t.Helper()
	r = newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
		d.Policy, d.BlockTimeout, d.Queue.Records = policy, timeout, 4
		release = hold(r, nil)
	})
	r.log(1, 1)
	settle()
	r.log(2, 5)
	return r, release
}

func TestDropOldestKeepsTheNewestAndMarksTheGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, release := fullRig(t, hydra.DropOldest, 0)
		r.log(6, 100)
		assert.Equal(t, r.state().Losses.Oldest, uint64(95))
		release()
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), join(numbers(1, 1), gap(95, 0, 0), numbers(97, 100)))
		r.wantAccount(5, 0, 95, 0)
	})
}

func TestGapMarkerSaysSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Queue.Records, d.Format = 1, nil
			release = hold(r, nil)
		})
		before := time.Now()
		r.log(1, 1)
		settle()
		r.log(2, 3)
		time.Sleep(time.Minute)
		release()
		r.close()
		var marker string
		for _, line := range r.sink.Lines() {
			if strings.Contains(line, hydra.GapMessage) {
				marker = line
			}
		}
		since := before.Format(time.RFC3339)
		assert.Assert(t, strings.Contains(marker, `"dropped":1,"rejected":0,"fallback":0,"since":"`+since[:17]), "got %s", marker)
	})
}

func TestErrorRefusesWhatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, release := fullRig(t, hydra.Error, 0)
		for i := 6; i <= 8; i++ {
			assert.Equal(t, r.say(strconv.Itoa(i)), hydra.ErrQueueFull)
		}
		assert.Equal(t, r.state().Rejected, uint64(3))
		release()
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), join(numbers(1, 1), gap(0, 3, 0), numbers(2, 5)))
		r.wantAccount(5, 0, 0, 3)
		assert.ErrorContains(t, r.seen(hydra.EventDropped)[0].Err, "Losses and Rejected in Health say why")
	})
}

func TestBlockWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, release := fullRig(t, hydra.Block, 0)
		var producers sync.WaitGroup
		for i := 6; i <= 15; i++ {
			producers.Go(func() { assert.Check(t, r.say(strconv.Itoa(i))) })
		}
		time.Sleep(time.Hour)
		assert.Equal(t, r.state().Offered, uint64(5), "who waits is not counted yet")
		release()
		producers.Wait()
		r.close()
		assert.Equal(t, len(r.sink.Lines()), 15)
		assert.DeepEqual(t, r.sink.Lines()[:5], numbers(1, 5))
		r.wantAccount(15, 0, 0, 0)
	})
}

// A test that fails here does not end.
func TestBlockFindsRoomInAQueueForOneRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Policy, d.Queue.Records = hydra.Block, 1
		})
		r.log(1, 100)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 100))
	})
}

func TestFault64BlockWaitsNoLongerThanItMay(t *testing.T) {
	tests := []struct {
		name    string
		timeout time.Duration
		ctx     func() (context.Context, context.CancelFunc)
		want    time.Duration
	}{
		{"timeout", time.Second, func() (context.Context, context.CancelFunc) {
			return context.WithCancel(context.Background())
		}, time.Second},
		{"context", 0, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Minute)
		}, time.Minute},
		{"ended context", 0, func() (context.Context, context.CancelFunc) {
			return ended(), func() {}
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, release := fullRig(t, hydra.Block, tt.timeout)
				ctx, cancel := tt.ctx()
				defer cancel()
				begin := time.Now()
				assert.NilError(t, r.Handle(ctx, slog.NewRecord(begin, slog.LevelInfo, "6", 0)))
				assert.Equal(t, time.Since(begin), tt.want)
				assert.DeepEqual(t, r.strays(), numbers(6, 6))
				release()
				r.close()
				assert.DeepEqual(t, r.sink.Lines(), join(numbers(1, 1), gap(0, 0, 1), numbers(2, 5)))
				r.wantAccount(5, 1, 0, 0)
			})
		})
	}
}

func TestEndedContextLosesNoRecordThatFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) { d.Policy = hydra.Block })
		assert.NilError(t, r.Handle(ended(), slog.NewRecord(time.Now(), slog.LevelInfo, "1", 0)))
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 1))
	})
}

func TestCloseWakesBlockedProducers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, release := fullRig(t, hydra.Block, 0)
		var producers sync.WaitGroup
		for i := 6; i <= 15; i++ {
			producers.Go(func() {
				err := r.say(strconv.Itoa(i))
				assert.Check(t, errors.Is(err, hydra.ErrClosed), "got %v", err)
			})
		}
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- r.Close(t.Context()) }()
		producers.Wait() // although the sink still holds
		release()
		assert.NilError(t, <-closed)
		assert.Equal(t, len(r.strays()), 10)
		assert.DeepEqual(t, r.sink.Lines(), join(numbers(1, 1), gap(0, 0, 10), numbers(2, 5)))
		r.wantAccount(5, 10, 0, 0)
	})
}

func TestFault47And64SinkThatLogsToItsOwnFullDestinationDoesNotDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *hydra.Handler
		s := &callerSink{}
		entered := 0
		s.call = func(op string) {
			if op != fault.Write {
				return
			}
			if entered++; entered == 1 {
				for i := range 100 {
					assert.Check(t, say(h, "inner "+strconv.Itoa(i)))
				}
			}
		}
		fallback := &fault.Writer{}
		h = hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: fallback, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{
				Name: "d", Sink: s, Format: lines{}, Policy: hydra.Block, Queue: hydra.Queue{Records: 10},
			}}},
		}})
		assert.NilError(t, say(h, "outer"))
		settle()
		assert.NilError(t, h.Close(t.Context()))
		d := h.Health().Destinations[0]
		assert.Equal(t, d.Written, uint64(11))
		assert.Equal(t, d.Fallback, uint64(90))
		assert.Equal(t, len(strays(fallback)), 90)
		assert.DeepEqual(t, s.Breaches(), []string(nil))
	})
}
