// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/sink"
)

// A writer is the goroutine of a destination that owns its sink: it takes records
// from the queue, many at a time, and brings them to the sink, or, when the sink
// will not have them, to the fallback. Its fields belong to that goroutine, but
// for those that say otherwise.
type writer struct {
	goroutine atomic.Uint64 // its number, for a sink that logs to its own destination
	stalled   atomic.Int64  // since when the sink has had the call it is in, in ns since shared.started; 0 when in none
	broken    atomic.Bool   // the sink failed for too long: records go to the fallback
	emptied   chan struct{} // closed when the queue is empty for good
	ended     error         // what Flush and Close of the sink returned at the end
	done      chan struct{} // closed when the goroutine has ended; ended is set by then
	abandoned bool          // guarded by destination.mu: Close has taken over the queue

	haul    haul
	batch   batch
	torn    *torn
	opened  bool
	retryAt time.Time // when a broken sink is tried again
	busy    time.Time // when there was last something to do
	marked  marked
	timer   *time.Timer
}

// A batch is what the writer is bringing to the sink.
type batch struct {
	bytes  []byte
	ends   []int
	whens  []uint32 // of the records only
	notice int      // 1 if ends begins with a gap marker, which is no record
	done   int      // bytes that the sink took
	first  int      // index in ends of the first record not accounted for
}

// torn is a record of which the sink took the beginning and then failed. The rest
// waits for the sink: writing the record elsewhere would leave half a line behind.
type torn struct {
	bytes   []byte
	done    int
	when    uint32
	records uint64 // 0 for a gap marker
}

// marked is what gap markers have told so far.
type marked struct {
	missed   uint64 // dropped, from any cause
	rejected uint64
	fallback uint64
	until    time.Time // when the stream was last without a gap
}

// GapMessage is the message of a gap marker, the record that a writer puts into
// the stream where records are missing. Its attributes dropped, rejected and
// fallback say how many since the marker before and what became of them, and
// since says from when on; a reader finds the last record before the gap above
// the marker.
const GapMessage = "hydra: records are missing here"

const (
	// A writer that found little naps: meanwhile the queue fills, and then one
	// system call takes it all. What it found decides for how long; a record is on
	// its way within 10 ms, timers being late by one or two.
	napShort  = time.Millisecond
	napLong   = 7 * time.Millisecond
	napEnough = 64 // records from which on the nap is short

	// Waking a writer that parks costs the log call ten microseconds, as much as
	// fifteen others. So a writer goes on napping for as long as a steady trickle
	// of records may bring the next one, at a cost of less than a thousandth of a
	// processor, and parks after that.
	lingerFor = 250 * time.Millisecond

	retryFirst = time.Millisecond // doubled after every try
	retryMost  = time.Second      // also between tries of a broken sink
)

func newWriter() writer {
	return writer{emptied: make(chan struct{}), done: make(chan struct{})}
}

// run is the writer goroutine. It ends when the queue is sealed and empty, or
// when Close has taken the queue over.
func (d *destination) run() {
	defer close(d.done)
	d.goroutine.Store(goroutineID())
	d.timer = time.NewTimer(time.Hour)
	defer d.timer.Stop()
	d.marked.until = time.Now()
	if !d.opened { // not by Open
		if err := d.open(); err != nil {
			d.breakOff(err)
		}
	}
	for d.take() {
		if len(d.haul.ends) == 0 {
			d.passBarriers()
			if d.queue.drained() {
				break
			}
			d.rest()
			continue
		}
		d.deliver()
		d.passBarriers()
		d.busy = time.Now()
		d.shared.pressure.look(d.busy)
		if len(d.haul.bytes) < int(d.queue.takeMax)/2 && !d.queue.drained() {
			d.nap(napping, d.napAfter(len(d.haul.ends)))
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
	if records, _ := d.queue.depth(); d.high.Load() && int(records) < d.config.Queue.Records/2 {
		d.high.Store(false)
	}
	return true
}

func (d *destination) napAfter(records int) time.Duration {
	if records >= napEnough {
		return napShort
	}
	return napLong
}

// rest waits for a record.
func (d *destination) rest() {
	if d.torn != nil {
		d.nap(napping, max(time.Until(d.retryAt), napLong))
		d.deliver() // the rest of the torn record
		return
	}
	if time.Since(d.busy) < lingerFor {
		d.nap(napping, napLong)
	} else if !d.nap(parked, 0) {
		d.nap(napping, napShort) // a producer is about to publish
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
	if d.broken.Load() && time.Now().Before(d.retryAt) {
		d.divert()
		return
	}
	var failing time.Time // since when
	pause := retryFirst
	for {
		n, err := d.try()
		if err == nil {
			d.mended()
			return
		}
		now := time.Now()
		if n > 0 || failing.IsZero() {
			failing, pause = now, retryFirst
		}
		if d.broken.Load() || now.Sub(failing) >= d.config.RetryFor || d.shared.life.Err() != nil {
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
	total := 0
	if t := d.torn; t != nil {
		rest := t.bytes[t.done:]
		n, err := d.write(sink.Batch{Bytes: rest, Ends: []int{len(rest)}})
		t.done += n
		if total = n; err != nil {
			return total, err
		}
		d.settle(batch{bytes: t.bytes, ends: []int{len(t.bytes)}, whens: []uint32{t.when}, notice: 1 - int(t.records)}, n, 1)
		d.torn = nil
	}
	b := &d.batch
	if b.first == len(b.ends) {
		return total, nil
	}
	ends := b.ends[b.first:]
	if b.done > 0 {
		ends = slices.Clone(ends)
		for i := range ends {
			ends[i] -= b.done
		}
	}
	n, err := d.write(sink.Batch{Bytes: b.bytes[b.done:], Ends: ends})
	b.done += n
	whole := b.first
	for whole < len(b.ends) && b.ends[whole] <= b.done {
		whole++
	}
	if whole < len(b.ends) && b.done > b.start(whole) {
		d.count(&d.books.partial, 1)
	}
	d.settle(*b, n, whole)
	b.first = whole
	return total + n, err
}

// start returns the offset of the first byte of record i.
func (b *batch) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.ends[i-1]
}

// settle accounts for the n bytes that the sink took, with which the records of b
// from b.first to before whole are written.
func (d *destination) settle(b batch, n, whole int) {
	now := time.Now()
	stamp := stampOf(now)
	records := uint64(whole - b.first)
	notices := uint64(0)
	if b.notice == 1 && b.first == 0 && whole > 0 {
		records--
		notices = 1
	}
	for _, when := range b.whens[max(b.first-b.notice, 0):max(whole-b.notice, 0)] {
		if when != 0 {
			d.latency.Record(sinceStamp(stamp, when))
		}
	}
	d.recent.Add(now, recentWritten, records)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noteLosses(now)
	d.books.bytes += uint64(n)
	if n > 0 {
		d.books.batches++
		d.books.wrote = now
	}
	d.books.notices += notices
	d.books.write(records)
}

// passBarriers lets every Flush go on whose records are accounted for, after the
// sink has made safe what it holds.
func (d *destination) passBarriers() {
	d.mu.Lock()
	reached := d.books.passed()
	d.mu.Unlock()
	if len(reached) == 0 {
		return
	}
	var err error
	if d.opened {
		err = d.call("flush", d.sink.Flush)
	}
	for _, w := range reached {
		w.reply <- err
	}
}

// stampOf returns t in microseconds, as far as 32 bits carry; 0 stands for no
// time. Two stamps tell durations of up to an hour.
func stampOf(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return max(uint32(t.UnixMicro()), 1)
}

// sinceStamp returns the time from when to now. A when that is a little in the
// future, as clocks go, counts as now.
func sinceStamp(now, when uint32) time.Duration {
	d := now - when
	if -d < uint32(time.Minute/time.Microsecond) {
		return 0
	}
	return time.Duration(d) * time.Microsecond
}

// divert sends what is left of the batch to the fallback, but for a record that
// is half written.
func (d *destination) divert() {
	b := &d.batch
	if b.first < len(b.ends) && b.done > b.start(b.first) {
		t := &torn{bytes: slices.Clone(b.bytes[b.start(b.first):b.ends[b.first]]), done: b.done - b.start(b.first)}
		if i := b.first - b.notice; i >= 0 {
			t.when, t.records = b.whens[i], 1
		}
		d.torn = t
		b.first++
	}
	d.divertBatch(b)
	b.first = len(b.ends)
}

// divertBatch sends the records of b from b.first on to the fallback, and
// accounts for them.
func (d *destination) divertBatch(b *batch) {
	if b.first == len(b.ends) {
		return
	}
	start := b.start(b.first)
	n, err := d.shared.fallback.write(b.bytes[start:])
	taken := b.first
	for taken < len(b.ends) && b.ends[taken]-start <= n {
		taken++
	}
	skip := 0
	if b.notice == 1 && b.first == 0 {
		skip = 1
	}
	written := uint64(max(taken-b.first-skip, 0))
	lost := uint64(len(b.ends)-b.first-skip) - written
	if err != nil {
		d.noteError("fallback", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.books.divert(written, lost)
	d.noteLosses(time.Now())
}

// markGap puts a gap marker before the batch if records are missing since the
// last one.
func (d *destination) markGap() {
	now := time.Now()
	d.mu.Lock()
	seen := marked{
		missed:   d.books.missed + d.books.failed + d.contended.Load() + d.forfeited.Load(),
		rejected: d.rejected.Load(),
		fallback: d.books.fallback + d.bypassed.Load(),
		until:    now,
	}
	d.mu.Unlock()
	last := d.marked
	d.marked = seen
	dropped, rejected, fallback := seen.missed-last.missed, seen.rejected-last.rejected, seen.fallback-last.fallback
	if dropped+rejected+fallback == 0 {
		return
	}
	if dropped+rejected > 0 {
		d.shared.reporter.report(Event{
			Kind: EventDropped, Destination: d.config.Name, Count: dropped + rejected,
			Err: fmt.Errorf("%d records were dropped and %d rejected, because the queue was full", dropped, rejected),
		})
	}
	r := slog.NewRecord(now, slog.LevelWarn, GapMessage, 0)
	r.AddAttrs(slog.Uint64("dropped", dropped), slog.Uint64("rejected", rejected),
		slog.Uint64("fallback", fallback), slog.Time("since", last.until))
	marker, _ := d.plain.AppendRecord(nil, r, nil)
	b := &d.batch
	b.bytes = slices.Insert(b.bytes, 0, marker...)
	b.ends = slices.Insert(b.ends, 0, 0)
	for i := range b.ends {
		b.ends[i] += len(marker)
	}
	b.notice = 1
	d.haul.bytes, d.haul.ends = b.bytes, b.ends // keep the room they grew
}

// open opens the sink.
func (d *destination) open() error {
	err := d.call("open", d.sink.Open)
	d.opened = err == nil
	return err
}

// openWithin opens the sink before the writer runs. A sink that opens after ctx
// has ended is closed again.
func (d *destination) openWithin(ctx context.Context) error {
	opened := make(chan error) // unbuffered: a result that nobody took is undone
	go func() {                // ends when the sink returns; nobody waits beyond ctx
		err := d.call("open", d.sink.Open)
		select {
		case <-ctx.Done():
			if err == nil {
				_ = d.call("close", d.sink.Close)
			}
		case opened <- err:
		}
	}()
	var err error
	select {
	case err = <-opened:
		d.opened = err == nil
	case <-ctx.Done():
		err = fmt.Errorf("has not opened within %v", openTimeout)
	}
	if err != nil {
		return fmt.Errorf("hydra: %s.Sink: %w", d.path, err)
	}
	return nil
}

// write hands b to the sink and holds it to its contract.
func (d *destination) write(b sink.Batch) (n int, err error) {
	err = d.call("write", func(ctx context.Context) error {
		var err error
		n, err = d.sink.Write(ctx, b)
		return err
	})
	n = min(max(n, 0), len(b.Bytes))
	if err == nil && n < len(b.Bytes) {
		err = io.ErrShortWrite
		d.noteError("write", err)
	}
	return n, err
}

// call calls the sink, contains its panics and counts its errors.
func (d *destination) call(op string, f func(context.Context) error) (err error) {
	d.stalled.Store(max(int64(time.Since(d.shared.started)), 1))
	defer func() {
		d.stalled.Store(0)
		if p := errs.Recovered(recover()); p != nil {
			err = p
		}
		if err != nil {
			d.noteError(op, err)
		}
	}()
	return f(d.shared.life)
}

func (d *destination) noteError(op string, err error) {
	now := time.Now()
	d.errors.Note(now, op, err)
	d.recent.Add(now, recentErrors, 1)
}

// breakOff turns to the fallback, until a later try succeeds.
func (d *destination) breakOff(err error) {
	d.retryAt = time.Now().Add(retryMost)
	if !d.broken.Swap(true) {
		d.shared.reporter.report(Event{Kind: EventBroken, Destination: d.config.Name, Err: err})
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
	if t := d.torn; t != nil {
		b := batch{bytes: t.bytes, ends: []int{len(t.bytes)}, whens: []uint32{t.when}, notice: 1 - int(t.records)}
		d.divertBatch(&b)
	}
	if !d.opened {
		return
	}
	d.ended = errors.Join(d.call("flush", d.sink.Flush), d.call("close", d.sink.Close))
}
