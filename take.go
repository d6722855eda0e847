// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import "time"

// A haul is a run of records that the consumer took, oldest first.
type haul struct {
	first uint64   // how many records were given a ticket before the oldest; before the next, if there is none
	bytes []byte   // the records back to back
	ends  []int    // ends[i] is the offset in bytes just past record i
	whens []uint32 // whens[i] is when record i was made, as stampOf says
}

// take fills h, which it empties first, with the published records at head, and
// frees their space; that of a durable queue only at release. Consumer only.
func (q *queue) take(h *haul) {
	head := q.head.Load()
	claim := head
	for {
		first := head
		end := q.collect(h, first)
		if end == first {
			q.claim.Store(noClaim) // nobody waits for its space: who waits drops nothing
			return
		}
		q.claim.Store(claim) // before head moves: I4
		for recordsBetween(first, head) < uint32(len(h.ends)) {
			if q.head.CompareAndSwap(head, end) {
				h.skip(int(recordsBetween(first, head)))
				q.carry(h, head)
				return
			}
			// Producers dropped the oldest meanwhile, and may do so faster than a
			// run is collected: what is left of this one will do. The claim stays
			// at its start, so they can fill no more than the slack, and drop no more
			// than makes room for that: the tries are bounded.
			head = q.head.Load()
		}
	}
}

// carry copies the run noted in h, which begins at head and is the consumer's,
// and frees its space, unless the ring has yet to know that the run is no longer
// queued.
func (q *queue) carry(h *haul, head uint64) {
	h.first = q.before(head)
	position, total := positionOf(head), uint32(h.ends[len(h.ends)-1])
	k := min(total, uint32(len(q.data))-position)
	h.bytes = append(h.bytes, q.data[position:position+k]...)
	h.bytes = append(h.bytes, q.data[:total-k]...)
	if q.ring == nil {
		q.release()
	}
}

// release frees the space of the run that was taken last.
func (q *queue) release() {
	q.claim.Store(noClaim) // the space belongs to the producers again
	q.rewind()
	q.announceRoom()
}

// rewind makes an empty queue go on at the start of data. A queue in which little
// waits at any time so stays in the caches, and needs no more memory than that.
// Consumer only, and only while it has no claim.
func (q *queue) rewind() {
	head := q.head.Load()
	if positionOf(head) >= q.rewindFrom && q.tail.CompareAndSwap(head, rewound(head)) {
		q.head.CompareAndSwap(head, rewound(head)) // unless a producer was faster: I6
	}
}

// follow makes head follow tail, which was rewound: I6. Where tail has changed since
// it was loaded head may have followed already.
func (q *queue) follow(head, tail uint64) {
	if q.tail.Load() == tail {
		q.head.CompareAndSwap(head, rewound(head))
	}
}

// collect notes in h, which it empties first, the run of published records from
// head on, up to runMost records and takeMax bytes or one record. It returns the
// mark behind it.
func (q *queue) collect(h *haul, head uint64) (end uint64) {
	h.bytes, h.ends, h.whens = h.bytes[:0], h.ends[:0], h.whens[:0]
	end = head
	total := uint32(0)
	for range min(recordsBetween(head, q.tail.Load()), q.runMost) {
		n, when, ok := q.published(ticketOf(end))
		if !ok || total > 0 && total+n > q.takeMax {
			break
		}
		total += n
		h.ends = append(h.ends, int(total))
		h.whens = append(h.whens, when)
		end = q.advance(end, n)
	}
	return end
}

// adjust settles how long the next run may be, after the sink took a while for one that
// came to n bytes, and reports whether that was long: there is more then. A regular
// file that is quick with long runs is given longer ones, as long as they come one
// after the other; any other sink gets short ones. So does that of a durable queue,
// whose ring has room for one. Consumer only.
func (q *queue) adjust(n int, while time.Duration, regular func() bool) (long bool) {
	long = 2*n >= int(q.takeMax)
	if long && while <= time.Duration(n)*quickByte && q.ring == nil && regular() {
		q.takeMax = min(2*q.takeMax, q.takeMost)
	} else {
		q.takeMax = q.takeLeast
	}
	return long
}

// skip forgets the oldest n records, fewer than there are, of a run whose bytes
// are not copied yet.
func (h *haul) skip(n int) {
	if n == 0 {
		return
	}
	gone := h.ends[n-1]
	h.ends = h.ends[:copy(h.ends, h.ends[n:])]
	for i := range h.ends {
		h.ends[i] -= gone
	}
	h.whens = h.whens[:copy(h.whens, h.whens[n:])]
}

// settled reports whether every record of a sealed queue is published (I5).
func (q *queue) settled() bool {
	head, tail := q.head.Load(), q.tail.Load()
	for ticket := ticketOf(head); ticket != ticketOf(tail); ticket = (ticket + 1) & ticketMask {
		if _, _, ok := q.published(ticket); !ok {
			return q.head.Load() != head && q.settled()
		}
	}
	return true
}

// keep moves head of a settled queue behind all that is in it, which stays in the
// ring. It returns how many records were given a ticket before the oldest of them,
// and how many there are. Consumer only.
func (q *queue) keep() (first, n uint64) {
	for {
		head, tail := q.head.Load(), q.tail.Load()&^sealed
		if q.head.CompareAndSwap(head, tail) { // or a producer that came before the seal dropped one
			return q.before(head), uint64(recordsBetween(head, tail))
		}
	}
}
