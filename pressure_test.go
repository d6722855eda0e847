// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/internal/memory"
)

// memoryRig returns a handler that believes percent of the memory to be used.
func memoryRig(t *testing.T, limit int, percent *atomic.Int64, s *fault.Sink) (*Handler, *fault.Writer) {
	t.Helper()
	fallback := &fault.Writer{}
	var check checker
	c := newCore(Config{
		MemoryLimit: limit,
		Fallback:    fallback,
		Layers: map[string]Layer{defaultLayer: {Destinations: []Destination{{
			Name: "d", Sink: s, Queue: Queue{Records: 80},
		}}}},
	}, &check)
	assert.Equal(t, len(check.mistakes), 0)
	c.shared.pressure.read = func(now time.Time) (memory.Reading, error) {
		return memory.Reading{Source: memory.Cgroup, Percent: float64(percent.Load()), Time: now}, nil
	}
	t.Cleanup(func() { assert.DeepEqual(t, s.Breaches(), []string(nil)) })
	return c.handler(), fallback
}

func TestQueuesDoNotGrowAboveTheMemoryLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		s := &fault.Sink{OnWrite: fault.At(1, fault.Stall(released))}
		var percent atomic.Int64
		h, fallback := memoryRig(t, 90, &percent, s)
		log := slog.New(h)
		want := func(status Status, queued int, diverted uint64) {
			t.Helper()
			got := h.Health()
			assert.Equal(t, got.Memory.High, percent.Load() > 90)
			assert.Equal(t, strings.Contains(got.String(), "above MemoryLimit"), got.Memory.High, got.String())
			assert.Equal(t, got.Status, status)
			assert.Equal(t, got.Destinations[0].Queue.Records, queued)
			assert.Equal(t, got.Destinations[0].Fallback, diverted)
		}
		percent.Store(90)
		log.Info("1")
		time.Sleep(10 * time.Millisecond)
		for range 10 {
			log.Info("2")
		}
		want(StatusOK, 10, 0)
		percent.Store(91)
		want(StatusDegraded, 10, 0) // somebody has to look
		for range 5 {
			log.Info("3")
		}
		want(StatusDegraded, 11, 4) // an eighth of 80 is 10
		percent.Store(50)
		want(StatusDegraded, 11, 4) // because of the records in the fallback
		log.Info("4")
		want(StatusDegraded, 12, 4)
		close(released)
		assert.NilError(t, h.Close(context.Background()))
		assert.Equal(t, h.Health().Destinations[0].Written, uint64(13))
		news := string(fallback.Bytes())
		assert.Equal(t, strings.Count(news, `"msg":"3"`), 4)
		assert.Equal(t, strings.Count(news, "cgroup: 91 % used, above the limit of 90 %"), 1, news)
	})
}

func TestNextDestinationDoesNotGrowAboveTheMemoryLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		fallback := &fault.Writer{}
		var check checker
		c := newCore(Config{Fallback: fallback, Layers: map[string]Layer{
			"default": {Destinations: []Destination{{
				Sink: &fault.Sink{OnWrite: fault.Always(fault.Fail(syscall.ENOSPC))}, RetryFor: -1, Fallback: "b",
			}}},
			"spare": {Destinations: []Destination{{
				Name: "b", Sink: &fault.Sink{OnWrite: fault.At(1, fault.Stall(released))}, Queue: Queue{Records: 80},
			}}},
		}}, &check)
		c.shared.pressure.read = func(now time.Time) (memory.Reading, error) {
			return memory.Reading{Source: memory.Cgroup, Percent: 99, Time: now}, nil
		}
		h := c.handler()
		for range 21 {
			slog.New(h).Info("1")
			time.Sleep(10 * time.Millisecond)
		}
		b := h.Health().Destinations[1]
		assert.Equal(t, b.Queue.Records, 11) // an eighth of 80 is 10
		assert.Equal(t, b.Fallback, uint64(21-1-11))
		assert.Equal(t, strings.Count(string(fallback.Bytes()), `"msg":"1"`), 21-1-11)
		close(released)
		assert.NilError(t, h.Close(context.Background()))
	})
}

func TestQueuesDoNotGrowAboveTheMemoryLimitWhileTheSinkStandsStill(t *testing.T) {
	tests := []struct {
		name string
		set  func(s *fault.Sink, released chan struct{})
	}{
		{"hangs in Open", func(s *fault.Sink, released chan struct{}) { s.OnOpen = fault.At(1, fault.Stall(released)) }},
		{"hangs in Write", func(s *fault.Sink, released chan struct{}) { s.OnWrite = fault.At(1, fault.Stall(released)) }},
		{"fails", func(s *fault.Sink, _ chan struct{}) { s.OnWrite = fault.Always(fault.Fail(syscall.ENOSPC)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				s := &fault.Sink{}
				tt.set(s, released)
				var percent atomic.Int64
				h, fallback := memoryRig(t, 90, &percent, s)
				log := slog.New(h)
				log.Info("1")
				time.Sleep(10 * time.Millisecond)
				for range 20 {
					log.Info("2")
				}
				percent.Store(91)
				time.Sleep(1100 * time.Millisecond) // the longest pause between tries, and RetryFor is longer
				for range 5 {
					log.Info("3")
				}
				news := string(fallback.Bytes()) // before Health, which looks as well
				assert.Equal(t, strings.Count(news, `"msg":"3"`), 5, news)
				assert.Equal(t, strings.Count(news, "cgroup: 91 % used, above the limit of 90 %"), 1, news)
				percent.Store(50)
				time.Sleep(1100 * time.Millisecond)
				log.Info("4")
				assert.Equal(t, strings.Count(string(fallback.Bytes()), `"msg":"4"`), 0)
				close(released)
				_ = h.Close(context.Background()) // what it says is up to the sink
			})
		})
	}
}

func TestMemoryAboveTheLimitFromTheStartIsSeenBeforeTheSinkHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		var percent atomic.Int64
		percent.Store(99)
		h, fallback := memoryRig(t, 90, &percent, &fault.Sink{OnOpen: fault.At(1, fault.Stall(released))})
		for range 16 {
			slog.New(h).Info("1")
		}
		assert.Equal(t, strings.Count(string(fallback.Bytes()), `"msg":"1"`), 16-11) // an eighth of 80 is 10
		close(released)
		assert.NilError(t, h.Close(context.Background()))
	})
}

func TestWritersLookAtTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fault.Sink{}
		var percent atomic.Int64
		percent.Store(99)
		h, fallback := memoryRig(t, 0, &percent, s)
		slog.New(h).Info("1")
		time.Sleep(10 * time.Millisecond)
		assert.Assert(t, h.core.shared.pressure.high.Load())
		percent.Store(10)
		slog.New(h).Info("2")
		time.Sleep(11 * time.Second)
		assert.Assert(t, !h.core.shared.pressure.high.Load())
		percent.Store(99)
		slog.New(h).Info("3")
		assert.NilError(t, h.Close(context.Background()))
		news := string(fallback.Bytes())
		assert.Equal(t, strings.Count(news, "99 % used, above the limit of 70 %"), 2, news)
	})
}

func TestNegativeMemoryLimitIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var percent atomic.Int64
		percent.Store(1000)
		h, fallback := memoryRig(t, -1, &percent, &fault.Sink{})
		slog.New(h).Info("1")
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, h.Health().Status, StatusOK)
		assert.NilError(t, h.Close(context.Background()))
		assert.Equal(t, len(fallback.Bytes()), 0)
	})
}
