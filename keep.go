// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import "time"

// durable reports whether a ring keeps what is queued and in flight.
func (d *destination) durable() bool {
	return d.queue.ring != nil && d.queue.ring.Retired() == nil
}

// keeps is durable, after a look at the file: whether the next start will find there what
// is queued. Where log calls are in a hurry durable has to do.
func (d *destination) keeps() bool {
	if !d.durable() {
		return false
	}
	d.queue.ring.Look()
	d.tellRetired()
	return d.durable()
}

// over reports whether the time for Close has passed, and what is left stays in the
// ring for the next start.
func (d *destination) over() bool {
	return d.shared.life.Err() != nil && d.keeps()
}

// keep ends the writer's work: what is in flight and what is queued stay in the
// ring, with what other destinations still bring.
func (d *destination) keep() {
	for d.queue.tail.Load()&sealed == 0 {
		<-d.queue.wake // the seal calls
	}
	settled := d.queue.settle(d.taken)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.books.spoolHeld()
	if settled { // or else who took over does so
		d.spoolQueue()
	}
	d.abandoned = true
}

// settle waits until every record of a sealed queue is published, which then stays so,
// or until given is closed, and reports whether it is so. It takes as long as some
// producers need to copy a record, which may have been taken off their processors, or
// stopped. So nobody holds mu meanwhile: Health waits for that, and whoever Flush and
// Close let go by a deadline.
func (q *queue) settle(given <-chan struct{}) bool {
	for !q.settled() {
		select {
		case <-given:
			return false
		case <-time.After(publishTime):
		}
	}
	return true
}

// spoolQueue accounts for what is queued as spooled. The caller holds mu, and the
// queue is sealed and settled.
func (d *destination) spoolQueue() {
	first, n := d.queue.keep()
	d.books.miss(first)
	d.books.spoolQueued(n)
}

// leaveRing is the last thing that the writer does: it uses the ring no more.
func (d *destination) leaveRing() {
	d.leaveOrphans()
	d.mu.Lock()
	d.gone = true
	d.mu.Unlock()
	d.closeRing()
}

// closeRing gives the ring back once neither a log call nor the writer uses it any
// more: unlinked if everything came to its end, or else for the next start. The
// writer calls it when it leaves, and so does who took the queue over.
func (d *destination) closeRing() {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.queue.ring
	if r == nil || !d.gone || d.ringClosed || !d.queue.drained() {
		return
	}
	d.ringClosed = true
	end := r.Remove
	if d.books.spooled+d.books.held+d.books.torn > 0 {
		end = r.Leave
	}
	if err := end(); err != nil {
		d.noteError("durable", err)
	}
}
