// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Phase is where a handler is in its life.
type Phase uint32

// A handler goes through these phases in their order and never back.
const (
	// PhaseRunning: records are taken.
	PhaseRunning Phase = iota

	// PhaseFlushing: Close was called. Records that are logged now go to the fallback;
	// those in the queues go to the sinks.
	PhaseFlushing

	// PhaseCleaning: the queues are empty, or Close gave up waiting for that and
	// brought what they held to the fallback. Sinks are being closed.
	PhaseCleaning

	// PhaseDone: everything is closed, or was abandoned and named in Close's error.
	PhaseDone
)

// transitions is the table of all changes of phase that are allowed.
var transitions = map[Phase]Phase{PhaseRunning: PhaseFlushing, PhaseFlushing: PhaseCleaning, PhaseCleaning: PhaseDone}

// String returns the name of the phase, in lower case.
func (p Phase) String() string {
	switch p {
	case PhaseRunning:
		return "running"
	case PhaseFlushing:
		return "flushing"
	case PhaseCleaning:
		return "cleaning"
	case PhaseDone:
		return "done"
	}
	return "unknown"
}

// MarshalText returns what String does.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// closeReserve is the part of the time for Close that is kept for bringing to the
// fallback what the sinks did not take: a tenth, but at least this much, or half
// of what there is. A Close whose context has ended already gets this much.
const closeReserve = 200 * time.Millisecond

var (
	errSinkHangs = errors.New("the sink has not returned")
	errExit      = errors.New("the program exits, and cannot wait any longer")
)

// shutdown is how a handler ends.
type shutdown struct {
	phase   atomic.Uint32
	begin   sync.Once
	endLife context.CancelFunc // tells the sinks to give up
	hurry   context.Context    // ends when a program that exits cannot wait for Close any longer
	hasten  context.CancelFunc // ends hurry

	closed chan struct{} // closed when all is over
	result error         // of Close; set before closed is closed
}

// enter changes the phase. A change that is not in the table is a bug.
func (s *shutdown) enter(p Phase) {
	for from := range transitions {
		if transitions[from] == p && s.phase.CompareAndSwap(uint32(from), uint32(p)) {
			return
		}
	}
	panic(fmt.Sprintf("hydra: no way from phase %v to %v", Phase(s.phase.Load()), p))
}

// Close ends the handler: it stops the intake, lets the writers bring what is
// queued to the sinks, flushes and closes the sinks and waits for every
// goroutine. Records that are logged from then on go to the fallback, and Handle
// returns ErrClosed.
//
// It returns nil if every record that was on its way at the call reached its sink, and
// otherwise a *DeliveryError. What was lost or went to the fallback before is not
// repeated: Health has it. When ctx ends first, or Config.CloseTimeout passes and ctx
// has no deadline, the sinks are told to give up and what is still queued goes to the
// fallback, for which the last part of the time is reserved, or waits in a durable
// queue for the next start. A sink that does not return even then is abandoned, with
// the records it has in hand: they are named as unknown and are not written again.
// Where ctx is cancelled, or has ended before the call, that takes up to 200 ms more,
// so that nothing that is queued is lost without being counted. A nil ctx is
// context.Background().
//
// Close may be called any number of times, also at the same time: every call
// waits for the first one, or until its own ctx ends, and returns the same.
// Within Config.OnEvent it waits for all but that call and what is left to be told.
func (h *Handler) Close(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	c := h.core
	c.shared.reporter.closing(goroutineID())
	first := false
	c.begin.Do(func() {
		first = true
		go c.close(ctx) // bounds itself; whoever calls Close waits for closed
	})
	if first {
		<-c.closed
		return c.result
	}
	select {
	case <-c.closed:
		return c.result
	default:
	}
	select {
	case <-c.closed:
		return c.result
	case <-ctx.Done():
		return &DeliveryError{Op: "close", Err: ctx.Err()}
	}
}

// close takes the handler through its phases.
func (c *core) close(ctx context.Context) {
	c.enter(PhaseFlushing)
	before := make([]books, len(c.destinations))
	for i, d := range c.destinations {
		before[i] = d.sealBooks()
	}
	end, bounded := c.closeEnd(ctx)
	drain, cancel := ctx, context.CancelFunc(func() {})
	if bounded {
		left := time.Until(end)
		reserve := min(max(left/10, closeReserve), left/2)
		drain, cancel = context.WithDeadline(ctx, end.Add(-reserve))
	}
	defer cancel()
	hurry, stop := context.WithCancel(drain)
	defer stop()
	defer context.AfterFunc(c.hurry, stop)()

	err := await(hurry, c.destinations, func(d *destination) <-chan struct{} { return d.emptied })
	c.enter(PhaseCleaning)
	if err == nil {
		err = await(hurry, c.destinations, hasEnded)
	}
	left := closeReserve
	switch {
	case err != nil && drain.Err() == nil:
		err = errExit
	case bounded && ctx.Err() == nil:
		left = time.Until(end)
	}
	last, cancelLast := context.WithTimeout(context.Background(), left)
	defer cancelLast()
	c.endLife()
	if err != nil {
		c.rescue(last)
	}
	c.shared.reporter.stop(last)

	failure := &DeliveryError{Op: "close", Err: err}
	for i, d := range c.destinations {
		if r := d.closing(before[i]); r.failed() {
			failure.Deliveries = append(failure.Deliveries, r)
		}
	}
	if len(failure.Deliveries) > 0 {
		c.result = failure
	}
	c.enter(PhaseDone)
	living.remove(c)
	close(c.closed)
}

// closeEnd returns when Close must be over, if it must.
func (c *core) closeEnd(ctx context.Context) (end time.Time, bounded bool) {
	if end, ok := ctx.Deadline(); ok {
		return end, true
	}
	return time.Now().Add(c.config.CloseTimeout), c.config.CloseTimeout > 0
}

// await waits until every one of all has closed a channel, or ctx ends.
func await(ctx context.Context, all []*destination, of func(*destination) <-chan struct{}) error {
	for _, d := range all {
		select {
		case <-of(d):
			continue
		default:
		}
		select {
		case <-of(d):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// rescue brings what is still queued to the fallback until ctx ends, first that of
// destinations that others stand in for.
func (c *core) rescue(ctx context.Context) {
	over := make(chan struct{})
	go func() { // ends when the fallback has returned or was given up, and no log call is within its copy
		defer close(over)
		var takers errgroup.Group
		for _, tier := range tiers(c.destinations) {
			rescueTier(ctx, tier, &takers)
		}
		_ = takers.Wait() // takeOver counts its errors
	}()
	select {
	case <-over:
		_ = await(ctx, c.destinations, hasEnded)
	case <-ctx.Done():
	}
}

// rescueTier first lets the writers bring out what is queued, who were told to give
// up and hold older records; those that do not react within half the time lose
// their queue to takers. It waits for these until all is brought out, or for half of
// what time is left: a log call that was stopped within its copy holds up its own
// destination, and not those that stand in for it.
func rescueTier(ctx context.Context, tier []*destination, takers *errgroup.Group) {
	awaitHalf(ctx, tier, hasEnded) // takeOver sees who has not
	for _, d := range tier {
		takers.Go(func() error {
			d.takeOver(ctx)
			return nil
		})
	}
	awaitHalf(ctx, tier, hasLeft)
	for _, d := range tier {
		d.leave()
	}
}

// awaitHalf is await for half of the time that ctx has left.
func awaitHalf(ctx context.Context, all []*destination, of func(*destination) <-chan struct{}) {
	end, _ := ctx.Deadline()
	half, cancel := context.WithTimeout(ctx, time.Until(end)/2)
	defer cancel()
	_ = await(half, all, of)
}

func hasEnded(d *destination) <-chan struct{} { return d.done }

func hasLeft(d *destination) <-chan struct{} { return d.left }

// sealBooks ends the intake from log calls and returns the books as they were then.
func (d *destination) sealBooks() books {
	h := d.askHolder()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse()
	d.books.divide(h)
	sealed := d.books
	sealed.missed += sealed.unseen(d.queue)
	return sealed
}

// takeOver makes the caller the queue's consumer in place of a writer that has not
// ended. It empties the queue into the fallback until ctx ends; what is left then
// counts as dropped. What a log call was stopped in the middle of, and what is queued
// behind that, stays pending until the call goes on: so long this does not return, and
// Close does without it.
func (d *destination) takeOver(ctx context.Context) {
	defer d.leave()
	select {
	case <-d.done:
		return
	default:
	}
	d.mu.Lock()
	d.abandoned = true
	for _, b := range d.books.barriers {
		b.over, b.err = true, errSinkHangs
	}
	d.mu.Unlock()
	close(d.taken)
	if d.keeps() {
		d.queue.settle(nil)
		d.mu.Lock()
		if d.durable() { // it may have failed since
			d.spoolQueue()
		}
		d.mu.Unlock()
	}
	d.closeRing()
	var h haul
	for !d.queue.drained() {
		d.mu.Lock()
		d.books.take(d.queue, &h)
		d.queue.release() // also where there was a ring: it failed, and keeps nothing
		if ctx.Err() != nil {
			d.books.divert(0, uint64(len(h.ends)))
			h.ends = h.ends[:0]
		}
		d.mu.Unlock()
		if len(h.ends) == 0 {
			time.Sleep(publishTime) // a producer is about to publish
			continue
		}
		d.divertBatch(&batch{bytes: h.bytes, ends: h.ends, whens: h.whens})
	}
}

// closing returns what became of the records since before.
func (d *destination) closing(before books) Delivery {
	h := d.askHolder()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.books.divide(h)
	lost := d.books.lost - before.lost
	queued, _ := d.queue.depth() // 0, unless the fallback took too long
	r := Delivery{
		Destination: d.config.Name,
		Written:     d.books.written - before.written,
		Fallback:    d.books.fallback - before.fallback,
		Dropped:     d.books.failed + d.books.missed - before.failed - before.missed,
		Spooled:     d.books.spooled - before.spooled,
		Unknown:     d.books.held + d.books.torn + uint64(queued),
	}
	r.Spooled += h.held + d.durability.Waiting
	r.Fallback += d.durability.Fallback
	r.Dropped += lost + d.durability.Lost
	r.Written -= min(h.held+lost, r.Written) // it holds the latest
	select {
	case <-d.done:
		if r.Err = d.ended; r.Err == nil && r.Fallback > 0 {
			r.Err = d.books.cause
		}
	default:
		r.Err = errSinkHangs
	}
	return r
}
