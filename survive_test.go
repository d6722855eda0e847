// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// survivor returns a handler with one destination, which blocks when its small queue
// is full.
func survivor(s sink.Sink, fallback *fault.Writer) *Handler {
	return NewHandler(Config{MemoryLimit: -1, Fallback: fallback, Layers: map[string]Layer{"default": {
		Destinations: []Destination{{Name: "d", Sink: s, Policy: Block, Queue: Queue{Records: 4}}},
	}}})
}

// logAll logs n records.
func logAll(t *testing.T, h *Handler, n int) {
	t.Helper()
	for range n {
		assert.NilError(t, h.Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "a record", 0)))
	}
}

// records returns how many records there are among lines.
func records(lines []string) (n int) {
	for _, line := range lines {
		if strings.Contains(line, `"a record"`) {
			n++
		}
	}
	return n
}

func TestFault48SinkThatEndsItsWriterLosesNothingAndHoldsUpNobody(t *testing.T) {
	for op, s := range map[string]*fault.Sink{
		fault.Open:  {OnOpen: fault.First(2, fault.Exit())},
		fault.Write: {OnWrite: fault.First(2, fault.Exit())},
	} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fallback := &fault.Writer{}
				h := survivor(s, fallback)
				logAll(t, h, 20)
				synctest.Wait()
				assert.Equal(t, records(fallback.Lines()), 20)
				d := h.Health().Destinations[0]
				assert.Equal(t, d.Status, StatusFailing)
				assert.Assert(t, strings.Contains(d.Errors[0].Last, errSinkEnded.Error()), "got %+v", d.Errors)

				time.Sleep(3 * retryMost)
				logAll(t, h, 5)
				assert.NilError(t, h.Close(t.Context()))
				assert.Equal(t, records(s.Lines()), 5)
				d = h.Health().Destinations[0]
				assert.Equal(t, d.Status, StatusDegraded) // for a minute
				assert.Equal(t, [...]uint64{d.Written, d.Fallback, d.Dropped, d.Pending}, [...]uint64{5, 20, 0, 0})
			})
		})
	}
}

func TestSinkThatEndsItsWriterInFlushOrCloseIsNamed(t *testing.T) {
	for op, s := range map[string]*fault.Sink{
		fault.Flush: {OnFlush: fault.Always(fault.Exit())},
		fault.Close: {OnClose: fault.Always(fault.Exit())},
	} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := survivor(s, &fault.Writer{})
				logAll(t, h, 5)
				if op == fault.Flush {
					assert.ErrorIs(t, h.Flush(t.Context()), errSinkEnded)
				}
				begin := time.Now()
				assert.ErrorIs(t, h.Close(t.Context()), errSinkEnded)
				assert.Assert(t, time.Since(begin) < time.Second)
				assert.Equal(t, records(s.Lines()), 5)
			})
		})
	}
}

func TestAMistakeInTheWriterEndsNeitherTheProgramNorTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, fallback := &fault.Sink{}, &fault.Writer{}
		h := survivor(s, fallback)
		d := h.core.destinations[0]
		logAll(t, h, 5)
		assert.NilError(t, h.Flush(t.Context()))
		inStep(d, func() { d.tracing = nil }) // what write does with it panics
		logAll(t, h, 10)
		synctest.Wait()
		health := h.Health().Destinations[0]
		assert.Equal(t, records(fallback.Lines()), 10)
		assert.Equal(t, health.Errors[0].Kind, errs.Panicked)
		assert.Assert(t, strings.Contains(health.Errors[0].Last, "a mistake in hydra, please report it: panic: "), "got %+v", health.Errors)

		assert.Assert(t, strings.Contains(string(fallback.Bytes()), `"stack":"`), "%s", fallback.Bytes())

		inStep(d, func() { d.tracing = &d.trace })
		time.Sleep(2 * retryMost)
		logAll(t, h, 5)
		assert.NilError(t, h.Close(t.Context()))
		assert.Equal(t, records(s.Lines()), 10)
		health = h.Health().Destinations[0]
		assert.Equal(t, [...]uint64{health.Written, health.Fallback, health.Dropped, health.Pending}, [...]uint64{10, 10, 0, 0})
	})
}

func TestAMistakeInTheWriterThatStaysCountsWhatItCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := survivor(&fault.Sink{}, &fault.Writer{})
		d := h.core.destinations[0]
		logAll(t, h, 5)
		assert.NilError(t, h.Flush(t.Context()))
		fallback := d.shared.fallback
		inStep(d, func() { d.tracing, d.shared.fallback = nil, nil }) // what write and divert do with them panics
		logAll(t, h, 10)
		_ = h.Flush(t.Context()) // it ends, also where nothing is lost any more
		inStep(d, func() { d.shared.fallback = fallback })
		assert.NilError(t, h.Close(t.Context()))
		health := h.Health().Destinations[0]
		assert.Equal(t, [...]uint64{health.Written, health.Dropped, health.Pending}, [...]uint64{5, 10, 0})
	})
}

// inStep changes what the writer uses, in order with what it does.
func inStep(d *destination, change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}
