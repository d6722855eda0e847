// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// This file measures queue against the shapes it could have had. The type comment
// of queue has the figures.

// Every shape holds as many records, or as many bytes, before it is full.
const (
	shapeRecords = 32768
	shapeBytes   = 8 << 20
	shapeSlabs   = shapeBytes / slabBytes
	slabBytes    = 64 << 10
	slabRecords  = shapeRecords / shapeSlabs
)

// A shape is what queue is to its producers and its consumer.
type shape interface {
	push(p []byte, when uint32) bool // false: there is no room now
	take(h *haul)                    // leaves h empty if there is nothing
	nap(timer <-chan time.Time)      // until a quarter is full, or call, or timer
	call()
}

var shapes = []struct {
	name string
	make func() shape
}{
	{"hydra", func() shape { return shapeOfQueue{newQueue(shapeRecords, shapeBytes)} }},
	{"slots", func() shape { return newSlotRing[[0]byte]() }},
	{"slots-padded", func() shape { return newSlotRing[[64]byte]() }},
	{"slabs-mutex", func() shape { return newLockedSlabs() }},
	{"slabs-atomic", func() shape { return newAtomicSlabs() }},
	{"channel", func() shape { return newPooledChannel() }},
	{"inline-headers", func() shape { return newInlineRing() }},
}

// shapeOfQueue is the shape that was chosen.
type shapeOfQueue struct{ *queue }

func (s shapeOfQueue) push(p []byte, when uint32) bool {
	return put(s.queue, p, when, false) <= crowded
}

func (s shapeOfQueue) nap(timer <-chan time.Time) {
	if s.sleep(napping) {
		select {
		case <-s.wake:
		case <-timer:
		}
		s.sleeping.Store(awake)
	}
}

// shapeRecord is record i of a producer: no other is the same, and its length is
// one of many.
func shapeRecord(p []byte, producer byte, i uint32) []byte {
	p = append(p[:0], producer, byte(i), byte(i>>8), byte(i>>16))
	for k := range i % 200 {
		p = append(p, byte(k+i)^producer)
	}
	return p
}

func TestQueueShapesCarryEveryRecordWholeAndInOrder(t *testing.T) {
	const producers, share = 4, 20_000 // more than twice what a shape holds
	for _, tt := range shapes {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.make()
			filled := 0
			for ; s.push(benchmarkRecord, 0); filled++ {
			}
			assert.Equal(t, filled, shapeRecords, "records until it is full")
			h := newSlab()
			for s.take(h); len(h.ends) > 0; s.take(h) {
				start := 0
				for _, end := range h.ends {
					assert.Assert(t, bytes.Equal(h.bytes[start:end], benchmarkRecord))
					start, filled = end, filled-1
				}
			}
			assert.Equal(t, filled, 0, "records left when it is empty")

			var next [producers]uint32
			var want []byte
			wrong := 0
			carry(s, producers, producers*share, func(producer int) func(i int) bool {
				var p []byte
				return func(i int) bool {
					p = shapeRecord(p, byte(producer), uint32(i))
					return s.push(p, uint32(i))
				}
			}, func(h *haul) {
				start := 0
				for k, end := range h.ends {
					p := h.bytes[start:end]
					start = end
					producer := p[0] % producers
					want = shapeRecord(want, producer, next[producer])
					if !bytes.Equal(p, want) || h.whens[k] != next[producer] {
						wrong++
					}
					next[producer]++
				}
			})
			assert.Equal(t, wrong, 0, "records that are not the next of their producer")
			assert.Equal(t, next, [producers]uint32{share, share, share, share})
		})
	}
}

// carry has n records pushed by so many producers, each until there is room, and
// gives what one consumer takes to use. It returns when that was everything.
func carry(s shape, producers, n int, pusher func(producer int) func(i int) bool, use func(h *haul)) {
	var all sync.WaitGroup
	for id := range producers {
		share := n / producers
		if id < n%producers {
			share++
		}
		push := pusher(id)
		all.Go(func() {
			for i := range share {
				for !push(i) {
					runtime.Gosched()
				}
			}
		})
	}
	over := make(chan struct{})
	go func() { // ends when the producers do; carry waits for that
		all.Wait()
		s.call()
		close(over)
	}()
	timer := time.NewTimer(napTime)
	defer timer.Stop()
	h := newSlab()
	for n > 0 {
		s.take(h)
		n -= len(h.ends)
		use(h)
		if len(h.ends) == 0 {
			timer.Reset(napTime)
			s.nap(timer.C)
		}
	}
	<-over
}

// BenchmarkQueueShapes is what a record costs from push to the copy that stands
// for its system call. Nothing is lost: producers yield until there is room.
//
// rest=0 is flat out, which no log call can be: the queue is full most of the time,
// ns/op is the pace of the slower side and cpu-ns/op has the yielding in it. With
// rest=100 a producer computes for 100 ns or so before each push, as a log call
// does at least; that is taken off cpu-ns/op again, and what is left is the figure
// to go by on a machine that others use too.
func BenchmarkQueueShapes(b *testing.B) {
	for _, tt := range shapes {
		for _, producers := range []int{1, 2, 8} {
			for _, rest := range []int{0, 100} {
				b.Run(fmt.Sprintf("%s/producers=%d/rest=%d", tt.name, producers, rest), func(b *testing.B) {
					benchmarkShape(b, tt.make(), producers, rest)
				})
			}
		}
	}
}

func benchmarkShape(b *testing.B, s shape, producers, rest int) {
	pusher := func(int) func(int) bool {
		rested, when := -1, uint32(0)
		return func(i int) bool {
			if i != rested {
				rested = i
				if i%16 == 0 {
					when = stampOf(time.Now()) // or no push would ever yield
				}
				compute(rest)
			}
			return s.push(benchmarkRecord, when)
		}
	}
	written := make([]byte, 0, 2*slabBytes)
	use := func(h *haul) { written = append(written[:0], h.bytes...) }
	carry(s, producers, 3*shapeRecords, pusher, use) // touches all of its memory
	runtime.GC()
	start := processorTime(b)
	b.ResetTimer()
	carry(s, producers, b.N, pusher, use)
	b.StopTimer()
	spent := processorTime(b) - start
	if rest > 0 {
		start = processorTime(b)
		var all sync.WaitGroup
		for range producers {
			all.Go(func() {
				for range b.N / producers {
					compute(rest)
				}
			})
		}
		all.Wait()
		spent -= processorTime(b) - start
	}
	b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
}

var computed atomic.Uint64

// compute takes about as many nanoseconds, and no memory.
func compute(ns int) {
	x := uint64(ns)
	for range ns * 4 / 3 {
		x ^= x<<13 | x>>7
	}
	if x == 1 {
		computed.Store(x) // keeps the loop
	}
}

// processorTime returns the processor time this process has used.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
