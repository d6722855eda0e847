// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/errs"
)

// Event is a piece of hydra's own news. hydra never logs about itself through
// slog or log: news goes to Config.OnEvent, and to the fallback as a JSON record,
// there at most once in ten seconds for each kind and destination, but for
// mistakes and unknown layers, which are all told. What was left out there is told
// with the next of its kind and destination, or else once more at Close: that record
// has what is said of the last of them, and how many were left out. Of more than 256
// that wait to be told, the later ones are counted alone.
type Event struct {
	// Time is when it happened.
	Time time.Time

	// Kind is what happened.
	Kind EventKind

	// Destination is the name of the destination it happened to, or empty if it
	// concerns the handler; that of EventUnclaimed is none of the handler's.
	Destination string

	// Fallback is the name of the destination that takes the records of a sink that
	// fails, or empty if that is Config.Fallback, and for other kinds of events.
	Fallback string

	// Count is how many records it concerns, where that is known; for EventQueueHigh
	// how many were in the queue. A record on the fallback that tells of several
	// events has the sum of their counts, but the largest of EventQueueHigh.
	Count uint64

	// Err tells more: the cause, or what to do.
	Err error
}

// EventKind says what an Event is about. Its value is the message of the record
// on the fallback.
type EventKind string

// The kinds of events.
const (
	// EventMistake is a mistake in the Config that NewHandler was given.
	EventMistake EventKind = "hydra: mistake in the configuration"

	// EventUnknownLayer is a layer attribute that names no layer, for the first time
	// with that name, or names "*", which takes every record and cannot be chosen. Err has
	// the name and the nearest that there is. It is told of the 64 names that
	// Health.UnknownLayers keeps apart.
	EventUnknownLayer EventKind = "hydra: unknown layer"

	// EventBroken is a sink that cannot be opened, or written to for longer than
	// Destination.RetryFor, or that ended its writer by runtime.Goexit: its records go
	// to the fallback from now on, which Fallback names if it is a destination.
	EventBroken EventKind = "hydra: sink fails, its records go to the fallback"

	// EventHanging is a sink that has not returned from a call for five seconds.
	// It is noticed by log calls that find its queue past 80 %, and by Health.
	EventHanging EventKind = "hydra: sink hangs"

	// EventMended is a sink that works again.
	EventMended EventKind = "hydra: sink works again"

	// EventQueueHigh is a queue that passed 80 % of one of its bounds, for the
	// first time since it was at most half full.
	EventQueueHigh EventKind = "hydra: queue nearly full"

	// EventDropped is records that were dropped, from any cause, or rejected. Count
	// says how many since the event before. It comes with the batch that the sink is
	// given next, or when the sink is closed: while it stands still, only Health has
	// the loss.
	EventDropped EventKind = "hydra: records lost"

	// EventTooLarge is a record that no room in the queue can hold. It went to
	// the fallback.
	EventTooLarge EventKind = "hydra: record too large for the queue"

	// EventNotDurable is a durable queue that is in memory instead, from the start or
	// from now on; Err says why. A crash would lose what it holds.
	EventNotDurable EventKind = "hydra: queue is not durable"

	// EventRecovered is records that a process left in a durable queue when it died,
	// and that the sink has now. Count says how many; Err says more.
	EventRecovered EventKind = "hydra: records recovered"

	// EventTrail is an audit trail that does not go on as it began where a destination
	// recovers what a process left: with another Key, where only one of the two has
	// Audit, or with a trail that cannot be read. Err says which, and what "hydra audit"
	// will say of it.
	EventTrail EventKind = "hydra: audit trail does not go on"

	// EventQuarantined is a file of a durable queue that could not be recovered, and
	// was quarantined: it has a name that ends in .bad, under which hydra neither reads
	// nor deletes it. Err names it.
	EventQuarantined EventKind = "hydra: queue file quarantined"

	// EventUnclaimed is a file of a durable queue that waits for a destination of a name
	// that no durable one of the handler has in that folder. Destination is that name,
	// Count how many records wait; Err names the file. It is told once at the start.
	EventUnclaimed EventKind = "hydra: queue file of no destination"

	// EventMemory is memory that passed Config.MemoryLimit, or fell below it
	// again; Err says which.
	EventMemory EventKind = "hydra: memory"

	// EventExit is a handler that Exit could not close without leaving records out of
	// their sinks: Err is what Close returned. It goes to the fallback only.
	EventExit EventKind = "hydra: exit, and not every record is in its sink"
)

// A reporter brings events to the fallback and to the callback, from a goroutine
// of its own. Handler starts it, not the first event: that may come from a log call
// in a bubble of testing/synctest, which would wait for the goroutine to end.
type reporter struct {
	// immutable
	fallback *fallback
	callback func(Event)
	format   format.Format

	missed atomic.Uint64 // events that found the channel full
	events chan Event
	done   chan struct{} // closed when the goroutine has ended

	goroutine atomic.Uint64 // that tells; 0 before the first
	excused   chan struct{} // closed when that goroutine itself waits for Close
	excuse    sync.Once     // closes excused

	mu      sync.Mutex
	stopped bool // guarded by mu: events is closed

	told map[[2]string]*telling // goroutine only; by kind and destination
}

// A telling is when the fallback was last told of a kind of event at one
// destination, and what it was not told since.
type telling struct {
	at      time.Time
	skipped uint64 // events
	last    Event  // of these, with the Count of all
}

const (
	eventsWaiting = 256
	tellEvery     = 10 * time.Second
)

func newReporter(f *fallback, callback func(Event)) *reporter {
	return &reporter{
		fallback: f,
		callback: callback,
		format:   format.JSON(nil),
		events:   make(chan Event, eventsWaiting),
		done:     make(chan struct{}),
		excused:  make(chan struct{}),
		told:     make(map[[2]string]*telling),
	}
}

// report passes e on, with the time it is now. It never blocks.
func (r *reporter) report(e Event) {
	e.Time = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	select {
	case r.events <- e:
	default:
		r.missed.Add(1)
	}
}

// stop ends the goroutine once it has told what was reported, and waits for that
// until ctx ends, or the goroutine waits for Close.
func (r *reporter) stop(ctx context.Context) {
	r.mu.Lock()
	if !r.stopped {
		r.stopped = true
		close(r.events)
	}
	r.mu.Unlock()
	select {
	case <-r.done:
	case <-r.excused:
	case <-ctx.Done():
	}
}

// closing notes that a goroutine is about to wait for Close. If it is the one that
// tells, as within the callback, stop would wait for what waits for stop.
func (r *reporter) closing(goroutine uint64) {
	if r.goroutine.Load() == goroutine {
		r.excuse.Do(func() { close(r.excused) })
	}
}

// run tells every event. Should the callback end the goroutine, by runtime.Goexit,
// another one goes on.
func (r *reporter) run() {
	orderly := false
	defer func() {
		if !orderly {
			r.missed.Add(1)
			go r.run() // as the one before
			return
		}
		close(r.done)
	}()
	r.goroutine.Store(goroutineID())
	for e := range r.events {
		r.tell(e)
		r.callBack(e)
	}
	r.tellRest()
	orderly = true
}

// tellRest writes what tell has left out lately, with which no other is to be told.
func (r *reporter) tellRest() {
	kinds := slices.SortedFunc(maps.Keys(r.told), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, key := range kinds {
		if t := r.told[key]; t.skipped > 0 {
			e := t.last
			e.Time = time.Now()
			r.write(e, t.skipped)
		}
	}
}

// tell writes e to the fallback, unless it was told the like a moment ago.
func (r *reporter) tell(e Event) {
	key := [2]string{string(e.Kind), e.Destination}
	t := r.told[key]
	if t == nil {
		t = &telling{}
		r.told[key] = t
	} else if e.Time.Sub(t.at) < tellEvery && e.Kind != EventMistake && e.Kind != EventUnknownLayer {
		t.skipped++
		e.Count = countOfBoth(t.last, e)
		t.last = e
		return
	}
	e.Count = countOfBoth(t.last, e)
	r.write(e, t.skipped)
	*t = telling{at: e.Time}
}

// countOfBoth returns the Count of two events of one kind, or of the second if there
// is no first.
func countOfBoth(a, b Event) uint64 {
	if b.Kind == EventQueueHigh { // the same records may have been in the queue both times
		return max(a.Count, b.Count)
	}
	return a.Count + b.Count
}

// write writes e to the fallback, and how many like it were left out before.
func (r *reporter) write(e Event, skipped uint64) {
	record := slog.NewRecord(e.Time, slog.LevelWarn, string(e.Kind), 0)
	if e.Destination != "" {
		record.AddAttrs(slog.String("destination", e.Destination))
	}
	if e.Fallback != "" {
		record.AddAttrs(slog.String("fallback", e.Fallback))
	}
	if e.Count > 0 {
		record.AddAttrs(slog.Uint64("records", e.Count))
	}
	if e.Err != nil {
		record.AddAttrs(slog.Any("error", e.Err))
	}
	if p := errs.PanicOf(e.Err); p != nil {
		record.AddAttrs(slog.String("stack", p.Stack))
	}
	if skipped > 0 {
		record.AddAttrs(slog.Uint64("untold", skipped))
	}
	line, _ := r.format.AppendRecord(nil, record, nil)
	if _, err := r.fallback.write(line); err != nil {
		r.missed.Add(1)
	}
}

// callBack calls the callback and contains its panics.
func (r *reporter) callBack(e Event) {
	if r.callback == nil {
		return
	}
	defer func() {
		if recover() != nil {
			r.missed.Add(1)
		}
	}()
	r.callback(e)
}
