// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

// A mark is a place in a queue: whether it is sealed; whether the consumer has
// rewound it an odd number of times; a ticket, which chooses the entry; and a
// position, which chooses the bytes.
//
//	63      62      61 ... 32   31 ... 0
//	sealed  turned  ticket      position
//
// An entry says what is at its ticket: the lap of the ticket, which tells it from
// the entry that was there a lap ago, the length of the record, and when it was
// made, in microseconds. One lap back is all a stale entry can be, so eight bits
// are plenty.
//
//	63 ... 56   55 ... 32   31 ... 0
//	lap         length      time
const (
	sealed       = 1 << 63
	noClaim      = sealed // no position is sealed, so none equals it
	turned       = 1 << 62
	ticketBits   = 30
	ticketMask   = 1<<ticketBits - 1
	halfTickets  = 1 << (ticketBits - 1)
	entryLenBits = 24
)

// lap returns the lap of a ticket, from 1 on: an entry of zeros, as in a new queue,
// is of no lap that comes before each entry was used.
func (q *queue) lap(ticket uint32) uint8 { return uint8(ticket>>q.lapShift) + 1 }

func ticketOf(mark uint64) uint32   { return uint32(mark>>32) & ticketMask }
func positionOf(mark uint64) uint32 { return uint32(mark) }

// recordsBetween returns how many records lie from one mark to a later one.
func recordsBetween(from, to uint64) uint32 {
	return (ticketOf(to) - ticketOf(from)) & ticketMask
}

// bytesBetween returns how many bytes lie from one mark to a later one that is
// less than a whole ring ahead.
func (q *queue) bytesBetween(from, to uint64) uint32 {
	n := positionOf(to) - positionOf(from)
	if positionOf(to) < positionOf(from) {
		n += uint32(len(q.data))
	}
	return n
}

// advance returns the mark behind a record of n bytes at mark.
func (q *queue) advance(mark uint64, n uint32) uint64 {
	position := positionOf(mark) + n
	if position >= uint32(len(q.data)) {
		position -= uint32(len(q.data))
	}
	return mark&turned | uint64((ticketOf(mark)+1)&ticketMask)<<32 | uint64(position)
}

// rewound returns the mark that head and tail get when an empty queue whose head is
// there is rewound.
func rewound(head uint64) uint64 { return (head ^ turned) &^ (1<<32 - 1) }

// offered returns how many records were ever given a ticket, counting from
// reset(0, 0).
func (q *queue) offered() uint64 {
	n, _ := q.tickets()
	return n
}

// before returns how many records were given a ticket before that of mark, which
// must have been loaded from head or tail already.
func (q *queue) before(mark uint64) uint64 {
	n, tail := q.tickets()
	return n - uint64(recordsBetween(mark, tail))
}

// tickets returns tail, and the number of its ticket, had tickets not wrapped.
// halves keeps count of how often they did.
func (q *queue) tickets() (n, tail uint64) {
	for {
		halves := q.halves.Load()
		tail = q.tail.Load()
		if q.halves.Load() == halves {
			return unwrap(halves, ticketOf(tail)), tail
		}
	}
}

// unwrap returns the number of a ticket, had tickets not wrapped.
func unwrap(halves uint64, ticket uint32) uint64 {
	// Ticket 0 counted too, so halves is one ahead once it was given.
	whole := max(halves, 1) - 1
	if whole&1 != uint64(ticket/halfTickets) {
		whole++ // tail crossed, and the producer that comes next will count it
	}
	return whole*halfTickets + uint64(ticket%halfTickets)
}
