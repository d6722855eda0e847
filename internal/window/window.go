// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package window counts what happened during the last minute, so that a
// destination counts as healthy again soon after the cause of its trouble is gone.
package window

import (
	"sync"
	"time"
)

const (
	// Counters is how many counters a Window holds. A Window takes about 4 KiB.
	Counters = 8

	// Span is how far back a Window looks: the current second, as far as it has
	// gone, and the 59 before it.
	Span = slots * slot

	slots = 60
	slot  = time.Second
)

// Window holds Counters counters, numbered from 0, over the last Span. Its
// owner gives the numbers their names. Methods may be called from any goroutine
// and hold a mutex for well under a microsecond; they belong on paths that run
// once per batch or rarely.
//
// The times passed in come from time.Now, whose monotonic reading makes steps of
// the wall clock harmless. A time before one that was seen already counts as that
// one. The zero value is ready; a number outside the range panics.
type Window struct {
	mu      sync.Mutex
	started bool                    // guarded by mu
	start   time.Time               // guarded by mu; slot 0 begins here
	newest  int64                   // guarded by mu; number of the current slot
	latest  time.Duration           // guarded by mu; since start, never goes back
	counts  [slots][Counters]uint64 // guarded by mu; slot n is at n % slots
}

// Start makes now the beginning of the time over which Rate divides. Without
// it the first call of another method does. Only the first such call has effect.
func (w *Window) Start(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advanceLocked(now)
}

// Add adds n to counter i.
func (w *Window) Add(now time.Time, i int, n uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advanceLocked(now)
	w.counts[w.newest%slots][i] += n
}

// Sum returns what was added to counter i during the last Span.
func (w *Window) Sum(now time.Time, i int) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advanceLocked(now)
	return w.sumLocked(i)
}

// Rate returns Sum per second, over the part of Span that has passed since the
// start. Less than a second counts as one, so that a first event is not a flood.
func (w *Window) Rate(now time.Time, i int) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advanceLocked(now)
	// The current slot is not over yet, so a full window is a bit less than Span.
	oldest := max(w.newest-(slots-1), 0)
	elapsed := w.latest - time.Duration(oldest)*slot
	return float64(w.sumLocked(i)) / max(elapsed, slot).Seconds()
}

func (w *Window) sumLocked(i int) uint64 {
	var sum uint64
	for s := range w.counts {
		sum += w.counts[s][i]
	}
	return sum
}

// advanceLocked moves the window to now and empties the slots that it enters.
func (w *Window) advanceLocked(now time.Time) {
	if !w.started {
		w.started, w.start = true, now
	}
	w.latest = max(w.latest, now.Sub(w.start))
	current := int64(w.latest / slot)
	if current-w.newest >= slots {
		w.newest = current
		clear(w.counts[:])
	}
	for w.newest < current {
		w.newest++
		w.counts[w.newest%slots] = [Counters]uint64{}
	}
}
