// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/internal/goid"
	"github.com/hydra-logger/hydra/internal/histo"
	"github.com/hydra-logger/hydra/internal/trail"
	"github.com/hydra-logger/hydra/internal/window"
	"github.com/hydra-logger/hydra/sink"
)

// ErrQueueFull is what Handle returns for a record that found the queue full: it
// was refused under the policy Error, or, rarely, dropped under DropOldest
// because the oldest record could not be (see Losses.Contended). Either is
// counted in Health.
var ErrQueueFull = errors.New("hydra: queue full")

// ErrClosed is what Handle returns for a record that is logged after Close. The
// record went to the fallback.
var ErrClosed = errors.New("hydra: handler closed")

// A destination is a sink, the queue in front of it, and what became of every
// record that was offered to it. This file is the side of the log calls;
// writer.go is the other.
//
// Every record offered ends in exactly one term of
//
//	offered = written + fallback + dropped + rejected + spooled + pending
//
// Tickets of the queue count what went into it, so no log call touches a counter
// unless its record does not get that far.
type destination struct {
	// immutable
	config Destination
	path   string        // in the Config
	format int           // index in router.formats
	plain  format.Format // without attributes or groups, for gap markers
	queue  *queue
	shared *shared
	sink   sink.Sink
	next   *destination // takes what the sink does not; nil means the fallback
	serves bool         // it is the next of others

	// feeders is who may bring records: the log calls, until Close, and each
	// destination that this one serves, until it leaves.
	feeders  atomic.Int32
	refusing atomic.Bool // Close has begun; only if serves
	leaving  sync.Once
	left     chan struct{} // closed when no record will come from here to next

	lookout *time.Timer // immutable; runs while the sink is in a call: lookInCall

	// producers, for records that never entered the queue
	rejected  atomic.Uint64 // policy Error
	contended atomic.Uint64 // dropped: full, and the oldest could not be freed
	bypassed  atomic.Uint64 // to the fallback
	forfeited atomic.Uint64 // dropped: the fallback failed
	truncated atomic.Uint64 // subset of all: flaws of the encoding
	failed    atomic.Uint64 // likewise
	oversized atomic.Uint64 // subset of bypassed and forfeited: longer than the queue takes
	high      atomic.Bool   // the queue passed 80 % and has not fallen to half since
	highMark  atomic.Uint32 // most records seen in the queue past 80 %

	latency histo.Histogram
	recent  window.Window
	errors  errs.Tracker

	// mu makes its holder the queue's consumer. The writer holds it while it
	// takes records and while it accounts for them, never while the sink works.
	mu         sync.Mutex
	books      books         // guarded by mu
	durability DurableHealth // guarded by mu: of what was recovered
	notDurable error         // why there is no ring; set before the writer runs

	writer
}

// shared is what the destinations of a handler have in common.
type shared struct {
	fallback *fallback
	reporter *reporter
	pressure *pressure
	life     context.Context // of the writers; ends when Close gives up waiting
	started  time.Time
}

// newDestination returns a destination without a running writer.
func newDestination(path string, config Destination, format int) *destination {
	d := &destination{
		config: config,
		path:   path,
		format: format,
		plain:  contain(config.Format),
		sink:   config.Sink,
		queue:  newQueue(uint32(config.Queue.Records), uint32(config.Queue.Bytes)),
		left:   make(chan struct{}),
		writer: newWriter(),
	}
	d.tracing = &d.trace
	d.lookout = time.AfterFunc(time.Hour, d.lookInCall)
	d.lookout.Stop()
	d.feeders.Store(1)
	if config.Audit != nil {
		d.trails.chain = trail.NewChain(config.Audit.Key)
		d.trails.run = d.trails.chain.Run
	}
	return d
}

// offer brings an encoded record, made at when, to the destination. It blocks
// only under the policy Block, in the fallback, and from SyncLevel up. The caller
// keeps p.
func (d *destination) offer(ctx context.Context, p []byte, when uint32, level slog.Level) error {
	if d.config.SyncLevel != nil && level >= d.config.SyncLevel.Level() {
		return d.writeThrough(ctx, p, when)
	}
	_, _, err := d.enqueue(ctx, p, when)
	return err
}

// enqueue brings a record into the queue, at mark, or else where the policy says.
func (d *destination) enqueue(ctx context.Context, p []byte, when uint32) (mark uint64, queued bool, err error) {
	if d.refuses() {
		return 0, false, d.bypass(p, ErrClosed)
	}
	if d.shared.pressure.high.Load() && d.queue.eighthFull() {
		return 0, false, d.bypass(p, nil)
	}
	o, mark := d.queue.push(p, when, d.config.Policy == DropOldest)
	switch o {
	case accepted:
		return mark, true, nil
	case crowded:
		d.noteHigh()
		return mark, true, nil
	case closed:
		return 0, false, d.bypass(p, ErrClosed)
	case tooLarge:
		d.tellTooLarge(len(p))
		return 0, false, d.bypass(p, nil)
	default: // full, contended
		switch d.config.Policy {
		case Block:
			return d.wait(ctx, p, when)
		case Error:
			d.rejected.Add(1)
		case DropOldest:
			d.contended.Add(1)
		}
		return 0, false, ErrQueueFull
	}
}

// wait offers a record until there is room, the policy's timeout passes or ctx
// ends, after which the record goes to the fallback.
func (d *destination) wait(ctx context.Context, p []byte, when uint32) (mark uint64, queued bool, err error) {
	if d.own() {
		// The sink logs to its own destination: nobody else can make room.
		return 0, false, d.bypass(p, nil)
	}
	var timeout <-chan time.Time
	if d.config.BlockTimeout > 0 {
		timer := time.NewTimer(d.config.BlockTimeout)
		defer timer.Stop()
		timeout = timer.C
	}
	done := doneOf(ctx)
	d.queue.expectRoom()
	defer d.queue.roomFound()
	for {
		if d.refuses() {
			return 0, false, d.bypass(p, ErrClosed)
		}
		room := d.queue.nextRoom()
		o, mark := d.queue.push(p, when, false)
		switch o {
		case accepted:
			return mark, true, nil
		case crowded:
			d.noteHigh()
			return mark, true, nil
		case closed:
			return 0, false, d.bypass(p, ErrClosed)
		}
		d.queue.call()
		select {
		case <-room:
		case <-timeout:
			return 0, false, d.bypass(p, nil)
		case <-done:
			return 0, false, d.bypass(p, nil)
		}
	}
}

// writeThrough brings a record into the queue and waits until it is in the sink, and
// as safe as SyncTo says.
func (d *destination) writeThrough(ctx context.Context, p []byte, when uint32) error {
	safe := d.config.SyncTo > Taken && d.config.SyncTo <= d.queuePromise()
	if safe || d.own() {
		// Or the sink logs to its own destination: it cannot wait for itself.
		_, _, err := d.enqueue(ctx, p, when)
		return err
	}
	b := armed()
	d.require(b, d.config.SyncTo)
	d.putBarrier(b)
	mark, queued, err := d.enqueue(ctx, p, when)
	if !queued {
		d.takeBarrier(b)
		return err
	}
	d.aimBarrier(b, d.queue.before(mark))
	if r := d.awaitBarrier(ctx, b); r.failed() {
		return &DeliveryError{Op: "log", Deliveries: []Delivery{r}}
	}
	return nil
}

// bypass writes a record to the fallback, on the goroutine of the log call, and
// returns err.
func (d *destination) bypass(p []byte, err error) error {
	if _, failure := d.shared.fallback.write(p); failure != nil {
		d.forfeited.Add(1)
		return errors.Join(err, fmt.Errorf("hydra: destination %q: %w", d.config.Name, failure))
	}
	d.bypassed.Add(1)
	return err
}

// tellTooLarge counts and reports a record of n bytes that no room in the queue can hold.
func (d *destination) tellTooLarge(n int) {
	d.oversized.Add(1)
	d.shared.reporter.report(Event{
		Kind: EventTooLarge, Destination: d.config.Name, Count: 1,
		Err: fmt.Errorf("a record of %d bytes does not fit the queue of %d; raise Queue.Bytes or lower the format's MaxRecord", n, d.config.Queue.Bytes),
	})
}

// noteHigh reports, once until the queue has fallen to half, that it is past
// 80 %.
func (d *destination) noteHigh() {
	records, _ := d.queue.depth()
	for {
		mark := d.highMark.Load()
		if records <= mark || d.highMark.CompareAndSwap(mark, records) {
			break
		}
	}
	if d.high.Load() || !d.high.CompareAndSwap(false, true) {
		return
	}
	d.shared.reporter.report(Event{
		Kind: EventQueueHigh, Destination: d.config.Name, Count: uint64(records),
		Err: fmt.Errorf("the queue is more than 80 %% full; policy %v acts when it is", d.config.Policy),
	})
}

// inCall returns how long the sink has been in the call it is in; 0 if in none.
func (d *destination) inCall() time.Duration {
	since := d.stalled.Load()
	if since == 0 {
		return 0
	}
	return max(time.Since(d.shared.started)-time.Duration(since), 0)
}

// tellHanging reports once per call that the sink does not return from it.
func (d *destination) tellHanging() {
	if since := d.stalled.Load(); since != 0 && d.hanging.Swap(since) != since {
		d.shared.reporter.report(Event{
			Kind: EventHanging, Destination: d.config.Name,
			Err: fmt.Errorf("it has not returned from a call for %v; records wait in the queue", callTooLong),
		})
	}
}

// noteFlaws counts what the encoding of a record fell short of.
func (d *destination) noteFlaws(f format.Flaws) {
	if f&format.Truncated != 0 {
		d.truncated.Add(1)
	}
	if f&format.Failed != 0 {
		d.failed.Add(1)
	}
}

// goroutineID returns the number of the calling goroutine, as goid.Current does.
func goroutineID() uint64 { return goid.Current() }

// own reports whether the caller is on the writer's goroutine, or on one of the sink's:
// it would wait for itself.
func (d *destination) own() (own bool) {
	if d.goroutine.Load() == goroutineID() {
		return true
	}
	s, ok := d.sink.(sink.Runner)
	if !ok {
		return false
	}
	defer func() {
		if errs.Recovered(recover()) != nil {
			own = false
		}
	}()
	return s.Own()
}
