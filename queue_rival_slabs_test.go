// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// This file keeps the shapes that are no rings of records: slabs, and a channel.

// lockedSlabs fills a slab under a mutex and hands it over whole: the consumer
// gives the one it had before in exchange and copies nothing.
type lockedSlabs struct {
	bell
	full, free chan *haul
	mu         sync.Mutex
	current    *haul // guarded by mu
}

func newLockedSlabs() *lockedSlabs {
	l := &lockedSlabs{bell: newBell(), full: make(chan *haul, shapeSlabs), free: make(chan *haul, shapeSlabs)}
	for range shapeSlabs {
		l.free <- newSlab()
	}
	l.current = <-l.free
	return l
}

func newSlab() *haul {
	return &haul{bytes: make([]byte, 0, slabBytes), ends: make([]int, 0, slabRecords), whens: make([]uint32, 0, slabRecords)}
}

func (l *lockedSlabs) push(p []byte, when uint32) bool {
	l.mu.Lock()
	turned := len(l.current.ends) == slabRecords || len(l.current.bytes)+len(p) > slabBytes
	ok := !turned || l.turnLocked()
	if ok {
		l.current.add(p, when)
	}
	l.mu.Unlock()
	if !ok || turned && len(l.full) >= shapeSlabs/4 {
		l.ring()
	}
	return ok
}

// turnLocked passes on the current slab, if there is another to be the current.
func (l *lockedSlabs) turnLocked() bool {
	select {
	case next := <-l.free:
		l.full <- l.current
		l.current = next
		return true
	default:
		return false
	}
}

func (l *lockedSlabs) take(h *haul) {
	h.empty()
	if len(l.full) == 0 {
		l.mu.Lock()
		if len(l.full) == 0 && len(l.current.ends) > 0 {
			l.turnLocked()
		}
		l.mu.Unlock()
	}
	select {
	case s := <-l.full:
		*h, *s = *s, *h
		l.free <- s
	default:
	}
}

// atomicSlabs gives out a slab by adding to its state. A slab is over when
// somebody, the consumer too, adds more than it has room for; the first who
// does stores how many records fitted. It is whole when so many are committed.
type atomicSlabs struct {
	bell
	full, free chan *atomicSlab
	current    atomic.Pointer[atomicSlab]
	mu         sync.Mutex // taken to change current
}

type atomicSlab struct {
	state     atomic.Uint64 // records<<32 | bytes
	committed atomic.Uint32
	over      atomic.Uint32 // one more than the records that fitted; 0 while it is not over
	haul      haul
}

func newAtomicSlabs() *atomicSlabs {
	a := &atomicSlabs{bell: newBell(), full: make(chan *atomicSlab, shapeSlabs), free: make(chan *atomicSlab, shapeSlabs)}
	for range shapeSlabs {
		a.free <- &atomicSlab{haul: *newSlab()}
	}
	a.current.Store(<-a.free)
	return a
}

func isOver(state uint64) bool { return state>>32 > slabRecords || uint32(state) > slabBytes }

func (s *atomicSlab) reserve(n uint64) (before uint64, ok bool) {
	after := s.state.Add(1<<32 | n)
	before = after - (1<<32 | n)
	if isOver(after) && !isOver(before) {
		s.over.Store(uint32(before>>32) + 1)
	}
	return before, !isOver(after)
}

func (a *atomicSlabs) push(p []byte, when uint32) bool {
	for {
		s := a.current.Load()
		if !isOver(s.state.Load()) {
			if before, ok := s.reserve(uint64(len(p))); ok {
				i, end := before>>32, int(uint32(before))+len(p)
				copy(s.haul.bytes[:slabBytes][end-len(p):], p)
				s.haul.ends[:slabRecords][i], s.haul.whens[:slabRecords][i] = end, when
				s.committed.Add(1)
				return true
			}
		}
		ok := a.turn(s)
		if !ok || len(a.full) >= shapeSlabs/4 {
			a.ring()
		}
		if !ok {
			return false
		}
	}
}

// turn passes on a slab that is over, unless somebody did.
func (a *atomicSlabs) turn(s *atomicSlab) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current.Load() != s || !isOver(s.state.Load()) {
		return true
	}
	select {
	case next := <-a.free:
		a.full <- s
		next.committed.Store(0)
		next.over.Store(0)
		next.state.Store(0)
		a.current.Store(next)
		return true
	default:
		return false
	}
}

func (a *atomicSlabs) take(h *haul) {
	h.empty()
	if s := a.current.Load(); len(a.full) == 0 && s.state.Load() != 0 {
		s.reserve(slabBytes + 1)
		a.turn(s)
	}
	select {
	case s := <-a.full:
		for s.over.Load() == 0 || s.committed.Load() != s.over.Load()-1 {
			runtime.Gosched()
		}
		*h, s.haul = s.haul, *h
		n := s.over.Load() - 1
		h.ends, h.whens = h.ends[:n], h.whens[:n]
		h.bytes = h.bytes[:h.ends[n-1]]
		a.free <- s
	default:
	}
}

// pooledChannel is a channel of buffers from a pool.
type pooledChannel struct {
	bell
	parcels chan *parcel
	pool    sync.Pool
}

type parcel struct {
	bytes []byte
	when  uint32
}

func newPooledChannel() *pooledChannel {
	return &pooledChannel{
		bell:    newBell(),
		parcels: make(chan *parcel, shapeRecords),
		pool:    sync.Pool{New: func() any { return &parcel{bytes: make([]byte, 0, 256)} }},
	}
}

func (c *pooledChannel) push(p []byte, when uint32) bool {
	o := c.pool.Get().(*parcel)
	o.bytes, o.when = append(o.bytes[:0], p...), when
	select {
	case c.parcels <- o:
		if c.asleep.Load() && len(c.parcels) >= shapeRecords/4 {
			c.ring()
		}
		return true
	default:
		c.pool.Put(o)
		c.ring()
		return false
	}
}

func (c *pooledChannel) take(h *haul) {
	for h.empty(); len(h.bytes) < takeBytes; {
		select {
		case o := <-c.parcels:
			h.add(o.bytes, o.when)
			c.pool.Put(o)
		default:
			return
		}
	}
}
