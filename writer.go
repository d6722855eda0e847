// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
)

// A writer is the goroutine of a destination that owns its sink: it takes records
// from the queue, many at a time, and brings them to the sink, or, when the sink
// will not have them, to the fallback.
type writer struct {
	goroutine atomic.Uint64 // its number, for a sink that logs to its own destination
	hanging   atomic.Int64  // stalled, of the call that was last reported to hang
	stalled   atomic.Int64  // since when the sink has had the call it is in, in ns since shared.started; 0 when in none
	broken    atomic.Bool   // the sink failed for too long: records go to the fallback
	heldBack  atomic.Bool   // its last Flush failed: it may have in a buffer what a ring has forgotten
	retired   atomic.Bool   // the ring of a durable queue failed, and that was told

	// immutable
	emptied chan struct{} // closed when the queue is empty for good
	taken   chan struct{} // closed when Close has taken over the queue; abandoned is set by then
	done    chan struct{} // closed when the goroutine has ended; ended is set by then
	claimed []string      // names of the durable destinations in its folder, if it tells of files of others

	// guarded by destination.mu
	abandoned  bool   // Close has taken over the queue
	gone       bool   // the goroutine touches the ring no more
	ringClosed bool   // nobody does
	told       uint64 // lost records that events have told
	unheard    error  // of a Sync for log calls, which no FlushTo has told

	// passed is closed, and made anew, when barriers are reached. The writer makes it,
	// and not who waits: that may be in a bubble of testing/synctest, whose channels
	// nobody outside may use.
	passed chan struct{}

	// the goroutine's own
	haul    haul
	batch   batch
	torn    *torn
	trace   trace     // of the ring of a durable queue
	tracing *trace    // of the batch that the sink is given
	adopted bool      // what ended processes left was looked for
	orphans []*orphan // oldest first
	ends    []int     // those of the batch that the sink was given, which is its to spoil
	opened  bool
	retryAt time.Time // when a broken sink is tried again
	busy    time.Time // when records were last delivered
	marked  missing   // what gap markers have told
	trails  trails
	timer   *time.Timer
	fell    time.Time // when a writer goroutine ended before its time
	ended   error     // what Flush and Close of the sink returned at the end; who has seen done closed may read it
}

const (
	// A sleeping goroutine costs some 100 µs of processor time to wake, as much as
	// three hundred log calls, and whoever wakes it ten of those. So a writer to which
	// records come one soon after another naps between takes: seven milliseconds,
	// which with timers that are late by one or two still brings each record on its way
	// within ten. It wakes early when the queue is a quarter full. A writer to which
	// records come more seldom parks: an isolated one pays for one wake-up, a burst for
	// two.
	napTime = 7 * time.Millisecond

	// publishTime is a nap while a producer is about to publish the oldest record.
	publishTime = time.Millisecond

	retryFirst = time.Millisecond // doubled after every try
	retryMost  = time.Second      // also between tries of a broken sink
)

func newWriter() writer {
	return writer{
		emptied: make(chan struct{}),
		done:    make(chan struct{}),
		passed:  make(chan struct{}),
		taken:   make(chan struct{}),
	}
}

// run is the writer goroutine. It ends when the queue is sealed and empty, or
// when Close has taken the queue over. Where something else ends it, another one
// goes on in its place.
func (d *destination) run() {
	orderly := false
	defer func() {
		err := errs.Recovered(recover())
		if !orderly && d.survive(err) {
			go d.run() // as the one before
			return
		}
		d.leaveRing()
		close(d.done)
	}()
	d.goroutine.Store(goroutineID())
	d.timer = time.NewTimer(time.Hour)
	defer d.timer.Stop()
	d.work()
	orderly = true
}

// work brings what comes into the queue to the sink, until the end.
func (d *destination) work() {
	if d.marked.until.IsZero() {
		d.marked.until = time.Now()
	}
	if !d.opened && !d.waiting() { // not by Open
		if err := d.open(); err != nil {
			d.breakOff(err)
		}
	}
	for d.take() {
		if len(d.haul.ends) == 0 {
			if d.owes() && !d.waiting() {
				d.deliver()
			}
			d.passBarriers()
			if d.queue.drained() {
				if !d.handedOver() { // or else the run goes on in what the next start brings
					d.endTrail()
				}
				break
			}
			d.rest()
			continue
		}
		begun := time.Now()
		d.deliver()
		now := time.Now()
		d.passBarriers()
		long := d.queue.adjust(len(d.haul.bytes), now.Sub(begun), d.regular)
		steady := now.Sub(d.busy) <= napTime+napTime/2 // a nap ago, or less
		d.busy = now
		d.shared.pressure.guard(now)
		if steady && !long && !d.queue.drained() {
			d.nap(napping, napTime)
		}
	}
	close(d.emptied)
	d.finish()
}

// take takes what is in the queue, and reports false if the queue is no longer
// the writer's.
func (d *destination) take() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.abandoned {
		return false
	}
	d.books.take(d.queue, &d.haul)
	if d.high.Load() {
		records, bytes := d.queue.depth()
		if 2*int(records) <= d.config.Queue.Records && 2*int64(bytes) <= d.config.Queue.Bytes {
			d.high.Store(false)
		}
	}
	return true
}

// handedOver reports whether the queue is no longer the writer's: what was in it is
// spooled, or with Close.
func (d *destination) handedOver() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.abandoned
}

// waiting reports whether it is too early to try a broken sink again.
func (d *destination) waiting() bool {
	return d.broken.Load() && time.Now().Before(d.retryAt)
}

// rest waits for a record, or until a broken sink is to get what it is owed.
func (d *destination) rest() {
	most := time.Duration(0)
	if d.owes() {
		most = max(time.Until(d.retryAt), napTime)
	}
	if !d.nap(parked, most) {
		d.nap(napping, publishTime)
	}
}

// nap waits for at most a time, or as long as it takes if that is 0, until the
// queue wants attention. It reports false, at once, if a writer that parks has
// something to do.
func (d *destination) nap(how uint32, most time.Duration) bool {
	if !d.queue.sleep(how) {
		return false
	}
	var timeout <-chan time.Time
	if most > 0 {
		d.timer.Reset(most)
		timeout = d.timer.C
	}
	select {
	case <-d.queue.wake:
	case <-timeout:
	}
	d.queue.sleeping.Store(awake)
	return true
}

// deliver brings the haul to the sink or to the fallback.
func (d *destination) deliver() {
	d.batch = batch{bytes: d.haul.bytes, ends: d.haul.ends, whens: d.haul.whens}
	d.markGap()
	d.stamp()
	d.begin()
	if d.over() {
		d.keep()
		return
	}
	if d.waiting() {
		d.divert()
		return
	}
	var failing time.Time // since when
	pause := retryFirst
	for {
		n, err := d.try()
		if err == nil {
			d.mended()
			d.conclude()
			return
		}
		d.keeps() // as long as no batch comes, this is all that looks
		if d.over() {
			d.breakOff(err)
			d.keep()
			return
		}
		now := time.Now()
		d.shared.pressure.guard(now)
		if n > 0 || failing.IsZero() {
			failing, pause = now, retryFirst
		}
		if d.broken.Load() || now.Sub(failing) >= d.config.RetryFor || d.shared.life.Err() != nil ||
			errs.Kind(err) == errs.ClosedPipe { // whoever read there has ended
			d.breakOff(err)
			d.divert()
			return
		}
		d.count(&d.books.retries, 1)
		d.timer.Reset(pause)
		select {
		case <-d.timer.C:
		case <-d.shared.life.Done():
		}
		pause = min(2*pause, retryMost)
	}
}

// try brings what is left of the batch to the sink, and before it the rest of a
// torn record. It returns how many bytes the sink took.
func (d *destination) try() (int, error) {
	if !d.opened {
		if err := d.open(); err != nil {
			return 0, err
		}
	}
	total, err := d.recover()
	if err != nil {
		return total, err
	}
	if d.torn != nil {
		n, err := d.tryTorn()
		if total += n; err != nil {
			return total, err
		}
	}
	n, err := d.tryBatch()
	return total + n, err
}

// tryTorn brings the rest of the torn record to the sink. It returns how many bytes the
// sink took.
func (d *destination) tryTorn() (int, error) {
	t := d.torn
	n, err := d.write(t.bytes[t.done:], []int{len(t.bytes)}, t.done, 0)
	t.done += n
	d.noteTaken(t.done, err)
	if took := (progress{bytes: n}); t.done < len(t.bytes) {
		took.partial = n > 0
		d.settle(took)
	} else {
		took.whens, took.mended, took.notices, took.reached = t.whens, len(t.whens) == 1, 1-len(t.whens), t.reached
		d.settle(took)
		d.torn = nil
	}
	return n, err
}

// tryBatch brings what is left of the batch to the sink. It returns how many bytes the
// sink took.
func (d *destination) tryBatch() (int, error) {
	b := &d.batch
	if b.first == len(b.ends) {
		return 0, nil
	}
	n, err := d.write(b.bytes[b.done:], b.ends[b.first:], b.done, d.trace.base)
	b.done += n
	d.noteTaken(d.trace.base+b.done, err)
	whole := b.first
	for whole < len(b.ends) && b.ends[whole] <= b.done {
		whole++
	}
	d.settle(progress{
		bytes:   n,
		whens:   b.whens[max(b.first-b.notice, 0):max(whole-b.notice, 0)],
		notices: min(whole, b.notice) - min(b.first, b.notice),
		reached: d.reached(whole),
		partial: n > 0 && whole < len(b.ends) && b.done > b.start(whole),
	})
	b.first = whole
	return n, err
}

// noteTaken tells the ring how much of what is in flight the sink has taken by now, in
// a call that returned err.
func (d *destination) noteTaken(upto int, err error) {
	if err == nil {
		d.tookAll(&d.trace, upto)
	} else {
		d.trace.took(upto)
	}
}

// breakOff turns to the fallback, until a later try succeeds. Not so where Close had no
// time for what stays in a durable queue: no sink fails then, and no record goes to
// the fallback.
func (d *destination) breakOff(err error) {
	if d.over() && d.gaveUp(err) {
		return
	}
	d.retryAt = time.Now().Add(retryMost)
	err = d.explain(err)
	d.mu.Lock()
	d.books.cause = err
	d.mu.Unlock()
	if !d.broken.Swap(true) {
		d.shared.reporter.report(Event{Kind: EventBroken, Destination: d.config.Name, Fallback: d.config.Fallback, Err: err})
	}
}

// mended returns to the sink.
func (d *destination) mended() {
	if d.broken.Swap(false) {
		d.shared.reporter.report(Event{Kind: EventMended, Destination: d.config.Name})
	}
}

// count adds to a number in the books.
func (d *destination) count(to *uint64, n uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*to += n
}

// finish sends what the sink will not have to the fallback, and closes the sink.
func (d *destination) finish() {
	switch t := d.torn; {
	case t == nil || len(t.whens) == 0: // a gap marker is about this stream alone
	case d.keeps():
		d.keep()
	default:
		d.divertTorn(t)
	}
	d.leave()
	if !d.opened {
		return
	}
	d.ended = errors.Join(d.call("flush", d.sink.Flush), d.call("close", d.sink.Close))
	d.tellLosses() // no batch comes along any more
}
