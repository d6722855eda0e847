// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestHealthIsReadableJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Policy, d.RetryFor = hydra.Block, -1
			r.sink.OnWrite = fault.First(1, fault.Fail(syscall.ENOSPC))
		})
		r.log(1, 1)
		time.Sleep(1500 * time.Millisecond)
		r.log(2, 3)
		assert.NilError(t, r.Flush(t.Context()))
		text, err := json.Marshal(r.Health())
		assert.NilError(t, err)
		var got struct {
			Status, Phase, Uptime string
			Goroutines            int
			Memory                struct {
				Source  string
				Percent float64
				RSS     uint64
			}
			Destinations []struct {
				Name, Sink, Policy, Status string
				Offered, Written, Fallback uint64
				GapMarkers                 uint64 `json:"gap_markers"`
				Errors                     []struct {
					Kind, Last string
					Count      uint64
					Time       time.Time
				}
				Latency   struct{ P50, P99, Max string }
				Queue     map[string]int64
				LastWrite time.Time `json:"last_write"`
				InCall    string    `json:"in_call"`
			}
			EventsMissed *uint64 `json:"events_missed"`
		}
		assert.NilError(t, json.Unmarshal(text, &got), "%s", text)
		assert.Equal(t, got.Status, "degraded")
		assert.Equal(t, got.Phase, "running")
		assert.Equal(t, got.Uptime, "1.5s")
		assert.Assert(t, got.Goroutines > 1 && got.EventsMissed != nil)
		if runtime.GOOS == "linux" {
			assert.Assert(t, got.Memory.Source != "" && got.Memory.Percent > 0 && got.Memory.RSS > 1<<20, "%s", text)
		}
		d := got.Destinations[0]
		assert.Equal(t, d.Name, "d")
		assert.Equal(t, d.Sink, "*fault.Sink")
		assert.Equal(t, d.Policy, "Block")
		assert.Equal(t, d.Status, "degraded")
		assert.Equal(t, [...]uint64{d.Offered, d.Written, d.Fallback, d.GapMarkers}, [...]uint64{3, 2, 1, 1})
		assert.Equal(t, d.Errors[0].Kind, "no space")
		assert.Equal(t, d.Errors[0].Last, "write: no space left on device")
		assert.Assert(t, !d.Errors[0].Time.IsZero())
		assert.Equal(t, d.Latency.Max, "0s")
		assert.Equal(t, d.Queue["records_max"], int64(32<<10))
		assert.Assert(t, !d.LastWrite.IsZero())
		assert.Equal(t, d.InCall, "0s")
		r.close()
	})
}

func TestHealthIsATableForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			r.sink.OnWrite = fault.First(1, fault.Fail(syscall.ENOSPC))
		})
		r.log(1, 3)
		time.Sleep(time.Second)
		table := strings.Split(r.Health().String(), "\n")
		assert.Assert(t, strings.HasPrefix(table[0], "degraded, running, up 1s, memory "), "got %s", table[0])
		assert.DeepEqual(t, strings.Fields(table[1]), strings.Fields(
			"destination status offered written fallback dropped rejected spooled pending p99 last error"))
		row := strings.Fields(table[2])
		assert.DeepEqual(t, row[:9], strings.Fields("d degraded 3 3 0 0 0 0 0"))
		assert.Equal(t, strings.Join(row[10:], " "), "write: no space left on device")
		r.close()
		assert.Assert(t, strings.HasPrefix(r.Health().String(), "degraded, done,"))
	})
}

func TestStatusRecoversAMinuteAfterTheLastTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnWrite = fault.At(2, fault.Fail(syscall.EIO))
		})
		r.log(1, 1)
		settle()
		assert.Equal(t, r.Health().Status, hydra.StatusOK)
		r.log(2, 2)
		settle()
		assert.Equal(t, r.Health().Status, hydra.StatusDegraded)
		assert.Equal(t, r.state().Recent.Errors, uint64(1))
		time.Sleep(58 * time.Second)
		assert.Equal(t, r.Health().Status, hydra.StatusDegraded)
		time.Sleep(2 * time.Second)
		assert.Equal(t, r.Health().Status, hydra.StatusOK)
		d := r.state()
		assert.Equal(t, d.Recent, hydra.Recent{})
		assert.Equal(t, d.Errors[0].Count, uint64(1), "the count stays")
		r.close()
	})
}

func TestLossesDegrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, release := fullRig(t, hydra.DropOldest, 0)
		time.Sleep(3 * time.Second)
		r.log(6, 8)
		d := r.state() // before the writer knows of them
		assert.Equal(t, d.Recent.Lost, uint64(3))
		assert.Equal(t, d.Status, hydra.StatusDegraded)
		release()
		settle()
		assert.Equal(t, r.state().Recent.Lost, uint64(3), "told once")
		time.Sleep(time.Minute)
		assert.Equal(t, r.state().Status, hydra.StatusOK)
		r.close()
	})
}

func TestSinkThatDoesNotReturnIsFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) { release = hold(r, nil) })
		time.Sleep(time.Hour)
		r.log(1, 1)
		settle()
		time.Sleep(4 * time.Second)
		d := r.state()
		assert.Equal(t, d.Status, hydra.StatusOK)
		assert.Assert(t, d.InCall >= 4*time.Second && d.InCall < 5*time.Second, "got %v", d.InCall)
		time.Sleep(time.Second)
		assert.Equal(t, r.Health().Status, hydra.StatusFailing)
		release()
		settle()
		assert.Equal(t, r.Health().Status, hydra.StatusOK)
		assert.Equal(t, r.state().InCall, time.Duration(0))
		r.close()
	})
}

func TestWorstDestinationIsTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: &fault.Writer{}, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{
				{Name: "good", Sink: &fault.Sink{}},
				{Name: "bad", Sink: &fault.Sink{OnOpen: fault.Always(fault.Fail(syscall.EIO))}},
				{Name: "degraded", Sink: &fault.Sink{OnWrite: fault.First(1, fault.Fail(syscall.EIO))}},
			}},
		}})
		assert.NilError(t, say(h, "1"))
		settle()
		got := h.Health()
		assert.Equal(t, got.Status, hydra.StatusFailing)
		var each []string
		for _, d := range got.Destinations {
			each = append(each, d.Name+" "+d.Status.String())
		}
		assert.DeepEqual(t, each, []string{"good ok", "bad failing", "degraded degraded"})
		assert.NilError(t, h.Close(t.Context()))
	})
}

func TestFault68LatencyIsFromTheRecordsTimeToTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		for _, age := range []time.Duration{time.Second, 0, -time.Second} { // clocks go wrong, too
			record := slog.NewRecord(time.Now().Add(-age), slog.LevelInfo, "1", 0)
			assert.NilError(t, r.Handle(context.Background(), record))
			assert.NilError(t, r.Flush(t.Context()))
		}
		assert.NilError(t, r.Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelInfo, "no time", 0)))
		r.close()
		got := r.state().Latency
		assert.Assert(t, got.P50 < time.Microsecond, "got %v", got.P50)
		assert.Assert(t, got.Max >= time.Second && got.Max < time.Second+time.Millisecond, "got %v", got.Max)
		assert.Assert(t, got.P99 > 900*time.Millisecond && got.P99 <= got.Max, "got %v", got.P99)
	})
}

func TestRateIsThatOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		for i := range 100 {
			r.log(i, i)
			time.Sleep(100 * time.Millisecond)
		}
		got := r.state().Recent.WrittenPerSecond
		assert.Assert(t, got > 9.5 && got < 10.5, "got %v", got)
		time.Sleep(time.Minute)
		assert.Equal(t, r.state().Recent.WrittenPerSecond, 0.0)
		r.close()
	})
}

func TestHighestIsWhatTheQueueEverHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release func()
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) { release = hold(r, nil) })
		r.log(1, 1)
		settle()
		r.log(2, 70)
		d := r.state()
		assert.Equal(t, d.Queue.Records, 69)
		assert.Assert(t, d.Queue.Bytes >= 69*2)
		release()
		settle()
		d = r.state()
		assert.Equal(t, d.Queue.Records, 0)
		assert.Equal(t, d.Queue.Highest, 69)
		r.close()
	})
}

// A named sink has a name, or fails to.
type namedSink struct {
	fault.Sink
	name func() string
}

func (s *namedSink) String() string { return s.name() }

func TestSinksNameThemselves(t *testing.T) {
	tests := []struct {
		name   string
		string func() string
		want   string
	}{
		{"a name", func() string { return "tape 7" }, "tape 7"},
		{"a panic", func() string { panic("boom") }, "panic: boom"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hydra.NewHandler(hydra.Config{Layers: map[string]hydra.Layer{
				"default": {Destinations: []hydra.Destination{{Sink: &namedSink{name: tt.string}}}},
			}})
			assert.Equal(t, h.Health().Destinations[0].Sink, tt.want)
			assert.NilError(t, h.Close(t.Context()))
		})
	}
}

func TestNamesOfStatesAreWords(t *testing.T) {
	for want, state := range map[string]interface {
		String() string
		MarshalText() ([]byte, error)
	}{
		"ok": hydra.StatusOK, "degraded": hydra.StatusDegraded, "failing": hydra.StatusFailing,
		"running": hydra.PhaseRunning, "flushing": hydra.PhaseFlushing, "cleaning": hydra.PhaseCleaning, "done": hydra.PhaseDone,
		"DropOldest": hydra.DropOldest, "Block": hydra.Block, "Error": hydra.Error,
	} {
		text, err := state.MarshalText()
		assert.NilError(t, err)
		assert.Equal(t, string(text), want)
		assert.Equal(t, state.String(), want)
	}
	for _, unknown := range []string{hydra.Status(9).String(), hydra.Phase(9).String(), hydra.Policy(9).String()} {
		assert.Equal(t, unknown, "unknown")
	}
}

func TestHealthSharesNothingWithTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnWrite = fault.First(1, fault.Fail(syscall.EIO))
		})
		for i := range 10 {
			r.log(i, i)
			h := r.Health()
			h.Destinations[0] = hydra.DestinationHealth{Name: strconv.Itoa(i)}
			assert.Equal(t, r.Health().Destinations[0].Name, "d")
			settle()
		}
		r.close()
	})
}
