// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/internal/ring"
)

// A queue is a bounded ring of encoded records between any number of
// producers, the log calls, and one consumer, a destination's writer.
//
// It is two rings that are claimed by one atomic operation: data holds the
// bytes of the records back to back, entries one word for each record. tail
// packs the next record's ticket and its position in data, so a producer that
// moves tail owns an entry and a stretch of bytes at once, in the same order.
// It copies its record in and publishes it by storing the entry.
//
//	         head                    tail
//	          v                       v
//	entries  [len when][len when][    ][        ]   ticket & mask
//	data     rrrrrrrrrr|rrrrrrrrr|....              position, wraps at len(data)
//	          ^ claim: where the consumer copies, or nowhere
//
// The consumer takes a run of published records with one move of head and one
// copy, and reads one entry word for each: between it and the producers only
// that word and the bytes themselves change hands. It comes by rarely and takes
// many, so the cache lines it reads are not the ones being written.
//
// Invariants:
//
//	I1 head <= tail, and at most records entries and bytes bytes lie between.
//	I2 Only the holder of a ticket writes its entry and bytes, and only between
//	   moving tail and storing the entry.
//	I3 Nobody moves head past an entry that is not published.
//	I4 No producer is given bytes or an entry that the consumer may still read:
//	   the consumer stores claim before it moves head, and a producer loads head
//	   before claim. A producer that sees head beyond the claim's start thus also
//	   sees the claim, until the consumer has copied and cleared it.
//	I5 Once tail is sealed no ticket is given out, so every ticket below tail is,
//	   or soon will be, published.
//	I6 When the turned bits of head and tail differ the queue is empty up to head's
//	   ticket, and head is about to follow tail to the start of data. Nobody pushes
//	   or drops before it has.
//	I7 A consumer that parks or naps stores so and then looks at tail; a
//	   producer moves tail and then looks whether the consumer sleeps. One of
//	   them sees the other.
//
// A producer takes no lock, unless it waits for room or wakes the consumer.
//
// These shapes lost. The figures are the processor time of a push and its share of
// a take, for 200 bytes, from producers that compute 100 ns before each push on two
// cores: medians of 16 rounds of BenchmarkQueueShapes. Between one half of the rounds
// and the other most moved by less than a tenth, those of one producer and of
// slabs-mutex by up to a third or more. No producer yielded in those rounds, as press has
// it do from half full on. With that, and on a machine whose caches others filled, every
// figure was a third higher or more, and slots came within a sixth of queue either way.
//
//	producers         1     2     8
//	queue          1.00  1.00  1.00  31, 74 and 72 ns
//	slots          0.89  1.36  1.22  ring of 256-byte slots with a sequence each
//	slots-padded   1.00  1.37  1.30  the same, each sequence on its own line
//	slabs-mutex    0.60  1.81  2.45  64 KiB filled under a lock, handed over whole
//	slabs-atomic   0.58  1.43  1.46  the same, reserved and committed by adding
//	channel        4.20  4.07  4.22  of buffers from a pool
//	inline-headers 0.96  0.92  0.92  one ring, each record behind its entry
//
// Why each lost, or was left:
//
//   - Slots hold no record that is longer, and any shorter one costs as much memory;
//     each push reads a line that the consumer wrote last. Padding adds one more.
//   - Slabs are the cheapest for one producer, 13 ns less, for their consumer copies
//     nothing. But the oldest record cannot be dropped without its slab, 256 records
//     or so, and several producers pay for the lock, or for a second shared counter.
//     Where others keep the cores busy and producers seldom run at once they do
//     not: there slabs cost half of what queue does, with any number of producers.
//   - A channel locks for every record, and its buffers are filled on one processor
//     and given back on another.
//   - Inline headers save a cache line. But what was taken must be zero before it is
//     free, so a log call that drops the oldest would first have to clear it, whole;
//     a record cannot wrap; and words amid bytes need unsafe.
//
// Flat out, without the 100 ns, slots (16 ns of wall time a record) and inline
// headers (20) carry about twice what queue does from two producers up. But its 37
// are 27 million records a second, several times what log calls on two cores make.
type queue struct {
	// immutable
	entries   []atomic.Uint64
	mask      uint32
	lapShift  uint8  // ticket >> lapShift numbers the lap, which tags entries
	records   uint32 // bound of I1
	bytes     uint32 // bound of I1
	nudge     uint32 // records in the queue from which on a napping consumer is woken
	nudgeByte uint32 // the same in bytes
	takeLeast uint32 // least and
	takeMost  uint32 // most that takeMax can be
	runMost   uint32 // most records it claims at once
	longest   uint32 // longest record
	data      []byte
	wake      chan struct{} // capacity 1
	ring      *ring.Ring    // keeps the records of a durable queue, too; else nil

	rewindFrom uint32 // position from which on an empty queue is rewound

	_ linePad

	// producers, the consumer that rewinds, and Close, which seals; CAS. A mark.
	tail atomic.Uint64

	_ linePad

	// the consumer, producers that drop the oldest record, and any that makes head
	// follow tail (I6); CAS
	head atomic.Uint64

	_ linePad

	claim    atomic.Uint64 // a mark as tail, or noClaim; the consumer stores, producers load
	sleeping atomic.Uint32 // the consumer says how; whoever wakes it takes that back

	// producers; each ticket that is a multiple of halfTickets adds one
	halves atomic.Uint64

	_ linePad

	takeMax uint32 // the consumer's own: most bytes that it claims at once, unless one record is longer

	yielded atomic.Uint32 // producers in a half full queue: when one last yielded, in µs

	// producers that wait for room
	waiters atomic.Int32
	roomMu  sync.Mutex
	room    chan struct{} // guarded by roomMu; closed when room may have appeared

	roomEnded bool // guarded by roomMu: room stays closed
}

// linePad keeps the fields before and after it on different cache lines, and on
// different pairs of lines, which x86 prefetches together.
type linePad [128]byte

const (
	// maxQueueRecord is the longest record that a queue of any size takes.
	maxQueueRecord = 1<<entryLenBits - 1

	// maxQueueBytes and maxQueueRecords keep differences of positions and
	// tickets unambiguous.
	maxQueueBytes   = 1 << 30
	maxQueueRecords = 1 << 24

	// takeBytes is the longest run of several records that the consumer claims, but
	// for a quick file: so large that the system call vanishes in the cost of its bytes,
	// and small enough that a slow reader of a pipe, or a slow terminal, takes it in a
	// second, which is the patience of those who wait for it.
	takeBytes = 64 << 10

	// quickBytes is likewise for a regular file that is quick. The system caches it in
	// larger pieces then, where it can: on ext4 of Linux 6.18 a byte of such a write
	// costs 0.25 ns, of one of takeBytes 0.36 to 0.42. It still stays in the nearer
	// caches between the copy and the write.
	quickBytes = 4 * takeBytes

	// quickByte is what a quick file takes for a byte, or less: 60 MB are a second.
	quickByte = 16 * time.Nanosecond

	// yieldEvery is how many microseconds lie between two pushes that yield. Each
	// may cost ten, for waking an idle processor.
	yieldEvery = 100

	// spins bounds the wait for another producer to publish, which takes it well under
	// a microsecond, or for the consumer to copy a run, some 20 µs for the longest, while
	// producers have the other half of the slack. Where that is not enough the scheduler
	// took them off, and waiting longer would not help.
	spins = 64
)

// outcome is what became of a record that was offered to a queue.
type outcome uint8

const (
	accepted  outcome = iota
	crowded           // accepted, and the queue is past 80 % of a bound
	full              // no room, and the policy does not make any
	contended         // others hold up the making of room, or the copying out, for too long
	closed            // sealed
	tooLarge          // longer than the queue will ever take
)

// newQueue returns a queue for up to records records and bytes bytes, both
// within the limits above. The rings are larger than that: what the consumer has
// claimed no longer counts as queued, but its space is not free until copied.
func newQueue(records, bytes uint32) *queue {
	slack := min(max(bytes/4, 4<<10), 2*quickBytes)
	entries := uint32(1)
	lap := uint8(0)
	for entries < records+records/4+1 {
		entries <<= 1
		lap++
	}
	q := &queue{
		entries:   make([]atomic.Uint64, entries),
		mask:      entries - 1,
		lapShift:  lap,
		records:   records,
		bytes:     bytes,
		nudge:     max(records/4, 1),
		nudgeByte: max(bytes/4, 1),
		takeLeast: min(slack/2, takeBytes),
		takeMost:  min(slack/2, quickBytes),
		runMost:   entries,
		longest:   min(bytes, maxQueueRecord),
		data:      make([]byte, bytes+slack),
		wake:      make(chan struct{}, 1),
		room:      make(chan struct{}),

		// As much as the nearest caches of most processors hold.
		rewindFrom: min((bytes+slack)/4, 64<<10),
	}
	q.takeMax = q.takeLeast
	q.claim.Store(noClaim)
	return q
}

// reset places head and tail of an empty queue that nobody uses yet.
func (q *queue) reset(ticket, position uint32) {
	q.tail.Store(uint64(ticket&ticketMask)<<32 | uint64(position))
	q.head.Store(q.tail.Load())
	q.halves.Store(uint64(ticket+halfTickets-1) / halfTickets)
	// No entry may look published: give each the lap before its next ticket's.
	for i := range uint32(len(q.entries)) {
		next := (ticket + (i-ticket)&q.mask) & ticketMask
		q.entries[i].Store(uint64(q.lap(next)-1)<<56 | 1)
	}
}

// push copies p into the queue, with the time it was made in microseconds, and
// wakes the consumer if that is due. When there is no room and dropOldest is set
// it makes some. p must not be empty. It never blocks. mark is that of the record,
// if it was accepted.
func (q *queue) push(p []byte, when uint32, dropOldest bool) (o outcome, mark uint64) {
	n := uint32(len(p))
	if uint64(len(p)) > uint64(q.longest) {
		return tooLarge, 0
	}
	for spin := 0; spin < spins; {
		tail := q.tail.Load()
		if tail&sealed != 0 {
			return closed, 0
		}
		head := q.head.Load() // before claim: I4
		if (head^tail)&turned != 0 {
			q.follow(head, tail)
			continue
		}
		queued := recordsBetween(head, tail)
		queuedBytes := q.bytesBetween(head, tail)
		if queued >= q.records || queuedBytes+n > q.bytes {
			switch {
			case q.tail.Load() != tail:
				// head may have passed this tail: nothing is known.
			case !dropOldest:
				return full, 0
			case !q.dropOldest(head):
				spin = pause(spin)
			}
			continue
		}
		border := head
		if c := q.claim.Load(); c != noClaim {
			border = c
		}
		if recordsBetween(border, tail) > q.mask || q.bytesBetween(border, tail)+n >= uint32(len(q.data)) {
			// The consumer is copying what lies before head, for longer than it
			// took to fill the slack.
			if q.tail.Load() == tail {
				spin = pause(spin)
			}
			continue
		}
		next := q.advance(tail, n)
		if !q.tail.CompareAndSwap(tail, next) {
			continue
		}
		q.fill(tail, p, when) // the entry and the bytes are ours: I2
		queued, queuedBytes = queued+1, queuedBytes+n
		busy := q.busy(queued, queuedBytes)
		if s := q.sleeping.Load(); s == parked || s == napping && busy {
			q.rouse()
			if busy {
				runtime.Gosched() // it runs here and now, unless a processor is idle
			}
		}
		if !busy {
			return accepted, tail
		}
		return q.press(when, queued, queuedBytes), tail
	}
	return contended, 0
}

// busy reports whether so much is enough to end the consumer's nap.
func (q *queue) busy(records, bytes uint32) bool {
	return records >= q.nudge || bytes >= q.nudgeByte
}

// half reports whether so much fills more than half of either bound. An empty
// queue is never half full, however small it is.
func (q *queue) half(records, bytes uint32) bool {
	return records > q.records/2 || bytes > q.bytes/2
}

// press is the end of a push that found the queue busy. Where every processor logs
// without end the consumer is runnable but does not run before the scheduler takes
// a producer off, ten milliseconds later, and by then the queue is full. So from
// half full on a push now and then offers its processor to others. It waits for
// nothing, and with nothing else to run it goes on at once. The clock is when the
// records were made: those without a time, which no slog.Logger makes, do not yield.
func (q *queue) press(when, records, bytes uint32) outcome {
	if q.half(records, bytes) {
		last := q.yielded.Load()
		since := int32(when - last) // negative for a record that is older than the last
		if (since >= yieldEvery || since <= -yieldEvery) && q.yielded.CompareAndSwap(last, when) {
			runtime.Gosched()
		}
	}
	if q.crowded(records, bytes) {
		return crowded
	}
	return accepted
}

// crowded reports whether so much fills more than 80 % of either bound.
func (q *queue) crowded(records, bytes uint32) bool {
	return uint64(records)*5 > uint64(q.records)*4 || uint64(bytes)*5 > uint64(q.bytes)*4
}

// eighthFull reports whether more than an eighth of either bound is used.
func (q *queue) eighthFull() bool {
	records, bytes := q.depth()
	return records > q.records/8 || bytes > q.bytes/8
}

// pause lets others run for a moment and counts it.
func pause(spin int) int {
	if spin >= 4 {
		runtime.Gosched()
	}
	return spin + 1
}

// fill writes the record whose ticket and position are mark, and publishes it.
func (q *queue) fill(mark uint64, p []byte, when uint32) {
	position := positionOf(mark)
	if k := copy(q.data[position:], p); k < len(p) {
		copy(q.data, p[k:])
	}
	ticket := ticketOf(mark)
	if ticket%halfTickets == 0 {
		q.halves.Add(1)
	}
	if q.ring != nil {
		q.ring.Fill(ticket, position, p) // before the consumer can have it
	}
	e := uint64(q.lap(ticket))<<56 | uint64(len(p))<<32 | uint64(when)
	q.entries[ticket&q.mask].Store(e)
}

// published returns the length of the record with that ticket, if it is
// published.
func (q *queue) published(ticket uint32) (n, when uint32, ok bool) {
	e := q.entries[ticket&q.mask].Load()
	return uint32(e>>32) & maxQueueRecord, uint32(e), uint8(e>>56) == q.lap(ticket)
}

// dropOldest frees the record at head. It reports false if that record is not
// published yet (I3); losing a race for it is a success of somebody else.
func (q *queue) dropOldest(head uint64) bool {
	n, _, ok := q.published(ticketOf(head))
	if ok {
		q.head.CompareAndSwap(head, q.advance(head, n))
	}
	return ok || q.head.Load() != head
}

// seal ends intake: every push from now on returns closed (I5).
func (q *queue) seal() {
	q.tail.Or(sealed)
	q.announceRoom()
	q.call()
}

// drained reports whether the queue is sealed and every record taken or
// dropped.
func (q *queue) drained() bool {
	tail := q.tail.Load()
	return tail&sealed != 0 && ticketOf(tail) == ticketOf(q.head.Load())
}

// depth returns how many records and bytes are queued, not counting what the
// consumer took.
func (q *queue) depth() (records, bytes uint32) {
	for {
		tail := q.tail.Load()
		head := q.head.Load()
		if q.tail.Load() == tail {
			if (head^tail)&turned != 0 {
				head = rewound(head) // it is about to be
			}
			return recordsBetween(head, tail), q.bytesBetween(head, tail)
		}
	}
}
