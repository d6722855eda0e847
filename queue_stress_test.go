// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// A queueStress is one run of producers against a consumer.
type queueStress struct {
	producers int
	policy    Policy
	records   uint32
	bytes     uint32
	start     queueStart
	each      int // records that a producer offers
}

// queueRare counts what seldom happens, for the test to see that it did.
type queueRare struct {
	dropped   uint64
	refused   uint64 // full
	contended uint64
	waited    atomic.Uint64 // for room
	naps      uint64        // of the consumer
	parks     uint64
	roused    uint64 // sleeps that a producer ended
	skipped   uint64 // takes that lost records of their run to producers
	wrapped   uint64 // turns of data
	longest   int    // records in a take
}

// run does the run and returns its history.
func (s *queueStress) run(rare *queueRare) *queueHistory {
	q := newQueue(s.records, s.bytes)
	q.reset(s.start.ticket(q), s.start.position(q))
	base := q.offered()
	history := &queueHistory{Drops: s.policy == DropOldest, Pushed: make([][]outcome, s.producers)}
	var producers sync.WaitGroup
	for id := range s.producers {
		producers.Go(func() { history.Pushed[id] = s.produce(q, id, rare) })
	}
	sealed := make(chan struct{})
	go func() { // ends with the producers, whom the consumer below lets finish
		defer close(sealed)
		producers.Wait()
		q.seal()
	}()
	bytes := s.consume(q, base, history, rare)
	<-sealed
	history.Offered = q.offered() - base
	rare.wrapped += bytes / uint64(len(q.data))
	rare.dropped += history.missed()
	for _, outcomes := range history.Pushed {
		for _, o := range outcomes {
			switch o {
			case full:
				rare.refused++
			case contended:
				rare.contended++
			}
		}
	}
	return history
}

// produce offers records of many lengths and returns what became of them.
func (s *queueStress) produce(q *queue, id int, rare *queueRare) []outcome {
	outcomes := make([]outcome, 0, s.each)
	var record []byte
	for seq := range s.each {
		n := historyHead + (seq*13+id*5)%min(150, int(s.bytes)-historyHead)
		record = historyRecord(record[:0], id, seq, n)
		o := put(q, record, uint32(seq), s.policy == DropOldest)
		if s.policy == Block && o > crowded {
			o = waitForRoom(q, record, rare)
		}
		clear(record) // the queue keeps nothing of it
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// waitForRoom pushes until the record is in.
func waitForRoom(q *queue, record []byte, rare *queueRare) outcome {
	q.expectRoom()
	defer q.roomFound()
	for {
		room := q.nextRoom()
		if o := put(q, record, 0, false); o <= crowded {
			return o
		}
		q.call()
		rare.waited.Add(1)
		<-room
	}
}

// consume takes until the queue is drained, and sleeps as a writer does. It
// returns how many bytes it took.
func (s *queueStress) consume(q *queue, base uint64, history *queueHistory, rare *queueRare) (bytes uint64) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	rest := func(how uint32) {
		if !q.sleep(how) {
			runtime.Gosched()
			return
		}
		if how == parked {
			rare.parks++
			<-q.wake // or the test hangs: that is what it is for
			rare.roused++
		} else {
			rare.naps++
			timer.Reset(time.Millisecond)
			select {
			case <-q.wake:
				rare.roused++
			case <-timer.C:
			}
		}
		q.sleeping.Store(awake)
	}
	var h haul
	for round := 0; ; round++ {
		all := h.ends[:cap(h.ends)]
		for i := range all {
			all[i] = -1
		}
		q.take(&h)
		n := len(h.ends)
		if n == 0 {
			if q.drained() {
				return bytes
			}
			rest(parked)
			continue
		}
		if all := h.ends[:cap(h.ends)]; n < len(all) && all[n] > 0 {
			rare.skipped++ // it had collected more
		}
		rare.longest = max(rare.longest, n)
		bytes += uint64(len(h.bytes))
		take := queueHistoryTake{First: h.first - base}
		start := 0
		for _, end := range h.ends {
			take.Records = append(take.Records, append([]byte(nil), h.bytes[start:end]...))
			start = end
		}
		history.Takes = append(history.Takes, take)
		if round%3 == 0 {
			rest(napping)
		}
	}
}

// judge fails the test if the history is wrong, and keeps it.
func (h *queueHistory) judge(t *testing.T) {
	t.Helper()
	err := h.check()
	if err == nil {
		return
	}
	path := filepath.Join(t.ArtifactDir(), "history.json")
	text, _ := json.Marshal(h) // it holds nothing that cannot be written
	if failure := os.WriteFile(path, text, 0o644); failure != nil {
		t.Error(failure)
	}
	t.Errorf("%v\nhistory: %s (kept with -artifacts)", err, path)
}

func TestQueueUnderStress(t *testing.T) {
	each := 15_000
	if testing.Short() {
		each = 3000
	}
	sizes := []struct {
		name           string
		records, bytes uint32
	}{
		{name: "tiny", records: 2, bytes: 200},
		{name: "small", records: 64, bytes: 2000},
		{name: "roomy", records: 4096, bytes: 256 << 10},
	}
	for _, policy := range []Policy{DropOldest, Block, Error} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			var rare queueRare
			turn := 0
			for _, size := range sizes {
				for _, producers := range []int{1, 2, 8, 64} {
					t.Run(fmt.Sprintf("%s, %d producers", size.name, producers), func(t *testing.T) {
						s := queueStress{
							producers: producers, policy: policy,
							records: size.records, bytes: size.bytes,
							start: queueStarts[turn%len(queueStarts)],
							each:  each / producers,
						}
						turn++
						s.run(&rare).judge(t)
					})
				}
			}
			t.Logf("dropped %d, refused %d, contended %d, waited %d, naps %d, parks %d, roused %d, takes cut short %d, turns of data %d, longest take %d",
				rare.dropped, rare.refused, rare.contended, rare.waited.Load(), rare.naps, rare.parks, rare.roused, rare.skipped, rare.wrapped, rare.longest)
			assert.Assert(t, rare.wrapped > 0, "the end of data was never reached")
			assert.Assert(t, rare.parks > 0 && rare.naps > 0 && rare.roused > 0, "the consumer never slept")
			assert.Assert(t, rare.longest > 1, "every record was taken alone")
			assert.Equal(t, rare.dropped > 0, policy == DropOldest, "dropped")
			assert.Equal(t, rare.refused > 0, policy == Error, "refused")
			assert.Equal(t, rare.waited.Load() > 0, policy == Block, "waited for room")
		})
	}
}

func TestQueueTakesWhatProducersLeaveOfARun(t *testing.T) {
	// Producers that drop the oldest all the time never let the consumer collect a
	// long run undisturbed. It still takes, and what it takes is sound.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	q := newQueue(4096, 256<<10)
	q.reset(ticketMask-100_000, 0)
	history := &queueHistory{Drops: true, Pushed: make([][]outcome, 2)}
	base := q.offered()
	var stop atomic.Bool
	var producers sync.WaitGroup
	for id := range history.Pushed {
		producers.Go(func() {
			var record []byte
			for seq := 0; !stop.Load(); seq++ {
				record = historyRecord(record[:0], id, seq, historyHead)
				history.Pushed[id] = append(history.Pushed[id], put(q, record, 0, true))
			}
		})
	}
	h := haul{ends: make([]int, 0, len(q.entries))}
	cut := 0
	note := func() {
		take := queueHistoryTake{First: h.first - base}
		for _, r := range h.texts() {
			take.Records = append(take.Records, []byte(r))
		}
		history.Takes = append(history.Takes, take)
	}
	for cut < 1 { // on one processor it may take half a minute; go test has a timeout
		all := h.ends[:cap(h.ends)]
		clear(all)
		q.take(&h)
		if n := len(h.ends); n > 0 {
			if n < len(all) && all[n] > 0 {
				cut++
			}
			note()
		}
		for q.depthRecords() < 4000 {
			runtime.Gosched() // until there is a long run again, and drops
		}
	}
	stop.Store(true)
	producers.Wait()
	q.seal()
	for q.take(&h); len(h.ends) > 0; q.take(&h) {
		note()
	}
	assert.Assert(t, q.drained())
	history.Offered = q.offered() - base
	history.judge(t)
	t.Logf("%d takes until one lost records to producers; %d pushes", len(history.Takes), history.Offered)
}

func TestQueueIsFullOnlyWhenItIs(t *testing.T) {
	// Each producer has one record in the queue at most, of four that fit: whatever
	// they and the consumer read at different moments, full is a lie.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	const producers = 4
	q := newQueue(producers, 64)
	q.reset(ticketMask-20, 0)
	next, missed := q.offered(), uint64(0)
	var stop atomic.Bool
	var taken [producers]atomic.Bool
	var all sync.WaitGroup
	for id := range producers {
		all.Go(func() {
			for !stop.Load() {
				if o := put(q, []byte{byte(id)}, 0, id%2 == 0); o > crowded {
					t.Errorf("got outcome %d with at most %d of %d records queued", o, producers-1, producers)
					return
				}
				for !taken[id].CompareAndSwap(true, false) && !stop.Load() {
					runtime.Gosched()
				}
			}
		})
	}
	var h haul
	for end := time.Now().Add(200 * time.Millisecond); (next <= ticketMask || time.Now().Before(end)) && !t.Failed(); {
		q.take(&h)
		for _, id := range h.bytes {
			taken[id].Store(true)
		}
		if n := len(h.ends); n > 0 {
			missed += h.first - next
			next = h.first + uint64(n)
		} else {
			runtime.Gosched()
		}
	}
	stop.Store(true)
	all.Wait()
	assert.Equal(t, missed, uint64(0), "nothing had to be dropped")
	assert.Assert(t, next > ticketMask, "%d records were taken, which is short of the wrap", next-(ticketMask-20))
}
