// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"bytes"
	"testing"

	"gotest.tools/v3/assert"
)

// woken reports whether the consumer would wake, and takes the token.
func woken(q *queue) bool {
	select {
	case <-q.wake:
		return true
	default:
		return false
	}
}

func TestQueueWakesASleepingConsumerWhenDue(t *testing.T) {
	tests := []struct {
		name   string
		how    uint32
		queued []int // lengths of the records there before it sleeps
		push   []int // and after
		want   bool
	}{
		{name: "awake", how: awake, push: []int{1}, want: false},
		{name: "parked and nothing comes", how: parked, want: false},
		{name: "parked", how: parked, push: []int{1}, want: true},
		{name: "napping and little comes", how: napping, push: []int{1}, want: false},
		{name: "napping and a quarter of the records is there", how: napping, queued: []int{1}, push: []int{1}, want: true},
		{name: "napping and a quarter of the records comes", how: napping, push: []int{1, 1}, want: true},
		{name: "napping and less than a quarter of the bytes comes", how: napping, push: []int{24}, want: false},
		{name: "napping and a quarter of the bytes comes", how: napping, push: []int{25}, want: true},
		{name: "napping and it is full", how: napping, push: []int{100}, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQueue(8, 100)
			for _, n := range tt.queued {
				assert.Equal(t, put(q, make([]byte, n), 0, false), accepted)
			}
			if tt.how != awake {
				assert.Assert(t, q.sleep(tt.how))
			}
			for _, n := range tt.push {
				put(q, make([]byte, n), 0, false)
			}
			assert.Equal(t, woken(q), tt.want)
			assert.Equal(t, q.sleeping.Load() == awake, tt.want || tt.how == awake)
		})
	}
}

func TestQueueKeepsAConsumerAwakeThatHasWork(t *testing.T) {
	tests := []struct {
		name  string
		how   uint32
		setup func(t *testing.T, q *queue)
		want  bool // that it sleeps
	}{
		{name: "parks on an empty queue", how: parked, setup: func(*testing.T, *queue) {}, want: true},
		{name: "parks with a record there", how: parked, setup: func(t *testing.T, q *queue) { pushAll(t, q, false, "a") }},
		{name: "parks while a producer is at work", how: parked, setup: func(t *testing.T, q *queue) { reserve(t, q, 1) }},
		{name: "parks on a drained queue", how: parked, setup: func(_ *testing.T, q *queue) { q.seal() }},
		{name: "parks on a sealed queue that holds a record", how: parked, setup: func(t *testing.T, q *queue) {
			pushAll(t, q, false, "a")
			q.seal()
		}},
		{name: "naps with little there", how: napping, setup: func(t *testing.T, q *queue) { pushAll(t, q, false, "a") }, want: true},
		{name: "naps with a quarter of the records there", how: napping, setup: func(t *testing.T, q *queue) { pushAll(t, q, false, "a", "b") }},
		{name: "naps with a quarter of the bytes there", how: napping, setup: func(t *testing.T, q *queue) {
			pushAll(t, q, false, string(bytes.Repeat([]byte("a"), 25)))
		}},
		{name: "naps on a full queue", how: napping, setup: func(t *testing.T, q *queue) {
			pushAll(t, q, false, string(bytes.Repeat([]byte("a"), 100)))
		}},
		{name: "naps while nothing can be taken", how: napping, setup: func(t *testing.T, q *queue) {
			reserve(t, q, 1)
			pushAll(t, q, false, "b", "c", "d", "e")
		}, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQueue(8, 100)
			tt.setup(t, q)
			woken(q)
			assert.Equal(t, q.sleep(tt.how), tt.want)
			assert.Equal(t, q.sleeping.Load() != awake, tt.want)
		})
	}
}

func TestQueueWakesOncePerSleep(t *testing.T) {
	q := newQueue(8, 100)
	assert.Assert(t, q.sleep(parked))
	pushAll(t, q, false, "a", "b", "c")
	assert.Assert(t, woken(q))
	assert.Assert(t, !woken(q))

	// A token that is left over takes the place of another.
	q.call()
	q.call()
	q.take(&haul{})
	assert.Assert(t, q.sleep(parked))
	pushAll(t, q, false, "d")
	assert.Assert(t, woken(q))
	assert.Assert(t, !woken(q))
}

func TestQueueCallReachesAConsumerThatIsAboutToSleep(t *testing.T) {
	q := newQueue(8, 100)
	q.call()
	assert.Assert(t, q.sleep(parked))
	assert.Assert(t, woken(q), "a call before the sleep")
	q.call()
	assert.Assert(t, woken(q), "a call during the sleep")
	assert.Equal(t, q.sleeping.Load(), uint32(awake))
}

func TestQueueSealEndsIntakeAndKeepsWhatIsThere(t *testing.T) {
	eachQueueStart(t, 4, 64, func(t *testing.T, q *queue) {
		base := q.offered()
		mark := reserve(t, q, 1)
		pushAll(t, q, false, "b", "c")
		q.seal()
		assert.Assert(t, woken(q))
		assert.Equal(t, put(q, []byte("d"), 0, true), closed)
		assert.Assert(t, !q.drained())
		assert.Equal(t, q.offered(), base+3)
		q.fill(mark, []byte("a"), 0) // I5: who has a ticket still publishes
		assert.DeepEqual(t, takeTexts(q), []string{"a", "b", "c"})
		assert.Assert(t, q.drained())
		records, n := q.depth()
		assert.Equal(t, records+n, uint32(0))
		q.seal()
		assert.Equal(t, put(q, []byte("d"), 0, false), closed)
	})
}

func TestQueueIsDrainedOnlyWhenSealed(t *testing.T) {
	q := newQueue(4, 64)
	assert.Assert(t, !q.drained())
	q.seal()
	assert.Assert(t, q.drained())
}

func TestQueueAnnouncesRoom(t *testing.T) {
	announced := func(room <-chan struct{}) bool {
		select {
		case <-room:
			return true
		default:
			return false
		}
	}
	q := newQueue(2, 64)
	room := q.nextRoom()
	pushAll(t, q, false, "a", "b")
	assert.Equal(t, len(takeTexts(q)), 2)
	assert.Assert(t, !announced(room), "nobody waits, so nothing is announced")

	q.expectRoom()
	pushAll(t, q, false, "a", "b")
	assert.Equal(t, put(q, []byte("c"), 0, false), full)
	room = q.nextRoom()
	assert.Assert(t, !announced(room))
	assert.Equal(t, len(takeTexts(q)), 2)
	assert.Assert(t, announced(room), "after a take")
	assert.Equal(t, put(q, []byte("c"), 0, false), accepted)

	room = q.nextRoom()
	assert.Assert(t, !announced(room))
	q.seal()
	assert.Assert(t, announced(room), "after the seal")
	assert.Assert(t, announced(q.nextRoom()), "for good")
	assert.Equal(t, len(takeTexts(q)), 1)
	q.roomFound()
}

func TestQueueEighthFull(t *testing.T) {
	tests := []struct {
		name    string
		lengths []int
		want    bool
	}{
		{name: "empty", want: false},
		{name: "an eighth of the records", lengths: []int{1, 1}, want: false},
		{name: "more than an eighth of the records", lengths: []int{1, 1, 1}, want: true},
		{name: "an eighth of the bytes", lengths: []int{100}, want: false},
		{name: "more than an eighth of the bytes", lengths: []int{101}, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQueue(16, 800)
			for _, n := range tt.lengths {
				put(q, make([]byte, n), 0, false)
			}
			assert.Equal(t, q.eighthFull(), tt.want)
		})
	}
}
