// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"slices"

	"github.com/hydra-logger/hydra/internal/ring"
	"github.com/hydra-logger/hydra/sink"
)

// flight is the part of a ring that is about the batch in flight.
type flight interface {
	Note(from, upto int, place []byte)
	Done(upto int)
	End()
}

// A ring keeps every place that a sink may note: less would not compile. A longer one
// it forgets.
const _ = uint(ring.MaxPlace - sink.MaxPlace)

var (
	_ flight = (*ring.Ring)(nil)
	_ flight = (*ring.Orphan)(nil)
)

// A trace is what the writer of a durable destination tells a ring about the batch
// in flight, so that a later process knows what the sink has of it. The writer owns
// it. Without a ring it does nothing.
//
// What is in flight is the batch as the sink will get it. Before it come, while a
// torn record waits, that record and what was before it in its own batch: thus the
// last intent, which may have begun there, stays true until the sink has the rest.
// The ring is told Done only of what is settled, so of a torn record never all; and
// the batch ends there only when nothing of it waits. A process that dies at any
// moment leaves either the batch queued, or in flight with the records that lie
// between Done and the end, the torn one first. That is what has to be brought to
// the sink, less what it had from the intent on.
type trace struct {
	ring   flight   // the own ring, or that of a process that ended; nil for none
	flying bool     // a batch is in flight there
	taken  bool     // the sink took something of it, and may hold it back
	owed   int      // how much of it is settled once that is brought out, if not 0
	state  []byte   // comes with the batch: where the audit trail stands behind it
	first  uint64   // number of the first record of the batch
	next   uint64   // likewise of the first that is queued
	base   int      // where in it the writer's batch begins
	joined struct { // a torn record, what was before it, and the batch after it
		bytes []byte
		ends  []int
		lead  int
	}

	most        int // bytes that can be in flight
	mostRecords int // and records

	at, size int // where in it the bytes are that the sink is given, and how many

	// The last intent, and whether there is one.
	noted      bool
	from, upto int
	place      []byte
}

// begin keeps the batch in the ring of a durable queue, as the sink will get it, and
// frees its space in the queue.
func (d *destination) begin() {
	r, t, b := d.queue.ring, &d.trace, &d.batch
	if r == nil || len(b.ends) == 0 {
		return
	}
	bytes, ends, lead := b.bytes, b.ends, b.start(b.notice)
	t.base = 0
	t.noted = t.noted && d.torn != nil
	if d.torn != nil {
		t.join(d.torn, b)
		bytes, ends, lead = t.joined.bytes, t.joined.ends, t.joined.lead
		t.base = len(d.torn.bytes)
	}
	t.first = t.next
	if len(b.whens) > 0 {
		t.first, t.next = d.haul.first, d.haul.first+uint64(len(b.whens))
	}
	t.ring, t.flying = r, true
	d.launch(bytes, ends, lead)
	d.tellRetired()
	if len(b.whens) > 0 {
		d.queue.release()
	}
}

// launch puts bytes in flight in the ring. If a torn record is among them, what is
// known of it comes along.
func (d *destination) launch(bytes []byte, ends []int, lead int) {
	done, intent, t := 0, (*ring.Intent)(nil), &d.trace
	if d.torn != nil {
		done = d.torn.done
	}
	if t.noted {
		intent = &ring.Intent{From: t.from, Upto: t.upto, Place: t.place}
	}
	t.state = d.trailState(t.state[:0])
	err := d.queue.ring.Resume(t.first, t.next, bytes, ends, lead, t.state, done, intent)
	if err != nil { // what is in flight is bounded, so this is a mistake in here
		d.noteError("durable", err)
	}
}

// join puts the batch behind a torn record. What was before that, it leaves out
// only where there is no room for it: the rest stays where it is in the ring, and
// what was true of it there holds at every moment.
func (t *trace) join(torn *torn, b *batch) {
	j := &t.joined
	if len(torn.bytes)+len(b.bytes) > t.most || len(torn.ends)+len(b.ends) > t.mostRecords {
		torn.bytes, torn.done = torn.bytes[torn.start:], torn.done-torn.start
		torn.ends, torn.start, torn.lead = []int{len(torn.bytes)}, 0, 0
		t.noted = false
	}
	j.lead = torn.lead // not the gap marker that b may begin with: whoever recovers it counts a record
	j.bytes = append(append(j.bytes[:0], torn.bytes...), b.bytes...)
	j.ends = append(j.ends[:0], torn.ends...)
	for _, end := range b.ends {
		j.ends = append(j.ends, len(torn.bytes)+end)
	}
}

// tear returns the first record that is not settled, of which the sink took the
// beginning, with what is before it in flight.
func (d *destination) tear() *torn {
	b, t := &d.batch, &d.trace
	bytes, ends, lead := b.bytes, b.ends, b.start(b.notice)
	if t.base > 0 {
		bytes, ends, lead = t.joined.bytes, t.joined.ends, t.joined.lead
	}
	last := len(ends) - len(b.ends) + b.first
	r := &torn{
		bytes: slices.Clone(bytes[:ends[last]]),
		ends:  slices.Clone(ends[:last+1]),
		lead:  lead,
		start: t.base + b.start(b.first),
		done:  t.base + b.done,
	}
	t.upto = min(t.upto, len(r.bytes))
	return r
}

// note is what an Exact sink calls before it carries bytes of what it was given.
func (t *trace) note(from, upto int, place []byte) {
	if from, upto = max(from, 0), min(upto, t.size); !t.flying || from >= upto {
		return
	}
	t.from, t.upto = t.at+from, t.at+upto
	t.ring.Note(t.from, t.upto, place)
	if t.noted = len(place) <= ring.MaxPlace; t.noted { // a part of a place is another place
		t.place = append(t.place[:0], place...)
	}
}

// took says how much of what is in flight is settled.
func (t *trace) took(upto int) {
	if t.flying {
		t.taken = t.taken || upto > 0
		t.owed = 0
		t.ring.Done(upto)
	}
}

// tookAll is took for all that the sink was given. Where the sink may hold it back the
// ring must not have it settled before bringOut has brought it out: until then it is in
// this process alone.
func (d *destination) tookAll(t *trace, upto int) {
	if !mayHoldBack(d.sink) {
		t.took(upto)
	} else if t.flying {
		t.taken, t.owed = true, upto
	}
}

// conclude tells the ring that the batch is over, but for a record that is torn.
func (d *destination) conclude() {
	t := &d.trace
	if !t.flying {
		return
	}
	d.bringOut(t)
	if d.torn == nil {
		if d.trailMoved() { // the fallback has lines that the trail was taken back for
			t.noted, t.first = false, t.next
			d.launch(nil, nil, 0)
		}
		t.flying = false
		t.ring.End()
		return
	}
	t.base = 0
	t.first = t.next
	d.launch(d.torn.bytes, d.torn.ends, d.torn.lead)
}
