// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// This file keeps the rings that queue is not, as far as it takes to carry short
// records and tell what that costs.

// A bell wakes the consumer of the other shapes.
type bell struct {
	asleep atomic.Bool
	wake   chan struct{} // capacity 1
}

func newBell() bell { return bell{wake: make(chan struct{}, 1)} }

func (b *bell) ring() {
	if b.asleep.Load() && b.asleep.Swap(false) {
		b.call()
		runtime.Gosched() // as push does
	}
}

func (b *bell) call() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *bell) nap(timer <-chan time.Time) {
	b.asleep.Store(true)
	select {
	case <-b.wake:
	case <-timer:
	}
	b.asleep.Store(false)
}

func (h *haul) empty() { h.bytes, h.ends, h.whens = h.bytes[:0], h.ends[:0], h.whens[:0] }

func (h *haul) add(p []byte, when uint32) {
	h.bytes = append(h.bytes, p...)
	h.ends = append(h.ends, len(h.bytes))
	h.whens = append(h.whens, when)
}

// slotRing is a ring of slots of 256 bytes. A slot's sequence is the ticket it
// waits for, or one more once it is filled. P parts it from what it guards.
type slotRing[P any] struct {
	bell
	slots []slot[P]
	_     linePad
	tail  atomic.Uint64 // producers, CAS
	_     linePad
	head  uint64 // consumer only
}

type slot[P any] struct {
	sequence     atomic.Uint64
	_            P
	length, when uint32
	data         [240]byte
}

func newSlotRing[P any]() *slotRing[P] {
	r := &slotRing[P]{bell: newBell(), slots: make([]slot[P], shapeRecords)}
	for i := range r.slots {
		r.slots[i].sequence.Store(uint64(i))
	}
	return r
}

func (r *slotRing[P]) push(p []byte, when uint32) bool {
	for {
		ticket := r.tail.Load()
		s := &r.slots[ticket%shapeRecords]
		if sequence := s.sequence.Load(); sequence < ticket {
			r.ring()
			return false
		} else if sequence > ticket || !r.tail.CompareAndSwap(ticket, ticket+1) {
			continue
		}
		s.length, s.when = uint32(copy(s.data[:], p)), when
		s.sequence.Store(ticket + 1)
		if ticket%(shapeRecords/4) == 0 {
			r.ring()
		}
		return true
	}
}

func (r *slotRing[P]) take(h *haul) {
	for h.empty(); len(h.bytes) < takeBytes; r.head++ {
		s := &r.slots[r.head%shapeRecords]
		if s.sequence.Load() != r.head+1 {
			return
		}
		h.add(s.data[:s.length], s.when)
		s.sequence.Store(r.head + shapeRecords)
	}
}

// inlineRing is one ring of words, in which each record follows a word with its
// length and time. What is free is zero: a word that is not is a published
// header. A record does not wrap: a header with no length skips to the start.
type inlineRing struct {
	bell
	words []atomic.Uint64
	_     linePad
	tail  atomic.Uint64 // records<<32 | words; producers, CAS
	_     linePad
	head  atomic.Uint64 // records<<32 | words; consumer stores
}

const shapeWords = shapeBytes / 8

func newInlineRing() *inlineRing {
	return &inlineRing{bell: newBell(), words: make([]atomic.Uint64, shapeWords)}
}

// at returns the bytes of the record whose header is word i. It is the one unsafe
// place: a header must be an atomic word amid bytes that are not.
func (r *inlineRing) at(i, n uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&r.words[i+1])), n)
}

func (r *inlineRing) push(p []byte, when uint32) bool {
	words := 1 + (uint32(len(p))+7)/8
	for {
		tail := r.tail.Load()
		head := r.head.Load()
		i, skip := uint32(tail)%shapeWords, uint32(0)
		if i+words > shapeWords {
			skip = shapeWords - i
		}
		if uint32(tail>>32)-uint32(head>>32) >= shapeRecords || uint32(tail)-uint32(head)+skip+words > shapeWords {
			if r.tail.Load() != tail {
				continue
			}
			r.ring()
			return false
		}
		record := tail>>32 + 1
		if !r.tail.CompareAndSwap(tail, record<<32|uint64(uint32(tail)+skip+words)) {
			continue
		}
		if skip > 0 {
			r.words[i].Store(1 << 32)
			i = 0
		}
		copy(r.at(i, uint32(len(p))), p)
		r.words[i].Store(uint64(when)<<32 | uint64(len(p)))
		if record%(shapeRecords/4) == 0 {
			r.ring()
		}
		return true
	}
}

func (r *inlineRing) take(h *haul) {
	h.empty()
	head := r.head.Load()
	records, position := head>>32, uint32(head)
	for len(h.bytes) < takeBytes {
		i := position % shapeWords
		e := r.words[i].Load()
		if e == 0 {
			break
		}
		words := shapeWords - i
		if n := uint32(e); n > 0 {
			h.add(r.at(i, n), uint32(e>>32))
			words = 1 + (n+7)/8
			records++
			clear(r.words[i : i+words])
		} else {
			r.words[i].Store(0)
		}
		position += words
	}
	r.head.Store(records<<32 | uint64(position))
}
