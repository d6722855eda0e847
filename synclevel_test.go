// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
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

// throughFrom makes log calls from Error up wait for the sink.
func throughFrom(_ *rig, d *hydra.Destination, _ *hydra.Config) { d.SyncLevel = slog.LevelError }

// cry logs one record of level Error and returns what Handle does.
func cry(ctx context.Context, h *hydra.Handler, message string) error {
	return h.Handle(ctx, slog.NewRecord(time.Now(), slog.LevelError, message, 0))
}

func TestFromSyncLevelUpARecordIsInTheSinkWhenTheCallReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, throughFrom)
		begin := time.Now()
		for i := 1; i <= 99; i += 3 {
			r.log(i, i+1) // wait for nothing
			assert.NilError(t, cry(t.Context(), r.Handler, strconv.Itoa(i+2)))
			assert.DeepEqual(t, r.sink.Lines(), numbers(1, i+2))
		}
		assert.Equal(t, time.Since(begin), time.Duration(0), "nobody naps while a log call waits")
		assert.Equal(t, r.sink.Count(fault.Flush), 0, "the record is written, not made durable")
		r.close()
		r.wantAccount(99, 0, 0, 0)
	})
}

func TestWriteThroughTellsWhatBecameOfTheRecord(t *testing.T) {
	tests := []struct {
		name string
		set  func(r *rig, d *hydra.Destination)
		want hydra.Delivery
	}{
		{
			name: "the fallback took it",
			set: func(r *rig, d *hydra.Destination) {
				r.sink.OnWrite = fault.Always(fault.Fail(syscall.ENOSPC))
				d.RetryFor = -1
			},
			want: hydra.Delivery{Destination: "d", Fallback: 1, Err: syscall.ENOSPC},
		},
		{
			name: "nobody took it",
			set: func(r *rig, d *hydra.Destination) {
				r.sink.OnWrite = fault.Always(fault.Fail(syscall.ENOSPC))
				r.fallback.OnWrite = fault.Always(fault.Fail(syscall.EIO))
				d.RetryFor = -1
			},
			want: hydra.Delivery{Destination: "d", Dropped: 1},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
					throughFrom(r, d, c)
					test.set(r, d)
				})
				var got *hydra.DeliveryError
				assert.Assert(t, errors.As(cry(t.Context(), r.Handler, "1"), &got))
				assert.Equal(t, got.Op, "log")
				assert.Equal(t, len(got.Deliveries), 1)
				assert.Equal(t, got.Deliveries[0], test.want)
				_ = r.Close(t.Context()) // what it says is the fallback's test
			})
		})
	}
}

func TestWriteThroughEndsWithItsContextAndTheRecordGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
			throughFrom(r, d, c)
			r.sink.OnWrite = fault.At(1, fault.Hang(released))
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		err := cry(ctx, r.Handler, "1")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Since(begin), time.Minute)
		close(released)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 1))
		r.wantAccount(1, 0, 0, 0)
	})
}

func TestWriteThroughIsConcernedWithItsOwnRecordOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
			throughFrom(r, d, c)
			d.Queue.Records = 4
			r.sink.OnWrite = fault.At(1, fault.Hang(released))
		})
		r.log(1, 1)
		settle()     // the sink has it, and hangs
		r.log(2, 20) // all but the last four are dropped
		result := make(chan error)
		go func() { result <- cry(t.Context(), r.Handler, "21") }()
		synctest.Wait()
		close(released)
		assert.NilError(t, <-result)
		r.close()
		assert.Equal(t, r.state().Losses.Oldest, uint64(16))
	})
}

func TestCloseFreesLogCallsThatWaitForTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
			throughFrom(r, d, c)
			r.sink.OnWrite = fault.At(1, fault.Hang(released))
		})
		var calls sync.WaitGroup
		for i := range 8 {
			calls.Go(func() {
				if err := cry(context.Background(), r.Handler, strconv.Itoa(i)); err == nil {
					t.Error("a record that is not in the sink was reported as written")
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, r.Close(ctx), context.DeadlineExceeded)
		calls.Wait()
		assert.ErrorIs(t, cry(t.Context(), r.Handler, "late"), hydra.ErrClosed)
		close(released)
	})
}

// An echoSink logs to the handler that it is a sink of.
type echoSink struct {
	fault.Sink
	log *slog.Logger
}

func (s *echoSink) Write(ctx context.Context, b sink.Batch) (int, error) {
	if s.log != nil {
		s.log.Error("echo")
		s.log = nil
	}
	return s.Sink.Write(ctx, b)
}

func TestFault47ASinkThatLogsToItselfDoesNotWaitForItself(t *testing.T) {
	s := &echoSink{}
	h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{Sink: s, Format: lines{}, SyncLevel: slog.LevelError}}},
	}})
	s.log = slog.New(h) // no record is logged yet
	assert.NilError(t, cry(t.Context(), h, "1"))
	assert.NilError(t, h.Close(t.Context()))
	assert.DeepEqual(t, s.Lines(), []string{"1", "echo"})
}

func TestWriteThroughHoldsUnderLoad(t *testing.T) {
	r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
		throughFrom(r, d, c)
		d.Policy = hydra.Block
		d.Queue.Records = 64
	})
	const producers, each = 8, 200
	var calls sync.WaitGroup
	for p := range producers {
		calls.Go(func() {
			for i := range each {
				message := strconv.Itoa(p*each + i)
				if i%10 != 0 {
					if err := r.say(message); err != nil {
						t.Error(err)
					}
					continue
				}
				if err := cry(context.Background(), r.Handler, message); err != nil {
					t.Error(err)
				}
			}
		})
	}
	calls.Wait()
	r.close()
	r.wantAccount(producers*each, 0, 0, 0)
}
