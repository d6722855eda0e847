// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// A queueStart is where a queue begins in a test: at nothing, or just short of
// the wraparound of one of its counters.
type queueStart struct {
	name     string
	ticket   func(*queue) uint32
	position func(*queue) uint32
	wrapped  func(q *queue, from uint64) bool // since the mark from
}

var queueStarts = []queueStart{
	{
		name:     "at zero",
		ticket:   func(*queue) uint32 { return 0 },
		position: func(*queue) uint32 { return 0 },
		wrapped:  func(*queue, uint64) bool { return true }, // there is nothing to wrap
	},
	{
		name:     "before the end of data",
		ticket:   func(*queue) uint32 { return 7 },
		position: func(q *queue) uint32 { return uint32(len(q.data)) - 2 },
		wrapped:  func(q *queue, from uint64) bool { return positionOf(q.tail.Load()) < positionOf(from) },
	},
	{
		name:     "before the last lap tag",
		ticket:   func(q *queue) uint32 { return 255<<q.lapShift - 2 },
		position: func(*queue) uint32 { return 11 },
		wrapped:  func(q *queue, from uint64) bool { return q.lap(ticketOf(q.tail.Load())) < q.lap(ticketOf(from)) },
	},
	{
		name:     "before half of the tickets",
		ticket:   func(*queue) uint32 { return halfTickets - 2 },
		position: func(*queue) uint32 { return 0 },
		wrapped:  func(q *queue, from uint64) bool { return ticketOf(q.tail.Load()) >= halfTickets },
	},
	{
		name:     "before the last ticket and the end of data",
		ticket:   func(*queue) uint32 { return ticketMask - 1 },
		position: func(q *queue) uint32 { return uint32(len(q.data)) - 1 },
		wrapped:  func(q *queue, from uint64) bool { return ticketOf(q.tail.Load()) < ticketOf(from) },
	},
}

// eachQueueStart runs f with a queue at each start, and asserts at the end that
// the counter in question has wrapped.
func eachQueueStart(t *testing.T, records, bytes uint32, f func(t *testing.T, q *queue)) {
	t.Helper()
	for _, s := range queueStarts {
		t.Run(s.name, func(t *testing.T) {
			q := newQueue(records, bytes)
			q.reset(s.ticket(q), s.position(q))
			from := q.tail.Load()
			f(t, q)
			assert.Assert(t, s.wrapped(q, from), "the test ended short of the wrap, at ticket %d and position %d",
				ticketOf(q.tail.Load()), positionOf(q.tail.Load()))
		})
	}
}

// texts returns the records of h.
func (h *haul) texts() []string {
	all, start := []string{}, 0
	for _, end := range h.ends {
		all, start = append(all, string(h.bytes[start:end])), end
	}
	return all
}

// takeTexts takes once and returns the records.
func takeTexts(q *queue) []string {
	var h haul
	q.take(&h)
	return h.texts()
}

// pushAll pushes each text, and fails the test if one is not accepted.
func pushAll(t *testing.T, q *queue, dropOldest bool, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if o := put(q, []byte(s), 1, dropOldest); o != accepted && o != crowded {
			t.Fatalf("push %q: got outcome %d, want it accepted", s, o)
		}
	}
}

func TestQueueGivesBackWhatWasPushed(t *testing.T) {
	eachQueueStart(t, 4, 64, func(t *testing.T, q *queue) {
		base := q.offered()
		var h haul
		q.take(&h)
		assert.Equal(t, len(h.ends), 0)
		for round := range uint64(4) {
			pushAll(t, q, false, "a")
			assert.Equal(t, put(q, []byte("bcd"), 7, false), accepted)
			assert.Equal(t, put(q, []byte("efghi"), math.MaxUint32, false), accepted)
			records, n := q.depth()
			assert.Equal(t, [2]uint32{records, n}, [2]uint32{3, 9})
			q.take(&h)
			assert.Equal(t, string(h.bytes), "abcdefghi")
			assert.DeepEqual(t, h.ends, []int{1, 4, 9})
			assert.DeepEqual(t, h.whens, []uint32{1, 7, math.MaxUint32})
			assert.Equal(t, h.first, base+3*round)
			assert.Equal(t, q.offered(), base+3*round+3)
			assert.Equal(t, q.claim.Load(), uint64(noClaim))
		}
		q.take(&h)
		assert.Equal(t, len(h.bytes)+len(h.ends)+len(h.whens), 0)
	})
}

func TestQueueThatIsEmptiedStaysAtTheStartOfItsMemory(t *testing.T) { // I6
	const n = 100
	q := newQueue(1000, 1<<20)
	var h haul
	rewinds := 0
	for range 3 * len(q.data) / n {
		before := q.tail.Load()
		pushAll(t, q, false, string(bytes.Repeat([]byte("x"), n)))
		assert.Assert(t, positionOf(q.tail.Load()) <= q.rewindFrom+n)
		q.take(&h)
		if assert.Equal(t, len(h.ends), 1); positionOf(q.tail.Load()) < positionOf(before) {
			rewinds++
		}
		assert.Equal(t, q.tail.Load(), q.head.Load())
	}
	assert.Assert(t, rewinds > 10, "got %d rewinds", rewinds)
	assert.Equal(t, q.offered(), uint64(3*len(q.data)/n))
}

func TestQueueRewindIsFinishedByWhoeverComes(t *testing.T) { // I6
	x := string(bytes.Repeat([]byte("x"), 60))
	tests := []struct {
		name string
		do   func(t *testing.T, q *queue)
		want []string
	}{
		{name: "a push", do: func(t *testing.T, q *queue) { pushAll(t, q, false, "a") }, want: []string{"a"}},
		{name: "pushes that drop", do: func(t *testing.T, q *queue) { pushAll(t, q, true, x, x, "0123456789") }, want: []string{x, "0123456789"}},
		{name: "a seal", do: func(_ *testing.T, q *queue) { q.seal() }, want: []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQueue(1000, 128)
			position := uint32(len(q.data)) - 10
			q.reset(7, position)
			// The consumer has rewound tail and was stopped there.
			assert.Assert(t, q.tail.CompareAndSwap(q.head.Load(), rewound(q.head.Load())))
			assert.Equal(t, positionOf(q.head.Load()), position)
			records, n := q.depth()
			assert.Equal(t, records+n, uint32(0))

			tt.do(t, q)
			q.head.CompareAndSwap(uint64(7)<<32|uint64(position), rewound(uint64(7)<<32|uint64(position))) // it goes on
			got := takeTexts(q)
			assert.DeepEqual(t, got, tt.want)
			assert.Equal(t, q.before(q.head.Load()), q.offered())
			assert.Equal(t, q.tail.Load()&turned, q.head.Load()&turned)
			records, n = q.depth()
			assert.Equal(t, records+n, uint32(0))
		})
	}
}

func TestQueueThatHoldsARecordIsNotRewound(t *testing.T) {
	q := newQueue(1000, 1<<20)
	q.reset(7, q.rewindFrom)
	reserve(t, q, 5)
	q.rewind()
	assert.Equal(t, positionOf(q.head.Load()), q.rewindFrom)
	assert.Equal(t, positionOf(q.tail.Load()), q.rewindFrom+5)
}

func TestQueueOutcomes(t *testing.T) {
	x := func(n int) string { return string(bytes.Repeat([]byte("x"), n)) }
	tests := []struct {
		name   string
		queued []string
		seal   bool
		push   string
		drop   bool
		left   []string // in the queue afterwards
		want   outcome
	}{
		{name: "room", push: "a", left: []string{"a"}, want: accepted},
		{name: "80 % of the records", queued: []string{"a", "b", "c"}, push: "d", left: []string{"a", "b", "c", "d"}, want: accepted},
		{name: "more than 80 % of the records", queued: []string{"a", "b", "c", "d"}, push: "e", left: []string{"a", "b", "c", "d", "e"}, want: crowded},
		{name: "no room for a record", queued: []string{"a", "b", "c", "d", "e"}, push: "f", left: []string{"a", "b", "c", "d", "e"}, want: full},
		{name: "the oldest makes room", queued: []string{"a", "b", "c", "d", "e"}, push: "f", drop: true, left: []string{"b", "c", "d", "e", "f"}, want: crowded},
		{name: "80 % of the bytes", push: x(80), left: []string{x(80)}, want: accepted},
		{name: "more than 80 % of the bytes at once", push: x(81), left: []string{x(81)}, want: crowded},
		{name: "all of the bytes", push: x(100), left: []string{x(100)}, want: crowded},
		{name: "the last byte", queued: []string{x(99)}, push: "a", left: []string{x(99), "a"}, want: crowded},
		{name: "no room for the bytes", queued: []string{x(99)}, push: "ab", left: []string{x(99)}, want: full},
		{name: "two of the oldest make room", queued: []string{"a", x(90), "b"}, push: x(20), drop: true, left: []string{"b", x(20)}, want: accepted},
		{name: "all make room", queued: []string{"a", x(90), "b"}, push: x(100), drop: true, left: []string{x(100)}, want: crowded},
		{name: "more bytes than will ever fit", queued: []string{"a"}, push: x(101), left: []string{"a"}, want: tooLarge},
		{name: "more bytes than will ever fit, and nothing is dropped for it", queued: []string{"a"}, push: x(101), drop: true, left: []string{"a"}, want: tooLarge},
		{name: "sealed", queued: []string{"a"}, seal: true, push: "b", left: []string{"a"}, want: closed},
		{name: "sealed and full", queued: []string{x(100)}, seal: true, push: "b", left: []string{x(100)}, want: closed},
		{name: "sealed and full, and nothing is dropped", queued: []string{x(100)}, seal: true, push: "b", drop: true, left: []string{x(100)}, want: closed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, s := range queueStarts {
				q := newQueue(5, 100)
				q.reset(s.ticket(q), s.position(q))
				pushAll(t, q, false, tt.queued...)
				if tt.seal {
					q.seal()
				}
				if got := put(q, []byte(tt.push), 0, tt.drop); got != tt.want {
					t.Errorf("%s: got outcome %d, want %d", s.name, got, tt.want)
				}
				assert.DeepEqual(t, takeTexts(q), tt.left)
			}
		})
	}
}

func TestQueueRefusesARecordLongerThanAnEntryCanSay(t *testing.T) {
	q := newQueue(2, maxQueueRecord+1)
	record := make([]byte, maxQueueRecord+1)
	assert.Equal(t, put(q, record, 0, false), tooLarge)
	record[maxQueueRecord-1] = 1
	assert.Equal(t, put(q, record[:maxQueueRecord], 0, false), crowded)
	var h haul
	q.take(&h)
	assert.Assert(t, bytes.Equal(h.bytes, record[:maxQueueRecord]))
}

func TestQueueDropsTheOldestAndNumbersWhatIsLeft(t *testing.T) {
	eachQueueStart(t, 3, 64, func(t *testing.T, q *queue) {
		base := q.offered()
		var h haul
		for i := range 100 {
			pushAll(t, q, true, fmt.Sprintf("%03d", i))
		}
		q.take(&h)
		assert.DeepEqual(t, h.texts(), []string{"097", "098", "099"})
		assert.Equal(t, h.first-base, uint64(97), "number of the oldest that is left")
		assert.Equal(t, q.offered()-base, uint64(100))
	})
}

func TestQueueKeepsARecordWholeOverTheEndOfData(t *testing.T) {
	const n = 40
	record := []byte("0123456789abcdefghijklmnopqrstuvwxyzABCD")[:n]
	split := 0
	for before := uint32(0); before <= n+1; before++ {
		q := newQueue(2, n)
		q.reset(ticketMask, uint32(len(q.data))-1-before)
		from := q.tail.Load()
		assert.Equal(t, put(q, record, 0, false), crowded)
		if at := positionOf(q.tail.Load()); at > 0 && at < positionOf(from) {
			split++
		}
		assert.DeepEqual(t, takeTexts(q), []string{string(record)})
	}
	assert.Equal(t, split, n-1, "number of records that lay on both sides of the end")
}

func TestQueueTakesAtMostTakeMaxBytesOrOneRecord(t *testing.T) {
	const size = 64 << 10
	tests := []struct {
		name    string
		lengths []int
		want    []int // number of records in each take
	}{
		{name: "as many as fit", lengths: []int{4000, 4000, 192, 1}, want: []int{3, 1}},
		{name: "one more than fits", lengths: []int{4000, 4000, 193}, want: []int{2, 1}},
		{name: "longer than the limit", lengths: []int{1, 9000, 1}, want: []int{1, 1, 1}},
		{name: "as long as the bound", lengths: []int{size}, want: []int{1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQueue(8, size)
			assert.Equal(t, q.takeMax, uint32(8192))
			q.reset(0, uint32(len(q.data))-100)
			for i, n := range tt.lengths {
				pushAll(t, q, false, string(bytes.Repeat([]byte{'a' + byte(i)}, n)))
			}
			var got []int
			for {
				records := takeTexts(q)
				if len(records) == 0 {
					break
				}
				got = append(got, len(records))
			}
			assert.DeepEqual(t, got, tt.want)
		})
	}
}

func TestQueueCountsTicketsOverTheirWraps(t *testing.T) {
	q := newQueue(4, 64)
	q.reset(halfTickets-3, 0)
	count := uint64(halfTickets - 3)
	push := func() {
		t.Helper()
		before := q.head.Load()
		assert.Equal(t, q.before(before), count)
		pushAll(t, q, false, "r")
		count++
		assert.Equal(t, q.offered(), count)
		assert.Equal(t, q.before(before), count-1)
		assert.Equal(t, len(takeTexts(q)), 1)
	}
	for range 4 { // times that the tickets wrap
		for range 2 { // halves
			for range 6 {
				push()
			}
			// On to three before the next half, as if that many records had come.
			const stride = halfTickets - 6
			ticket := (ticketOf(q.tail.Load()) + stride) & ticketMask
			halves := q.halves.Load()
			q.reset(ticket, positionOf(q.tail.Load()))
			q.halves.Store(halves)
			count += stride
			assert.Equal(t, q.offered(), count)
		}
	}
	assert.Equal(t, count, uint64(9*halfTickets-3))
}

func TestQueueCountsATicketWhoseHalfIsNotCountedYet(t *testing.T) {
	for _, ticket := range []uint32{0, halfTickets} {
		q := newQueue(4, 64)
		q.reset(ticket, 0)
		mark := reserve(t, q, 1)
		assert.Equal(t, q.offered(), uint64(ticket)+1, "while the producer of the first ticket of a half is at work")
		q.fill(mark, []byte("a"), 0)
		assert.Equal(t, q.offered(), uint64(ticket)+1)
	}
}

func TestQueueReadsTicketsOfOneMoment(t *testing.T) {
	// A producer takes half of the tickets at once, and counts the half after it
	// has moved tail, as push does. Whoever reads meanwhile must not mix the tail of
	// one moment with the halves of another.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	q := newQueue(4, 64)
	q.reset(1, 0)
	var stop atomic.Bool
	var producer sync.WaitGroup
	producer.Go(func() {
		for ticket := uint64(1); !stop.Load(); {
			ticket = (ticket + halfTickets) & ticketMask
			q.tail.Store(ticket << 32)
			q.halves.Add(1)
		}
	})
	last := uint64(1)
	changes := 0
	for end := time.Now().Add(200 * time.Millisecond); changes == 0 || time.Now().Before(end); {
		n, tail := q.tickets()
		if n < last || n%halfTickets != 1 || n&ticketMask != tail>>32 {
			t.Errorf("got %d tickets at tail %x after %d", n, tail, last)
			break
		}
		if n > last {
			changes++
		}
		last = n
	}
	stop.Store(true)
	producer.Wait()
}

// put pushes where only the outcome counts.
func put(q *queue, p []byte, when uint32, dropOldest bool) outcome {
	o, _ := q.push(p, when, dropOldest)
	return o
}
