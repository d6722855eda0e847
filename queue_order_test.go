// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// These tests stop producers and the consumer between the steps of an operation,
// by doing the steps by hand, and let others act meanwhile.

// reserve does the first half of a push, as a producer that is stopped between
// moving tail and publishing. fill is the other half.
func reserve(t *testing.T, q *queue, n uint32) (mark uint64) {
	t.Helper()
	tail := q.tail.Load()
	assert.Assert(t, q.tail.CompareAndSwap(tail, q.advance(tail, n)))
	return tail
}

// claimRun does the first part of a take, as a consumer that is stopped between
// moving head and copying. q.carry(h, head) is the rest.
func claimRun(t *testing.T, q *queue, h *haul) (head uint64) {
	t.Helper()
	head = q.head.Load()
	end := q.collect(h, head)
	assert.Assert(t, end != head, "nothing to claim")
	q.claim.Store(head)
	assert.Assert(t, q.head.CompareAndSwap(head, end))
	return head
}

func TestQueueDoesNotPassARecordThatIsNotPublished(t *testing.T) { // I3
	eachQueueStart(t, 3, 64, func(t *testing.T, q *queue) {
		a := reserve(t, q, 1)
		pushAll(t, q, true, "b", "c")
		assert.Equal(t, len(takeTexts(q)), 0, "the consumer does not pass it")
		assert.Assert(t, !q.dropOldest(a), "nor does a producer that drops")
		assert.Equal(t, put(q, []byte("d"), 0, true), contended)
		assert.Equal(t, put(q, []byte("d"), 0, false), full, "full is full, whatever the oldest does")
		q.fill(a, []byte("a"), 0)
		pushAll(t, q, true, "d") // drops a
		assert.DeepEqual(t, takeTexts(q), []string{"b", "c", "d"})
	})
}

func TestQueueTakesUpToARecordThatIsNotPublished(t *testing.T) { // I3
	eachQueueStart(t, 3, 64, func(t *testing.T, q *queue) {
		pushAll(t, q, false, "a")
		b := reserve(t, q, 1)
		pushAll(t, q, false, "c")
		assert.DeepEqual(t, takeTexts(q), []string{"a"})
		assert.Equal(t, len(takeTexts(q)), 0)
		q.fill(b, []byte("b"), 0)
		assert.DeepEqual(t, takeTexts(q), []string{"b", "c"})
	})
}

func TestQueueLosesTheRaceToDropToWhoeverWins(t *testing.T) {
	eachQueueStart(t, 2, 64, func(t *testing.T, q *queue) {
		pushAll(t, q, false, "a", "b")
		head := q.head.Load()
		assert.Assert(t, q.dropOldest(head))
		assert.Assert(t, q.dropOldest(head), "there is room, whoever made it")
		pushAll(t, q, false, "c")
		assert.DeepEqual(t, takeTexts(q), []string{"b", "c"})

		// The same for a producer that looks so late that the entry is used again.
		for range 2 * len(q.entries) {
			pushAll(t, q, false, "d")
			assert.Equal(t, len(takeTexts(q)), 1)
		}
		reserve(t, q, 1)
		assert.Assert(t, q.dropOldest(head))
		assert.Assert(t, !q.dropOldest(q.head.Load()))
	})
}

func TestQueueKeepsClaimedBytesUntilTheyAreCopied(t *testing.T) { // I4
	const claimed = 3000
	for _, drop := range []bool{false, true} {
		t.Run(fmt.Sprintf("drop=%t", drop), func(t *testing.T) {
			q := newQueue(1000, 4000) // and 4096 bytes of slack
			q.reset(ticketMask, uint32(len(q.data))-claimed/2)
			old := strings.Repeat("o", claimed)
			pushAll(t, q, false, old)
			var h haul
			head := claimRun(t, q, &h)
			records, n := q.depth()
			assert.Equal(t, records+n, uint32(0), "what is claimed is not queued any more")

			got := accepted
			for range 2000 {
				if got = put(q, []byte(strings.Repeat("n", 1000)), 0, drop); got > crowded {
					break
				}
			}
			if drop {
				assert.Equal(t, got, contended, "nobody gets the claimed bytes")
				assert.Equal(t, put(q, []byte("x"), 0, true), accepted, "but what is beside them")
			} else {
				assert.Equal(t, got, full)
			}
			q.carry(&h, head)
			assert.Equal(t, string(h.bytes), old)
			if drop {
				pushAll(t, q, true, strings.Repeat("n", 1000)) // there is room again
			}
		})
	}
}

func TestQueueNeverFillsDataToTheLastByte(t *testing.T) {
	// Or else the claim and tail would be at one position, as if all were free.
	for _, over := range []uint32{0, 1} {
		q := newQueue(1000, 4000)
		pushAll(t, q, false, strings.Repeat("o", 3000))
		var h haul
		head := claimRun(t, q, &h)
		for range 5 {
			pushAll(t, q, true, strings.Repeat("n", 1000))
		}
		rest := uint32(len(q.data)) - 8000
		want := []outcome{accepted, contended}[over]
		assert.Equal(t, put(q, make([]byte, rest-1+over), 0, true), want)
		q.carry(&h, head)
		assert.Equal(t, string(h.bytes), strings.Repeat("o", 3000))
	}
}

func TestQueueKeepsClaimedEntriesUntilTheyAreCopied(t *testing.T) { // I4
	eachQueueStart(t, 4, 64, func(t *testing.T, q *queue) {
		pushAll(t, q, false, "a", "b", "c", "d")
		var h haul
		head := claimRun(t, q, &h)
		n := 4
		for put(q, []byte("n"), 0, true) <= crowded {
			n++
		}
		assert.Equal(t, n, len(q.entries), "as many are in use at most")
		assert.Equal(t, put(q, []byte("n"), 0, true), contended)
		q.carry(&h, head)
		assert.DeepEqual(t, h.texts(), []string{"a", "b", "c", "d"})
		assert.DeepEqual(t, takeTexts(q), []string{"n", "n", "n"}) // the last push had dropped one in vain
	})
}

func TestQueueStaysInBoundsWhileAClaimOpensAndCloses(t *testing.T) {
	// A producer that saw the queue before the consumer claimed it decides by an
	// older head, which can only refuse it more.
	eachQueueStart(t, 2, 64, func(t *testing.T, q *queue) {
		var h haul
		for range 300 {
			pushAll(t, q, true, "aa", "bb", "cc")
			head := claimRun(t, q, &h)
			pushAll(t, q, true, "dd", "ee")
			q.carry(&h, head)
			assert.DeepEqual(t, h.texts(), []string{"bb", "cc"})
			assert.DeepEqual(t, takeTexts(q), []string{"dd", "ee"})
		}
	})
}

// A queueStep is one step of one of the parties, named by a letter.
type queueStep struct {
	name string
	do   func()
}

// interleave runs f with every order of the steps that keeps the order of each
// party's own. lengths are the numbers of steps.
func interleave(lengths []int, f func(order []int)) {
	order := []int{}
	left := append([]int{}, lengths...)
	var next func()
	next = func() {
		end := true
		for p := range left {
			if left[p] == 0 {
				continue
			}
			end = false
			left[p]--
			order = append(order, p)
			next()
			order = order[:len(order)-1]
			left[p]++
		}
		if end {
			f(order)
		}
	}
	next()
}

// consumerSteps are a take in three steps: collect and claim, move head, copy.
// After the second the records are the consumer's.
func consumerSteps(q *queue, h *haul) []queueStep {
	var head, first, end uint64
	return []queueStep{
		{"claim", func() {
			first = q.head.Load()
			end = q.collect(h, first)
			if end != first {
				q.claim.Store(first)
			}
		}},
		{"move", func() {
			for head = first; end != first && !q.head.CompareAndSwap(head, end); {
				head = q.head.Load()
				if recordsBetween(first, head) >= uint32(len(h.ends)) {
					h.ends, end = h.ends[:0], first // all were dropped
					q.claim.Store(noClaim)
				}
			}
		}},
		{"copy", func() {
			if end != first {
				h.skip(int(recordsBetween(first, head)))
				q.carry(h, head)
			}
		}},
	}
}

func TestQueueOutcomesOfTwoProducersAndTheConsumer(t *testing.T) {
	// A queue of one record. Producer a is stopped between its reservation and
	// publishing, producer b drops the oldest, the consumer is stopped between
	// claim, move and copy. Then the rest is taken. Every order of these steps
	// yields one of the outcomes below, written as: what became of b; what the
	// consumer's take got; what was left.
	want := map[string]string{ // and an order that yields it
		"b accepted; takes a; left nothing":  "b reserve publish claim move copy: a drops b",
		"b accepted; takes a; left b":        "reserve publish claim move b copy: the claim made room",
		"b accepted; takes b; left nothing":  "reserve publish b claim move copy: b drops a",
		"b accepted; takes b; left a":        "b claim move reserve publish copy: the claim made room",
		"b accepted; takes nothing; left a":  "b reserve claim publish move copy: a, which dropped b, is not published in time",
		"b accepted; takes nothing; left b":  "reserve publish claim b move copy: b drops a, which the consumer had collected",
		"b contended; takes a; left nothing": "reserve b publish claim move copy: b cannot drop a, which is not published",
		"b contended; takes nothing; left a": "reserve b claim publish move copy: nor can the consumer take it",
	}
	got := make(map[string]bool)
	for _, s := range queueStarts {
		interleave([]int{2, 1, 3}, func(order []int) {
			q := newQueue(1, 64)
			q.reset(s.ticket(q), s.position(q))
			var h haul
			var mark uint64
			result := ""
			parties := [][]queueStep{
				{
					{"reserve", func() {
						if q.depthRecords() == 1 {
							assert.Assert(t, q.dropOldest(q.head.Load()))
						}
						mark = reserve(t, q, 1)
					}},
					{"publish", func() { q.fill(mark, []byte("a"), 0) }},
				},
				{{"b", func() {
					result = map[outcome]string{crowded: "b accepted", contended: "b contended"}[put(q, []byte("b"), 0, true)]
				}}},
				consumerSteps(q, &h),
			}
			names := []string{}
			at := make([]int, 3)
			for _, p := range order {
				step := parties[p][at[p]]
				at[p]++
				names = append(names, step.name)
				step.do()
				assert.Assert(t, q.depthRecords() <= 1, "%v", names) // I1
			}
			say := func(records []string) string {
				if len(records) == 0 {
					return "nothing"
				}
				return strings.Join(records, "")
			}
			outcome := fmt.Sprintf("%s; takes %s; left %s", result, say(h.texts()), say(takeTexts(q)))
			got[outcome] = true
			if _, ok := want[outcome]; !ok {
				t.Errorf("%s: %v yields %q, which is not legal", s.name, names, outcome)
			}
		})
	}
	for outcome, why := range want {
		if !got[outcome] {
			t.Errorf("no order yields %q (%s)", outcome, why)
		}
	}
}

func (q *queue) depthRecords() uint32 {
	n, _ := q.depth()
	return n
}

func TestQueueHistoriesOfTwoProducersAndTheConsumer(t *testing.T) {
	// Longer runs than the outcomes above can name: a is stopped in each of two
	// pushes, b pushes twice and drops the oldest, the consumer takes in steps. The
	// history of every order is checked, on rings of one record and of two.
	rare := map[string]int{}
	for _, s := range queueStarts {
		for _, records := range []uint32{1, 2} {
			interleave([]int{4, 2, 3}, func(order []int) {
				q := newQueue(records, 64)
				q.reset(s.ticket(q), s.position(q))
				base := q.offered()
				var h haul
				history := queueHistory{Drops: true, Pushed: make([][]outcome, 2)}
				note := func(h *haul) {
					take := queueHistoryTake{First: h.first - base}
					for _, r := range h.texts() {
						take.Records = append(take.Records, []byte(r))
					}
					if len(take.Records) > 0 {
						history.Takes = append(history.Takes, take)
					}
				}
				var mark uint64
				var record []byte
				stopped := false // a, between reserving and publishing
				a := []func(){
					func() {
						seq := len(history.Pushed[0])
						record = historyRecord(nil, 0, seq, 8+seq)
						if q.depthRecords() == records && !q.dropOldest(q.head.Load()) {
							history.Pushed[0] = append(history.Pushed[0], contended)
							return
						}
						mark, stopped = reserve(t, q, uint32(len(record))), true
						history.Pushed[0] = append(history.Pushed[0], accepted)
					},
					func() {
						if stopped {
							q.fill(mark, record, 0)
							stopped = false
						}
					},
				}
				b := func() {
					seq := len(history.Pushed[1])
					history.Pushed[1] = append(history.Pushed[1], put(q, historyRecord(nil, 1, seq, 12-seq), 0, true))
				}
				c := consumerSteps(q, &h)
				at := make([]int, 3)
				for _, p := range order {
					switch p {
					case 0:
						a[at[0]%2]()
					case 1:
						b()
					case 2:
						c[at[2]].do()
					}
					at[p]++
					assert.Assert(t, q.depthRecords() <= records) // I1
				}
				note(&h)
				q.seal()
				for !q.drained() {
					q.take(&h)
					assert.Assert(t, len(h.ends) > 0, "%v: nothing to take, and not drained", order)
					note(&h)
				}
				history.Offered = q.offered() - base
				if err := history.check(); err != nil {
					t.Errorf("%s, %d records, order %v: %v", s.name, records, order, err)
				}
				if history.missed() > 0 {
					rare["dropped"]++
				}
				for _, o := range history.Pushed[1] {
					if o == contended {
						rare["contended"]++
					}
				}
				if len(history.Takes) > 1 {
					rare["two takes"]++
				}
			})
		}
	}
	for _, what := range []string{"dropped", "contended", "two takes"} {
		assert.Assert(t, rare[what] > 0, "no order reached %q: %v", what, rare)
	}
}
