// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hydra-logger/hydra/internal/ring"
	"github.com/hydra-logger/hydra/internal/trail"
	"github.com/hydra-logger/hydra/sink"
)

// RecoveredMessage is the message of the record that a writer puts into the stream
// behind those that a process left in a durable queue when it ended. Its attributes
// say how many they are (recovered), and how many more the sink had already (arrived);
// holes are records that a log call was about to make, whose Handle
// never returned, damaged those that are lost because their bytes were not what they
// had been, and dropped those that the full queue had dropped since its last gap
// marker; pid and since say which process it was. With Audit it ends the trail of that
// process, which goes on in what it left.
const RecoveredMessage = "hydra: the records before this one were left by a process that ended"

// An orphan is what a process that ended left in its ring, and how far it is on its
// way to the sink: first what was in flight, less what the sink has of it, then what
// was queued, run by run, each of which is in flight in that ring from then on, and
// last the record that tells of it. So whenever this process ends, the next one goes
// on where it was. The sink gets all of it before any new record. When it fails the
// recovery waits for it, and nothing of it goes to the fallback. It belongs to the
// writer, as all that is in it.
type orphan struct {
	ring    *ring.Orphan // adopted: no other process has it
	run     ring.Run
	next    uint64 // number of the first record that is queued
	batch   batch  // in flight, as far as it is not done
	trace   trace
	known   bool         // what of the batch in flight had arrived when the process ended
	told    bool         // the last batch is the one that tells
	started bool         // the ring knows that this one does so
	begun   bool         // a start before this one brought something to the sink, or was about to
	chain   *trail.Chain // of its run; nil if it had no Audit, or there is none now
	ended   bool         // the sink has it all

	recovered, arrived uint64
	damaged            uint64 // when it was adopted: these are not waited for
}

// adopt finds what ended processes left for this destination, and quarantines what
// cannot be recovered. Only the first call does so.
func (d *destination) adopt() {
	if d.config.Durable == nil || d.adopted {
		return
	}
	d.adopted = true
	found, quarantined, err := ring.Orphans(d.ringOptions())
	if err != nil {
		d.noteError("recover", err)
	}
	for _, a := range quarantined {
		d.tellQuarantined(a)
	}
	for _, c := range found {
		r, err := c.Adopt()
		var bad *ring.QuarantineError
		switch {
		case err == nil:
			o := newOrphan(r)
			o.damaged = r.Counts().Damaged
			d.resumeTrail(o)
			d.orphans = append(d.orphans, o)
		case errors.As(err, &bad):
			d.tellQuarantined(bad.Quarantined)
		case !errors.Is(err, ring.ErrTaken):
			d.noteError("recover", err)
		}
	}
	d.tellUnclaimed()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.orphans {
		d.durability.Waiting += o.records()
	}
}

// records returns how many are on their way to the sink, or queued, when o was adopted.
func (o *orphan) records() uint64 {
	return o.batch.records(o.batch.first, len(o.batch.ends)) + uint64(o.ring.Counts().Records)
}

// newOrphan returns what is in a ring.
func newOrphan(r *ring.Orphan) *orphan {
	o := &orphan{ring: r, known: true, next: r.Next()}
	b := r.Batch()
	if b == nil {
		return o
	}
	o.known = false
	o.batch = batch{bytes: b.Bytes, ends: b.Ends, done: b.Done}
	o.batch.notice, _ = slices.BinarySearch(b.Ends, b.Lead+1)
	o.batch.first, _ = slices.BinarySearch(b.Ends, b.Done+1)
	o.trace = trace{ring: r, flying: true}
	if i := b.Intent; i != nil {
		o.trace.noted, o.trace.from, o.trace.upto, o.trace.place = true, i.From, i.Upto, i.Place
	}
	return o
}

// tellQuarantined tells of a file that cannot be recovered.
func (d *destination) tellQuarantined(a ring.Quarantined) {
	d.count(&d.durability.Quarantined, 1)
	d.shared.reporter.report(Event{
		Kind: EventQuarantined, Destination: d.config.Name,
		Err: fmt.Errorf("%s (%d bytes): %s", a.Path, a.Size, a.Reason),
	})
}

// askArrived asks the sink, before it is opened, what it has of the batches that
// were in flight. Where the sink cannot tell, all that is not known to be there is
// delivered again, unless the sink does not open either, and is asked once more
// before it does.
func (d *destination) askArrived() {
	for _, o := range d.orphans {
		if o.known {
			continue
		}
		if n, err := d.arrived(o); err == nil {
			o.known = true
			d.skipArrived(o, n)
		}
	}
}

// arrived returns how many bytes of what was in flight are in the sink: as many as
// the sink says, where there is something to ask it, or else those that were settled.
func (d *destination) arrived(o *orphan) (n int, err error) {
	b, t := &o.batch, &o.trace
	s, exact := d.sink.(sink.Exact)
	if !exact || !t.noted || t.upto <= t.from || t.upto <= b.done && b.done <= b.start(b.first) {
		return b.done, nil
	}
	var ends []int
	for _, end := range b.ends {
		if end > t.from && end <= t.upto {
			ends = append(ends, end-t.from)
		}
	}
	err = d.call("recover", func(ctx context.Context) error {
		there, err := s.Arrived(ctx, t.place, b.bytes[t.from:t.upto], ends)
		n = t.from + min(max(there, 0), t.upto-t.from)
		return err
	})
	return n, err
}

// skipArrived counts the records that are whole in the first n bytes of what was in
// flight as arrived, and lets the delivery begin behind them.
func (d *destination) skipArrived(o *orphan, n int) {
	settled := o.batch.first
	o.begin(n)
	if n := o.batch.records(settled, o.batch.first); n > 0 {
		o.arrived += n
		d.mu.Lock()
		defer d.mu.Unlock()
		d.durability.Arrived += n
		d.durability.Waiting -= min(n, d.durability.Waiting)
	}
}

// begin lets the delivery of what was in flight begin with the first record that is
// not whole in the first n bytes.
func (o *orphan) begin(n int) {
	b := &o.batch
	b.first, _ = slices.BinarySearch(b.ends, n+1)
	b.done = b.start(b.first)
	o.trace.took(b.done)
}

// recover brings to the sink what is left of the orphans, and returns how many
// bytes the sink took.
func (d *destination) recover() (total int, err error) {
	for len(d.orphans) > 0 {
		o := d.orphans[0]
		if err := o.start(); err != nil {
			return total, err
		}
		for !o.ended {
			n, err := d.recoverBatch(o)
			total += n
			if err != nil {
				return total, err
			}
			d.bringOut(&o.trace)
			if err := d.shared.life.Err(); err != nil {
				return total, err
			}
			o.advance(d)
		}
		d.endOrphan(o)
		d.orphans = d.orphans[1:]
	}
	d.orphans = nil
	return total, nil
}

// start lets the ring know that its recovery has begun, if nothing else in there would
// show it: by the batch in flight, as it is, with another state. Later batches have it.
func (o *orphan) start() error {
	b := o.ring.Batch()
	if o.started || b == nil || o.chain != nil || o.told || o.begun {
		return nil
	}
	var intent *ring.Intent
	if t := &o.trace; t.noted {
		intent = &ring.Intent{From: t.from, Upto: t.upto, Place: t.place}
	}
	err := o.ring.Resume(b.First, b.Next, b.Bytes, b.Ends, b.Lead, o.trailState(), o.batch.done, intent)
	o.started = err == nil
	return err
}

// recoverBatch brings what is in flight to the sink.
func (d *destination) recoverBatch(o *orphan) (n int, err error) {
	b := &o.batch
	if !o.known { // the sink could not tell, and is open by now
		o.begin(b.done)
		o.known = true
	}
	if b.first == len(b.ends) {
		return 0, nil
	}
	o.ring.Attempt()
	outlived := time.AfterFunc(callTooLong, o.ring.Outlived) // it hangs, and harms nobody
	defer outlived.Stop()
	d.tracing = &o.trace
	defer func() { d.tracing = &d.trace }()
	n, err = d.write(b.bytes[b.done:], b.ends[b.first:], b.done, 0)
	b.done += n
	if err == nil {
		d.tookAll(&o.trace, b.done)
	} else {
		o.trace.took(b.done)
	}
	before := b.first
	for b.first < len(b.ends) && b.ends[b.first] <= b.done {
		b.first++
	}
	records := b.records(before, b.first)
	d.settle(progress{bytes: n, partial: n > 0 && b.first < len(b.ends) && b.done > b.start(b.first)})
	o.recovered += records
	if err != nil {
		o.ring.Survived()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.durability.Recovered += records
	d.durability.Waiting -= min(records, d.durability.Waiting)
	return n, err
}

// advance puts in flight what comes next: a run of what was queued, or the record
// that tells of it all.
func (o *orphan) advance(d *destination) {
	o.trace.flying = false
	o.ring.End()
	o.batch = batch{}
	first := o.next
	switch most, records := o.ring.Room(); {
	case o.told:
	case o.ring.Take(&o.run, min(takeBytes, most), min(durableRun, records)):
		o.batch = batch{bytes: o.run.Bytes, ends: o.run.Ends}
		d.stampRun(o)
		first, o.next = o.run.First, o.run.Next()
	default:
		o.told = true
		o.batch = d.recoveredMarker(o)
	}
	b := &o.batch
	if len(b.ends) == 0 {
		o.ended = true
		return
	}
	err := o.ring.Begin(first, o.next, b.bytes, b.ends, b.start(b.notice), o.trailState())
	if err != nil { // the ring of a version that made less room; the sink gets the batch all the same
		d.noteError("durable", err)
	}
	o.trace = trace{ring: o.ring, flying: err == nil}
}

// recoveredMarker returns a batch of the record that tells of an orphan, or an empty
// one if there is nothing to tell. With a trail a gap marker stands before it if
// numbers are missing at the end: the run must not end as if they had never been.
func (d *destination) recoveredMarker(o *orphan) (b batch) {
	s, from := o.ring.Counts(), o.ring.Info()
	d.tellMissing(o, &b, max(o.next, o.ring.Tail()))
	unended := o.chain != nil && o.chain.Begun // a run that left nothing else still has to end
	if o.recovered+o.arrived+s.Holes+s.Damaged+s.Dropped == 0 && !unended && !o.begun {
		return b
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, RecoveredMessage, 0)
	r.AddAttrs(slog.Uint64("recovered", o.recovered), slog.Uint64("arrived", o.arrived),
		slog.Uint64("holes", s.Holes), slog.Uint64("damaged", s.Damaged), slog.Uint64("dropped", s.Dropped),
		slog.Int("pid", from.PID), slog.Time("since", from.Created))
	p, _ := d.plain.AppendRecord(nil, r, nil)
	filtered := len(p) == 0 || len(p) > markerMost
	switch {
	case o.chain == nil && filtered:
		return b
	case filtered:
		p = o.chain.End(nil, []byte{'\n'})
	case o.chain != nil:
		p = o.chain.End(nil, p)
	}
	b.bytes = append(b.bytes, p...)
	b.ends = append(b.ends, len(b.bytes))
	b.notice++
	return b
}
