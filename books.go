// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"slices"
	"time"
)

// books is what the consumer's side of a destination knows about the records
// that came through its queue. The counts are of records unless they say
// otherwise, and
//
//	next = written + fallback + failed + missed + spooled + held + torn
//
// holds whenever nobody is inside a method.
type books struct {
	next     uint64 // the queue's next ticket to take, which is how many were taken or missed
	held     uint64 // taken and not accounted for, the latest: with the writer, or with Close
	torn     uint64 // 1 while a record that the sink has half of waits for it apart
	tornAt   uint64 // its ticket
	written  uint64 // by the sink
	fallback uint64 // to the fallback instead
	failed   uint64 // dropped: the fallback failed
	missed   uint64 // dropped: the oldest of a full queue
	spooled  uint64 // left in a durable queue for the next start

	bytes   uint64    // taken by the sink, gap markers included
	batches uint64    // of which the sink took something
	retries uint64    // tries of a batch after the first
	partial uint64    // tries that left a record half written
	notices uint64    // gap markers written
	reached uint64    // the ticket behind the records that the sink has, or was told that they are missing
	wrote   time.Time // when the sink last took something
	highest uint32    // most records that take or Health found
	shown   uint64    // most that Health has called written: what a sink holds or lost does not count there
	lost    uint64    // of those written, most that the sink has called lost
	losses  uint64    // what the window of recent losses has been told of

	cause    error // why records went to the fallback, at last
	barriers []*barrier
}

// take takes what is published in q into h.
func (b *books) take(q *queue, h *haul) {
	depth, _ := q.depth()
	b.highest = max(b.highest, depth)
	q.take(h)
	n := uint64(len(h.ends))
	if n == 0 {
		h.first = b.next
		return
	}
	b.miss(h.first)
	b.next += n
	b.held += n
}

// miss accounts for the records from next up to first, which are in the queue no
// more, as dropped.
func (b *books) miss(first uint64) {
	for _, w := range b.barriers {
		since := min(max(b.next, w.head), first)
		w.lose(since, first-since, &w.lost)
	}
	b.missed += first - b.next
	b.next = first
}

// spoolQueued accounts for the next n records, which nobody takes, as spooled.
func (b *books) spoolQueued(n uint64) {
	for _, w := range b.barriers {
		w.lose(b.next, n, &w.spooled)
	}
	b.next += n
	b.spooled += n
}

// spoolHeld accounts for what is held, and for the torn record, as spooled.
func (b *books) spoolHeld() {
	for _, w := range b.barriers {
		w.lose(b.next-b.held, b.held, &w.spooled)
		w.lose(b.tornAt, b.torn, &w.spooled)
	}
	b.spooled += b.held + b.torn
	b.held, b.torn = 0, 0
}

// unseen returns how many records were dropped since take, from the head of q.
func (b *books) unseen(q *queue) uint64 { return q.before(q.head.Load()) - b.next }

// write accounts for n of the records held, the oldest, as written.
func (b *books) write(n uint64) {
	b.held -= n
	b.written += n
}

// divide finds out how many of the records that the sink took count as written, and
// how many as dropped, because it has lost them. Neither number goes back, though the
// sink holds a record before the books say that it took it.
func (b *books) divide(h holding) {
	took := min(h.took, b.written)
	b.shown = max(b.shown, min(took-min(h.held+h.lost, took), b.written-b.lost))
	b.lost = max(b.lost, min(h.lost, b.written-b.shown))
}

// tear sets the oldest record held apart.
func (b *books) tear() {
	b.torn, b.tornAt = 1, b.next-b.held
	b.held--
}

// mend accounts for the torn record as written.
func (b *books) mend() {
	b.torn = 0
	b.written++
}

// divertTorn accounts for the torn record as gone to the fallback, or as dropped.
func (b *books) divertTorn(fallback, failed uint64) {
	for _, w := range b.barriers {
		w.lose(b.tornAt, fallback, &w.stray)
		w.lose(b.tornAt, failed, &w.lost)
	}
	b.torn = 0
	b.fallback += fallback
	b.failed += failed
}

// divert accounts for records held, the oldest, as gone to the fallback, and for
// those after them as dropped.
func (b *books) divert(fallback, failed uint64) {
	for _, w := range b.barriers {
		oldest := b.next - b.held
		w.lose(oldest, fallback, &w.stray)
		w.lose(oldest+fallback, failed, &w.lost)
	}
	b.held -= fallback + failed
	b.fallback += fallback
	b.failed += failed
}

// passed removes and returns the barriers that are reached.
func (b *books) passed() []*barrier {
	if len(b.barriers) == 0 {
		return nil
	}
	var reached []*barrier
	b.barriers = slices.DeleteFunc(b.barriers, func(w *barrier) bool {
		if b.before(w.target) > 0 {
			return false
		}
		reached = append(reached, w)
		return true
	})
	return reached
}

// remove takes a barrier away that nobody waits at any more.
func (b *books) remove(w *barrier) {
	b.barriers = slices.DeleteFunc(b.barriers, func(o *barrier) bool { return o == w })
}

// before returns how many records before target are not accounted for.
func (b *books) before(target uint64) uint64 {
	n := max(target, b.next-b.held) - (b.next - b.held)
	if b.torn == 1 && b.tornAt < target {
		n++
	}
	return n
}
