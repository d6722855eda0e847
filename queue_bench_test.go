// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"
)

// benchmarkRecord is as long as a usual line of JSON.
var benchmarkRecord = append(bytes.Repeat([]byte("r"), 199), '\n')

// BenchmarkQueuePush is the cost of a push alone: one producer on a queue with
// room, which the benchmark empties off the clock.
func BenchmarkQueuePush(b *testing.B) {
	const records = 1 << 14
	q := newQueue(2*records, 4*records*uint32(len(benchmarkRecord)))
	var h haul
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if put(q, benchmarkRecord, 1, false) != accepted {
			b.Fatal("no room")
		}
		if i%records == records-1 {
			b.StopTimer()
			for q.take(&h); len(h.ends) > 0; q.take(&h) {
			}
			b.StartTimer()
		}
	}
}

// BenchmarkQueuePushFull is the cost of a push into a full queue that drops the
// oldest.
func BenchmarkQueuePushFull(b *testing.B) {
	q := newQueue(8192, 4<<20)
	for put(q, benchmarkRecord, 1, false) <= crowded {
	}
	b.ReportAllocs()
	for b.Loop() {
		put(q, benchmarkRecord, 1, true)
	}
}

// BenchmarkQueueTake is the cost of a take per record; the pushes before it are off
// the clock.
func BenchmarkQueueTake(b *testing.B) {
	q := newQueue(8192, 4<<20)
	var h haul
	taken := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for put(q, benchmarkRecord, 1, false) == accepted {
		}
		b.StartTimer()
		for q.take(&h); len(h.ends) > 0; q.take(&h) {
			taken += len(h.ends)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(taken), "ns/record")
}

// BenchmarkQueue is a push while the consumer takes, and naps or parks between takes.
// What was dropped or found no room is reported, for a push that drops costs
// less than one that is delivered.
func BenchmarkQueue(b *testing.B) {
	for _, producers := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("producers=%d", producers), func(b *testing.B) {
			q := newQueue(8192, 4<<20)
			taken := make(chan int)
			go func() { // ends when the queue is drained, and taken is received
				taken <- takeAll(q)
			}()
			b.ReportAllocs()
			b.SetBytes(int64(len(benchmarkRecord)))
			b.ResetTimer()
			var all sync.WaitGroup
			for id := range producers {
				share := b.N / producers
				if id < b.N%producers {
					share++
				}
				all.Go(func() {
					when := stampOf(time.Now())
					for i := range share {
						if i%16 == 0 {
							when = stampOf(time.Now()) // or no push would ever yield
						}
						put(q, benchmarkRecord, when, true)
					}
				})
			}
			all.Wait()
			b.StopTimer()
			q.seal()
			n := <-taken
			accepted := int(q.offered())
			b.ReportMetric(float64(accepted-n)/float64(b.N), "dropped/op")
			b.ReportMetric(float64(b.N-accepted)/float64(b.N), "contended/op")
		})
	}
}

// takeAll takes until the queue is drained, and returns how many records it got.
func takeAll(q *queue) (n int) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var h haul
	for !q.drained() {
		q.take(&h)
		n += len(h.ends)
		switch {
		case len(h.ends) == 0 && q.sleep(parked):
			<-q.wake
		case q.sleep(napping):
			timer.Reset(napTime)
			select {
			case <-q.wake:
			case <-timer.C:
			}
		}
		q.sleeping.Store(awake)
	}
	return n
}
