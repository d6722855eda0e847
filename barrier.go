// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
)

// A barrier is where somebody waits until the records from one ticket on and
// before another are accounted for: a Flush for all that was offered so far, a log
// call from SyncLevel up for its own record.
//
// A log call knows its ticket only when the record is in the queue, and by then it
// may be gone from there. So its barrier is armed before: it has no end, and keeps
// what is lost one by one until it is aimed at the ticket.
type barrier struct {
	from    uint64 // ticket
	target  uint64 // ticket; never reached while the barrier is armed
	head    uint64 // ticket: what was dropped before it was dropped before the call
	own     bool   // of a log call
	flush   bool   // it waits for the sink's Flush as well
	sync    bool   // likewise for its Sync
	gone    []loss // while armed
	written uint64 // as in books, when the barrier was put up
	lost    uint64 // of the barrier's records, dropped since
	stray   uint64 // likewise, to the fallback
	spooled uint64 // likewise, left for the next start
	over    bool   // guarded by destination.mu: reached, or given up
	err     error  // guarded by destination.mu: of the sink's Flush and Sync, once over

	// Of a Flush and a Sync of the sink for others, while the barrier was up.
	unflushed, unsynced failure
}

// A failure is an error by which no record before a ticket is called safe: a sink may
// tell it once, and call what it does later for the same records a success.
type failure struct {
	err    error
	before uint64
}

// add adds err for what was with the sink by then.
func (f *failure) add(err error, before uint64) {
	if err != nil {
		*f = failure{cmp.Or(f.err, err), before}
	}
}

// of returns the error if w has records that it is about.
func (f *failure) of(w *barrier) error {
	if w.from >= f.before {
		return nil
	}
	return f.err
}

// A loss is n records from ticket first on that did not reach the sink.
type loss struct {
	first, n uint64
	as       *uint64 // barrier.lost, barrier.stray or barrier.spooled
}

// armed returns a barrier for a record that is about to be pushed.
func armed() *barrier { return &barrier{target: math.MaxUint64, own: true} }

// lose counts those of n records from ticket first on that are the barrier's.
func (w *barrier) lose(first, n uint64, as *uint64) {
	if n > 0 && w.target == math.MaxUint64 {
		w.gone = append(w.gone, loss{first, n, as})
		return
	}
	low, high := max(first, w.from), min(first+n, w.target)
	*as += max(low, high) - low
}

// aim sets an armed barrier to the record with that ticket.
func (w *barrier) aim(ticket uint64) {
	w.from, w.target = ticket, ticket+1
	for _, l := range w.gone {
		w.lose(l.first, l.n, l.as)
	}
	w.gone = nil
}

// putBarrier puts a barrier up. The caller then wakes the writer, if it is to
// reach it soon.
func (d *destination) putBarrier(b *barrier) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.written = d.books.written
	if !b.own {
		b.head = d.books.next + d.books.unseen(d.queue)
		if b.sync {
			b.unsynced.add(d.unheard, math.MaxUint64)
			d.unheard = nil
		}
	}
	if d.abandoned { // nobody would reach it
		b.over, b.err = true, errSinkHangs
		return
	}
	d.books.barriers = append(d.books.barriers, b)
}

// aimBarrier aims an armed barrier, and wakes the writer.
func (d *destination) aimBarrier(b *barrier, ticket uint64) {
	d.mu.Lock()
	b.aim(ticket)
	d.mu.Unlock()
	d.queue.call()
}

// takeBarrier takes a barrier away that nobody waits at.
func (d *destination) takeBarrier(b *barrier) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.books.remove(b)
}

// awaitBarrier waits for the barrier, and takes it away when that, ctx or the writer
// ends first.
func (d *destination) awaitBarrier(ctx context.Context, b *barrier) Delivery {
	var late error
	done := doneOf(ctx)
	for waiting := true; waiting; {
		d.mu.Lock()
		passed, over := d.passed, b.over
		d.mu.Unlock()
		if over {
			break
		}
		select {
		case <-passed:
		case <-d.taken:
			waiting = false
		case <-d.done:
			waiting = false
		case <-done:
			late, waiting = ctx.Err(), false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.verdict(b, late)
	d.books.remove(b)
	// What was dropped from the queue's head since the writer last took.
	next, head := d.books.next, d.books.next+d.books.unseen(d.queue)
	gone := max(min(head, b.target), next) - next
	if since := max(next, b.head); head > since {
		b.lose(since, head-since, &b.lost)
	}
	if err == nil && b.stray > 0 {
		err = d.books.cause
	}
	return Delivery{
		Destination: d.config.Name,
		Written:     d.books.written - b.written,
		Fallback:    b.stray,
		Spooled:     b.spooled,
		Dropped:     b.lost,
		Unknown:     d.books.before(b.target) - gone,
		Err:         err,
	}
}

// verdict returns how waiting for b ended. Of what came at one moment the more
// certain counts: the barrier, then the end of the writer, then late, that of the
// context. The caller holds mu.
func (d *destination) verdict(b *barrier, late error) error {
	switch {
	case b.over:
		return b.err
	case isClosed(d.taken):
		return errSinkHangs
	case !isClosed(d.done):
		return late
	case d.ended == nil && b.sync:
		return errSyncClosed
	}
	return d.ended
}

// isClosed reports whether c is.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// passBarriers lets everybody go on whose records are accounted for, and those who
// want more after the sink has made safe what it holds, once for all of them.
func (d *destination) passBarriers() {
	d.mu.Lock()
	reached := d.books.passed()
	d.mu.Unlock()
	if len(reached) == 0 {
		return
	}
	flushed, synced := errSinkEnded, errSinkEnded // if they do not return
	defer func() { d.pass(reached, flushed, synced) }()
	flushed, synced = d.makeSafe(reached)
}

// makeSafe has the sink make safe what it holds, as far as barriers want it.
func (d *destination) makeSafe(reached []*barrier) (flushed, synced error) {
	if d.opened && slices.ContainsFunc(reached, func(w *barrier) bool { return w.flush }) {
		flushed = d.flushSink()
	}
	if slices.ContainsFunc(reached, func(w *barrier) bool { return w.sync }) {
		synced = d.sync()
	}
	return flushed, synced
}

// pass lets everybody go on who waits at barriers that the books have no more, with
// what came of making them safe.
func (d *destination) pass(reached []*barrier, flushed, synced error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	heard := false
	for _, w := range reached {
		w.over = true
		if w.flush {
			w.err = cmp.Or(flushed, w.unflushed.of(w))
		}
		if w.sync {
			w.err = errors.Join(w.err, cmp.Or(synced, w.unsynced.of(w)))
			heard = heard || !w.own
		}
	}
	// Of those who wait on, some have records that were with the sink as well.
	settled := d.books.next - d.books.held
	for _, w := range d.books.barriers {
		w.unflushed.add(flushed, settled)
		w.unsynced.add(synced, settled)
		heard = heard || w.sync && !w.own
	}
	if !heard {
		d.unheard = cmp.Or(d.unheard, synced)
	}
	close(d.passed)
	d.passed = make(chan struct{})
}
