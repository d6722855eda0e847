// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"io"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// timed returns s, and when each call of it was, since the first.
func timed(s fault.Script) (fault.Script, *[]time.Duration) {
	var begin time.Time
	times := &[]time.Duration{}
	return func(n int) fault.Action {
		if n == 1 {
			begin = time.Now()
		}
		*times = append(*times, time.Since(begin))
		return s(n)
	}, times
}

func TestRefusedBatchIsTriedAgainAfterGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times *[]time.Duration
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = time.Hour
			r.sink.OnWrite, times = timed(fault.First(14, fault.Fail(syscall.EIO)))
		})
		r.log(1, 1)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want := []time.Duration{0}
		for pause := time.Millisecond; len(want) < 15; pause = min(2*pause, time.Second) {
			want = append(want, want[len(want)-1]+pause)
		}
		assert.DeepEqual(t, *times, want)
		d := r.state()
		assert.Equal(t, d.Retries, uint64(14))
		assert.Equal(t, d.Errors[0].Count, uint64(14))
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 1))
		r.wantAccount(1, 0, 0, 0)
	})
}

func TestFault13BrokenSinkIsTriedOnceASecondUntilItIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times *[]time.Duration
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			r.sink.OnWrite, times = timed(fault.First(3, fault.Fail(syscall.ENOSPC)))
		})
		for i := 1; i <= 35; i++ { // a record each 100 ms, and a look at it 50 ms later
			if i == 2 {
				time.Sleep(30 * time.Millisecond) // never when the sink is tried
			}
			r.log(i, i)
			time.Sleep(50 * time.Millisecond)
			assert.Equal(t, r.state().Status == hydra.StatusFailing, i <= 30, "at record %d", i)
			time.Sleep(50 * time.Millisecond)
		}
		for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second} {
			got := (*times)[i]
			assert.Assert(t, want <= got && got < want+100*time.Millisecond, "try %d: got %v, want about %v", i, got, want)
		}
		assert.Equal(t, len(r.seen(hydra.EventBroken)), 1)
		assert.Equal(t, len(r.seen(hydra.EventMended)), 1)
		assert.ErrorIs(t, r.seen(hydra.EventBroken)[0].Err, syscall.ENOSPC)
		r.close()
		assert.DeepEqual(t, r.strays(), numbers(1, 30))
		assert.DeepEqual(t, r.sink.Lines(), join(gap(0, 0, 30), numbers(31, 35)))
		r.wantAccount(5, 30, 0, 0)
	})
}

func TestBrokenSinkIsMendedWithoutMoreRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			r.sink.OnWrite = fault.First(2, fault.Fail(syscall.ENOSPC))
		})
		r.log(1, 1)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		assert.Equal(t, len(r.seen(hydra.EventMended)), 1)
		assert.DeepEqual(t, r.sink.Lines(), gap(0, 0, 1))
		r.close()
		r.wantAccount(0, 1, 0, 0)
	})
}

func TestProgressStartsRetryForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = 3 * time.Millisecond
			r.sink.OnWrite = fault.First(40, fault.Short(1, syscall.EAGAIN))
		})
		text := strings.Repeat("x", 60)
		assert.NilError(t, r.say(text))
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), []string{text})
		assert.Equal(t, r.state().PartialWrites, uint64(40))
	})
}

// hold makes the sink's first write wait for release. What is logged meanwhile is
// one batch.
func hold(r *rig, then fault.Script) (release func()) {
	released := make(chan struct{})
	r.sink.OnWrite = func(n int) fault.Action {
		if n == 1 {
			return fault.Stall(released)
		}
		if then == nil {
			return fault.Action{}
		}
		return then(n - 1)
	}
	return func() { close(released) }
}

func TestShortWriteGoesOnAtTheNextByte(t *testing.T) {
	for n := range len("1\n2\n3\n44\n5\n") {
		for _, err := range []error{syscall.ENOSPC, nil} {
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var release func()
					r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
						release = hold(r, fault.Steps(fault.Short(n, err), fault.Short(1, err)))
					})
					r.log(0, 0)
					settle()
					for _, m := range []string{"1", "2", "3", "44", "5"} {
						assert.NilError(t, r.say(m))
					}
					release()
					assert.NilError(t, r.Flush(t.Context()))
					assert.Equal(t, string(r.sink.Bytes()), "0\n1\n2\n3\n44\n5\n")
					d := r.state()
					assert.Equal(t, d.Bytes, uint64(len(r.sink.Bytes())))
					wantErr := err
					if err == nil {
						wantErr = io.ErrShortWrite
					}
					assert.Assert(t, strings.Contains(d.Errors[0].Last, wantErr.Error()), "got %q", d.Errors[0].Last)
					r.close()
					r.wantAccount(6, 0, 0, 0)
				})
			})
		}
	}
}

func TestFault48SinkThatMiscountsIsHeldToTheBatch(t *testing.T) {
	tests := []struct {
		name   string
		action fault.Action
		want   string
	}{
		{name: "less than nothing", action: fault.Short(-5, syscall.EIO), want: "1\n2\n"},
		{name: "less than nothing, no error", action: fault.Short(-5, nil), want: "1\n2\n"},
		{name: "more than all", action: fault.Short(math.MaxInt, nil), want: "1\n2\n"},
		{name: "more than all, and an error", action: fault.Short(math.MaxInt, syscall.EIO), want: "1\n2\n"},
		{name: "panic", action: fault.Panic("boom"), want: "1\n2\n"},
		{name: "panic with nil error", action: fault.Panic(error(nil)), want: "1\n2\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
					r.sink.OnWrite = fault.First(1, tt.action)
				})
				r.log(1, 2)
				r.close()
				assert.Equal(t, string(r.sink.Bytes()), tt.want)
				r.wantAccount(2, 0, 0, 0)
			})
		})
	}
}

func TestSinkThatOpensLateGetsWhatComesThen(t *testing.T) {
	for _, failure := range []fault.Action{fault.Fail(syscall.EACCES), fault.Panic("boom")} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
				r.sink.OnOpen = fault.First(2, failure)
			})
			r.log(1, 1)
			time.Sleep(500 * time.Millisecond)
			assert.Equal(t, r.state().Status, hydra.StatusFailing)
			time.Sleep(2 * time.Second)
			r.log(2, 2)
			r.close()
			assert.DeepEqual(t, r.strays(), numbers(1, 1))
			assert.DeepEqual(t, r.sink.Lines(), join(gap(0, 0, 1), numbers(2, 2)))
			assert.Equal(t, len(r.seen(hydra.EventMended)), 1)
			r.wantAccount(1, 1, 0, 0)
		})
	}
}

func TestSinkThatOpensLateIsMendedWithoutRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnOpen = fault.First(3, fault.Fail(syscall.EACCES))
		})
		settle()
		assert.Equal(t, r.state().Status, hydra.StatusFailing)
		time.Sleep(time.Hour)
		assert.Equal(t, r.state().Status, hydra.StatusOK)
		assert.Equal(t, r.sink.Count(fault.Open), 4)
		assert.Equal(t, len(r.seen(hydra.EventMended)), 1)
		r.close()
	})
}

func TestSinkThatNeverOpensIsNotClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnOpen = fault.Always(fault.Fail(syscall.EACCES))
		})
		r.log(1, 2)
		settle()
		r.close()
		assert.DeepEqual(t, r.strays(), numbers(1, 2))
		assert.Equal(t, r.sink.Count(fault.Close), 0)
	})
}

func TestFault48PanicsOfFlushAndCloseAreErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnFlush = fault.Always(fault.Panic("flush boom"))
			r.sink.OnClose = fault.Always(fault.Panic("close boom"))
		})
		r.log(1, 1)
		assert.ErrorContains(t, r.Flush(t.Context()), "flush boom")
		err := r.Close(t.Context())
		assert.ErrorContains(t, err, "flush boom")
		assert.ErrorContains(t, err, "close boom")
		r.wantAccount(1, 0, 0, 0)
	})
}

// A scribbler keeps every batch that it was given and writes all over it.
type scribbler struct {
	fault.Sink
	kept []sink.Batch
}

func (s *scribbler) Write(ctx context.Context, b sink.Batch) (int, error) {
	n, err := s.Sink.Write(ctx, b)
	s.kept = append(s.kept, b)
	for _, k := range s.kept {
		for i := range k.Bytes {
			k.Bytes[i] = '#'
		}
		for i := range k.Ends {
			k.Ends[i] = math.MaxInt
		}
	}
	return n, err
}

func TestFault48And52SinkThatScribblesHarmsNobody(t *testing.T) {
	bad, good := &scribbler{}, &fault.Sink{}
	h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{Sink: bad, Format: lines{}}, {Sink: good, Format: lines{}}}},
	}})
	for i := range 1000 {
		assert.NilError(t, say(h, strconv.Itoa(i)))
		if i%100 == 0 {
			assert.NilError(t, h.Flush(t.Context()))
		}
	}
	assert.NilError(t, h.Close(t.Context()))
	assert.DeepEqual(t, good.Lines(), numbers(0, 999))
	assert.DeepEqual(t, bad.Lines(), numbers(0, 999))
	for _, d := range h.Health().Destinations {
		assert.Equal(t, d.Written, uint64(1000))
	}
	assert.DeepEqual(t, slices.Concat(bad.Breaches(), good.Breaches()), []string(nil))
}

func TestFault65StalledSinkLeavesOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		stuck, good := &fault.Sink{OnWrite: fault.Always(fault.Hang(released))}, &fault.Sink{}
		h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{
				{Name: "stuck", Sink: stuck, Format: lines{}, Queue: hydra.Queue{Records: 10}},
				{Name: "good", Sink: good, Format: lines{}},
			}},
		}})
		for i := 1; i <= 100; i++ {
			assert.NilError(t, say(h, strconv.Itoa(i)))
			time.Sleep(10 * time.Millisecond)
			assert.Equal(t, len(good.Lines()), i)
		}
		all := h.Health().Destinations
		assert.Equal(t, all[0].Dropped, uint64(100-10-1))
		assert.Equal(t, all[1].Written, uint64(100))
		assert.Equal(t, all[1].Status, hydra.StatusOK)
		assert.Assert(t, all[1].Latency.Max <= 10*time.Millisecond, "got %v", all[1].Latency.Max)
		close(released)
		synctest.Wait()
		assert.NilError(t, h.Close(t.Context()))
		assert.DeepEqual(t, stuck.Lines(), join(numbers(1, 1), gap(89, 0, 0), numbers(91, 100)))
		assert.DeepEqual(t, slices.Concat(stuck.Breaches(), good.Breaches()), []string(nil))
	})
}

func TestFormatThatFiltersGapMarkersIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Format, d.Queue.Records = quiet{}, 2
			release = hold(r, nil)
		})
		r.log(1, 1)
		settle()
		r.log(2, 5)
		release()
		synctest.Wait()
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), []string{"1", "4", "5"})
		r.wantAccount(3, 0, 2, 0)
	})
}

// quiet is lines, for records below Warn only.
type quiet struct{ lines }

func (q quiet) AppendRecord(dst []byte, r slog.Record, top []slog.Attr) ([]byte, format.Flaws) {
	if r.Level >= slog.LevelWarn {
		return dst, 0
	}
	return q.lines.AppendRecord(dst, r, top)
}
