// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"encoding/binary"
	"fmt"
)

// A journal is what a ring keeps of the batch in flight. It belongs to the consumer.
type journal struct {
	file   *file
	plan   plan
	limits Geometry
	seq    uint32 // of the last batch
	active bool   // it is in flight
	next   uint64 // number of the first record behind it
	notes  uint32 // intents so far
	fresh  bool   // nothing came of it yet, and attempts count

	step func() // for tests, after each store that a later process may see
}

func (j *journal) lay(f *file, l *label, p plan) {
	j.file, j.plan, j.limits, j.next = f, p, l.geometry, l.geometry.First
}

// Begin keeps a batch as the sink will get it, its bytes with the end of each line, and
// at the same instant moves the head of the queue to next: the space of the records is
// free when Begin returns. The batch has the records from first to next, those of them
// that the caller has left out included. lead is how many bytes at the start are no
// record, a gap marker; state, at most MaxState bytes, is kept until the next Begin, and
// may be what the next batch builds upon.
//
// A batch before that has not ended ends at that same instant. Should the process end
// earlier it is in flight still, if the first of the bytes and of the ends are its own.
//
// An error says that the batch is larger than the Geometry. Nothing has changed then.
func (j *journal) Begin(first, next uint64, bytes []byte, ends []int, lead int, state []byte) error {
	return j.Resume(first, next, bytes, ends, lead, state, 0, nil)
}

// Resume is Begin for a batch of which something is known already, as if Done and Note
// had said it at the same instant: for a batch that takes over what is left of one.
func (j *journal) Resume(first, next uint64, bytes []byte, ends []int, lead int, state []byte, done int, in *Intent) error {
	switch {
	case len(bytes) > j.limits.Batch:
		return fmt.Errorf("ring: a batch of %d bytes is larger than Geometry.Batch, %d", len(bytes), j.limits.Batch)
	case len(ends) > j.limits.BatchRecords:
		return fmt.Errorf("ring: a batch of %d records is larger than Geometry.BatchRecords, %d", len(ends), j.limits.BatchRecords)
	case len(state) > MaxState:
		return fmt.Errorf("ring: a state of %d bytes is longer than %d", len(state), MaxState)
	}
	j.file.Look()
	seq, n := (j.seq+1)&ticketMask, uint32(0)
	if in != nil {
		n = j.noteNumber(in.Place)
	}
	j.file.touch(func() {
		m := j.file.image
		copy(m[j.plan.batch:], bytes)
		j.stored()
		to := m[j.plan.ends : j.plan.ends+4*len(ends)]
		for i, end := range ends {
			binary.NativeEndian.PutUint32(to[4*i:], uint32(end))
		}
		sum := checksum(checksum(j.file.salt, bytes), to)
		j.stored()
		if n != 0 {
			j.intent(seq, n, in.From, in.Upto, in.Place)
		}
		j.account(seq, account{
			first: first, next: next, bytes: len(bytes), records: len(ends), lead: lead, payload: sum, state: state,
			done: uint32(done), intent: n,
		})
		j.status(seq, true)
	})
	j.seq, j.active, j.next = seq, true, next
	return nil
}

// Next returns the number of the first record that is queued.
func (j *journal) Next() uint64 { return j.next }

// Note keeps what the sink is about to do: bytes [from, upto) of the batch go to place,
// of at most MaxPlace bytes; a longer one is not kept, and nothing of what was noted
// before. It may be called from any goroutine, while the consumer waits for it.
func (j *journal) Note(from, upto int, place []byte) {
	if !j.active {
		return
	}
	n := j.noteNumber(place)
	j.file.touch(func() {
		if n != 0 {
			j.intent(j.seq, n, from, upto, place)
		}
		j.set(accountAt(j.seq)+accIntent, n, j.seq)
	})
}

// noteNumber returns the number of the next intent, which is not where the last one is,
// or 0 if the place is too long.
func (j *journal) noteNumber(place []byte) uint32 {
	if len(place) > MaxPlace {
		return 0
	}
	j.notes = (j.notes + 1) & ticketMask
	if j.notes == 0 {
		j.notes = 2 // 0 stands for none; as even as 0
	}
	return j.notes
}

// Done says that the first upto bytes of the batch are settled: they have arrived, or
// went elsewhere for good. After a crash they are not delivered again.
func (j *journal) Done(upto int) {
	if !j.active {
		return
	}
	j.file.touch(func() { j.set(accountAt(j.seq)+accDone, uint32(upto), j.seq) })
	if upto > 0 {
		j.Survived()
	}
}

// End says that the batch is over: nothing of it is delivered again.
func (j *journal) End() {
	if !j.active {
		return
	}
	j.file.touch(func() { j.status(j.seq, false) })
	j.active = false
	j.Survived()
}

// An account is what the head says of a batch.
type account struct {
	first, next          uint64
	bytes, records, lead int
	payload              uint64
	state                []byte
	done, intent         uint32
}

// account stores what is to hold once the status says so.
func (j *journal) account(seq uint32, a account) {
	m, off := j.file.image, accountAt(seq)
	m.store(off+accSeq, uint64(seq))
	m.store(off+accFirst, a.first)
	m.store(off+accNext, a.next)
	m.store(off+accBytes, uint64(a.bytes))
	m.store(off+accRecords, uint64(a.records))
	m.store(off+accLead, uint64(a.lead))
	m.store(off+accStateLen, uint64(len(a.state)))
	m.store(off+accPayload, a.payload)
	j.stored()
	clear(m[off+accState : off+accState+MaxState])
	copy(m[off+accState:], a.state)
	j.stored()
	j.set(off+accDone, a.done, seq)
	j.set(off+accIntent, a.intent, seq)
	m.store(off+accSum, checksum(j.file.salt, m[off:off+accSum]))
	j.stored()
}

// intent stores an intent, which holds once the account of the batch says so.
func (j *journal) intent(seq, n uint32, from, upto int, place []byte) {
	m, off := j.file.image, intentAt(n)
	m.store(off+intFrom, uint64(from))
	m.store(off+intUpto, uint64(upto))
	m.store(off+intPlaceLen, uint64(len(place)))
	copy(m[off+intPlace:off+intPlace+MaxPlace], place)
	j.stored()
	m.store(off+intSum, sumOfIntent(m, j.file.salt, n, seq))
	j.stored()
}

// status makes the account of a batch the one that holds.
func (j *journal) status(seq uint32, active bool) {
	v := seq << 1
	if active {
		v |= 1
	}
	j.file.image.store(offStatus, seal(v, j.file.salt, offStatus))
	j.stored()
}

// set stores a word that holds for the batch seq only.
func (j *journal) set(off int, v, seq uint32) {
	j.file.image.store(off, seal(v, j.file.salt+uint64(seq)<<32, off))
	j.stored()
}

// Survived forgets the attempts to recover: something came of one, or one failed
// and the process lives, so it does no harm to try again.
func (j *journal) Survived() {
	if j.fresh {
		j.fresh = false
		j.file.touch(func() { j.file.image.store(offAttempts, seal(0, j.file.salt, offAttempts)) })
	}
}

func (j *journal) stored() {
	if j.step != nil {
		j.step()
	}
}

// sumOfIntent covers the intent n of the batch seq, as it is stored.
func sumOfIntent(m image, salt uint64, n, seq uint32) uint64 {
	off := intentAt(n)
	return checksum(salt+uint64(seq)<<32+uint64(n), m[off:off+intSum])
}

func accountAt(seq uint32) int { return offAccounts + int(seq&1)*accountBytes }
func intentAt(n uint32) int    { return offIntents + int(n&1)*intentBytes }
