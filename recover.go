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

// A remnant is what a process that ended left in its ring, and how far it is on its
// way to the sink: first what was in flight, less what the sink has of it, then what
// was queued, run by run, each of which is in flight in that ring from then on, and
// last the record that tells of it. So whenever this process ends, the next one goes
// on where it was. The sink gets all of it before any new record. When it fails the
// recovery waits for it, and nothing of it goes to the fallback. It belongs to the
// writer, as all that is in it.
type remnant struct {
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

// adopt finds what ended processes left for this destination, and sets aside what
// cannot be recovered. Only the first call does so.
func (d *destination) adopt() {
	if d.config.Durable == nil || d.adopted {
		return
	}
	d.adopted = true
	found, aside, err := ring.Orphans(d.ringOptions())
	if err != nil {
		d.noteError("recover", err)
	}
	for _, a := range aside {
		d.setAside(a)
	}
	for _, c := range found {
		o, err := c.Adopt()
		var bad *ring.AsideError
		switch {
		case err == nil:
			m := newRemnant(o)
			m.damaged = o.Counts().Damaged
			d.resumeTrail(m)
			d.remnants = append(d.remnants, m)
		case errors.As(err, &bad):
			d.setAside(bad.Aside)
		case !errors.Is(err, ring.ErrTaken):
			d.noteError("recover", err)
		}
	}
	d.tellUnclaimed()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.remnants {
		d.durability.Waiting += m.records()
	}
}

// records returns how many are on their way to the sink, or queued, when m was adopted.
func (m *remnant) records() uint64 {
	return m.batch.records(m.batch.first, len(m.batch.ends)) + uint64(m.ring.Counts().Records)
}

// newRemnant returns what is in a ring.
func newRemnant(o *ring.Orphan) *remnant {
	m := &remnant{ring: o, known: true, next: o.Next()}
	b := o.Batch()
	if b == nil {
		return m
	}
	m.known = false
	m.batch = batch{bytes: b.Bytes, ends: b.Ends, done: b.Done}
	m.batch.notice, _ = slices.BinarySearch(b.Ends, b.Lead+1)
	m.batch.first, _ = slices.BinarySearch(b.Ends, b.Done+1)
	m.trace = trace{ring: o, flying: true}
	if i := b.Intent; i != nil {
		m.trace.noted, m.trace.from, m.trace.upto, m.trace.place = true, i.From, i.Upto, i.Place
	}
	return m
}

// setAside tells of a file that cannot be recovered.
func (d *destination) setAside(a ring.Aside) {
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
	for _, m := range d.remnants {
		if m.known {
			continue
		}
		if n, err := d.arrived(m); err == nil {
			m.known = true
			d.skipArrived(m, n)
		}
	}
}

// arrived returns how many bytes of what was in flight are in the sink: as many as
// the sink says, where there is something to ask it, or else those that were settled.
func (d *destination) arrived(m *remnant) (n int, err error) {
	b, t := &m.batch, &m.trace
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
func (d *destination) skipArrived(m *remnant, n int) {
	settled := m.batch.first
	m.begin(n)
	if n := m.batch.records(settled, m.batch.first); n > 0 {
		m.arrived += n
		d.mu.Lock()
		defer d.mu.Unlock()
		d.durability.Arrived += n
		d.durability.Waiting -= min(n, d.durability.Waiting)
	}
}

// begin lets the delivery of what was in flight begin with the first record that is
// not whole in the first n bytes.
func (m *remnant) begin(n int) {
	b := &m.batch
	b.first, _ = slices.BinarySearch(b.ends, n+1)
	b.done = b.start(b.first)
	m.trace.took(b.done)
}

// recover brings to the sink what is left of the remnants, and returns how many
// bytes the sink took.
func (d *destination) recover() (total int, err error) {
	for len(d.remnants) > 0 {
		m := d.remnants[0]
		if err := m.start(); err != nil {
			return total, err
		}
		for !m.ended {
			n, err := d.recoverBatch(m)
			total += n
			if err == nil {
				err = d.shared.life.Err()
			}
			if err != nil {
				return total, err
			}
			if err := m.advance(d); err != nil {
				return total, err
			}
		}
		if err := d.endRemnant(m); err != nil {
			return total, err
		}
		d.remnants = d.remnants[1:]
	}
	d.remnants = nil
	return total, nil
}

// start lets the ring know that its recovery has begun, if nothing else in there would
// show it: by the batch in flight, as it is, with another state. Later batches have it.
func (m *remnant) start() error {
	b := m.ring.Batch()
	if m.started || b == nil || m.chain != nil || m.told || m.begun {
		return nil
	}
	m.started = true
	var intent *ring.Intent
	if t := &m.trace; t.noted {
		intent = &ring.Intent{From: t.from, Upto: t.upto, Place: t.place}
	}
	return m.ring.Resume(b.First, b.Next, b.Bytes, b.Ends, b.Lead, m.trailState(), m.batch.done, intent)
}

// recoverBatch brings what is in flight to the sink.
func (d *destination) recoverBatch(m *remnant) (n int, err error) {
	b := &m.batch
	if !m.known { // the sink could not tell, and is open by now
		m.begin(b.done)
		m.known = true
	}
	if b.first == len(b.ends) {
		return 0, nil
	}
	m.ring.Attempt()
	d.tracing = &m.trace
	defer func() { d.tracing = &d.trace }()
	n, err = d.write(b.bytes[b.done:], b.ends[b.first:], b.done, 0)
	b.done += n
	m.trace.took(b.done)
	before := b.first
	for b.first < len(b.ends) && b.ends[b.first] <= b.done {
		b.first++
	}
	records := b.records(before, b.first)
	d.settle(progress{bytes: n, partial: n > 0 && b.first < len(b.ends) && b.done > b.start(b.first)})
	m.recovered += records
	if err != nil {
		m.ring.Survived()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.durability.Recovered += records
	d.durability.Waiting -= min(records, d.durability.Waiting)
	return n, err
}

// advance puts in flight what comes next: a run of what was queued, or the record
// that tells of it all.
func (m *remnant) advance(d *destination) error {
	m.trace.flying = false
	m.ring.End()
	m.batch = batch{}
	first := m.next
	switch most, records := m.ring.Room(); {
	case m.told:
	case m.ring.Take(&m.run, min(takeBytes, most), min(durableRun, records)):
		m.batch = batch{bytes: m.run.Bytes, ends: m.run.Ends}
		d.stampRun(m)
		first, m.next = m.run.First, m.run.Next()
	default:
		m.told = true
		m.batch = d.recoveredMarker(m)
	}
	b := &m.batch
	if len(b.ends) == 0 {
		m.ended = true
		return nil
	}
	m.trace = trace{ring: m.ring, flying: true}
	return m.ring.Begin(first, m.next, b.bytes, b.ends, b.start(b.notice), m.trailState())
}

// recoveredMarker returns a batch of the record that tells of a remnant, or an empty
// one if there is nothing to tell. With a trail a gap marker stands before it if
// numbers are missing at the end: the run must not end as if they had never been.
func (d *destination) recoveredMarker(m *remnant) (b batch) {
	s, from := m.ring.Counts(), m.ring.Info()
	d.tellMissing(m, &b, max(m.next, m.ring.Tail()))
	unended := m.chain != nil && m.chain.Next > 1 // a run that left nothing else still has to end
	if m.recovered+m.arrived+s.Holes+s.Damaged+s.Dropped == 0 && !unended && !m.begun {
		return b
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, RecoveredMessage, 0)
	r.AddAttrs(slog.Uint64("recovered", m.recovered), slog.Uint64("arrived", m.arrived),
		slog.Uint64("holes", s.Holes), slog.Uint64("damaged", s.Damaged), slog.Uint64("dropped", s.Dropped),
		slog.Int("pid", from.PID), slog.Time("since", from.Created))
	p, _ := d.plain.AppendRecord(nil, r, nil)
	filtered := len(p) == 0 || len(p) > markerMost
	switch {
	case m.chain == nil && filtered:
		return b
	case filtered:
		p = m.chain.End(nil, []byte{'\n'})
	case m.chain != nil:
		p = m.chain.End(nil, p)
	}
	b.bytes = append(b.bytes, p...)
	b.ends = append(b.ends, len(b.bytes))
	b.notice++
	return b
}

// endRemnant makes what the sink took of a remnant safe, and removes the file.
func (d *destination) endRemnant(m *remnant) error {
	if err := d.call("flush", d.sink.Flush); err != nil {
		return err
	}
	s := m.ring.Counts()
	d.mu.Lock()
	d.durability.Holes += s.Holes
	d.durability.Damaged += s.Damaged
	d.durability.Waiting -= min(s.Damaged-m.damaged, d.durability.Waiting)
	d.mu.Unlock()
	if err := m.ring.Remove(); err != nil {
		d.noteError("recover", err)
	}
	if m.recovered+m.arrived+s.Holes+s.Damaged+s.Dropped > 0 || m.begun {
		d.shared.reporter.report(Event{
			Kind: EventRecovered, Destination: d.config.Name, Count: m.recovered,
			Err: m.leftBy(),
		})
	}
	return nil
}

// leftBy says whose the recovered records were, and of what else it left.
func (m *remnant) leftBy() error {
	text, s := fmt.Sprintf("process %d left them", m.ring.Info().PID), m.ring.Counts()
	if m.begun {
		text += "; an earlier start had begun to bring them"
	}
	for _, more := range []struct {
		n  uint64
		as string
	}{
		{m.arrived, "were in the sink already"},
		{s.Holes, "were not logged: their log calls had not returned"},
		{s.Damaged, "were damaged and are lost"},
		{s.Dropped, "the full queue had dropped"},
	} {
		if more.n > 0 {
			text += fmt.Sprintf("; %d more %s", more.n, more.as)
		}
	}
	return errors.New(text)
}

// leaveRemnants leaves to the next start what has not come to the sink.
func (d *destination) leaveRemnants() {
	for _, m := range d.remnants {
		if err := m.ring.Leave(); err != nil {
			d.noteError("recover", err)
		}
	}
	d.remnants = nil
}
