// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

// This file is how the two ends of a queue wait: the consumer for records, and
// producers for room.

const (
	awake   = iota
	napping // until a timer, or until the queue fills
	parked  // until a record comes
)

// sleep says how the consumer is about to wait on wake. It reports false, and
// the consumer stays awake, if there may be something to take. Consumer only.
func (q *queue) sleep(how uint32) bool {
	q.sleeping.Store(how) // before tail is read: I7
	if how == parked && (q.tail.Load()&^sealed != q.head.Load() || q.drained()) ||
		how == napping && q.plenty() {
		q.sleeping.Store(awake)
		return false
	}
	return true
}

// plenty reports whether there is so much to take that nobody should nap. It
// filled up while the consumer was busy and nobody could wake it. While the oldest
// record is not published a nap is right, however full the queue is.
func (q *queue) plenty() bool {
	_, _, ok := q.published(ticketOf(q.head.Load()))
	return ok && q.busy(q.depth())
}

// rouse wakes the consumer if it sleeps.
func (q *queue) rouse() {
	if q.sleeping.Swap(awake) != awake {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// call makes the consumer look around, whether it sleeps or is about to.
func (q *queue) call() {
	q.sleeping.Store(awake)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// expectRoom registers a producer that is about to wait for room. It must call
// roomFound when it no longer does.
func (q *queue) expectRoom() { q.waiters.Add(1) }

// roomFound takes back expectRoom.
func (q *queue) roomFound() { q.waiters.Add(-1) }

// nextRoom returns a channel that is closed when room may have appeared. A
// registered producer gets it, pushes once more and only then waits on it:
// announceRoom looks for waiters after the room is there.
func (q *queue) nextRoom() <-chan struct{} {
	q.roomMu.Lock()
	defer q.roomMu.Unlock()
	return q.room
}

// announceRoom lets every waiting producer try again. Above half it does not yet:
// the consumer goes on taking, and producers that wake to little room only wait
// once more.
func (q *queue) announceRoom() {
	if q.waiters.Load() == 0 || q.tail.Load()&sealed == 0 && q.half(q.depth()) {
		return
	}
	q.roomMu.Lock()
	defer q.roomMu.Unlock()
	if q.roomEnded {
		return
	}
	close(q.room)
	if q.tail.Load()&sealed != 0 {
		q.roomEnded = true // nobody waits any more: every push returns closed
		return
	}
	q.room = make(chan struct{})
}

// endWaiting lets every waiting producer go on, and none wait any more.
func (q *queue) endWaiting() {
	q.roomMu.Lock()
	defer q.roomMu.Unlock()
	if !q.roomEnded {
		close(q.room)
		q.roomEnded = true
	}
}
