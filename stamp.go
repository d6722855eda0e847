// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/hydra-logger/hydra/internal/trail"
)

// trails is what a writer needs to put trails on its lines. The chain stands behind
// the last line that was stamped: what the sink does not take must be taken back, so
// that the chain in its stream has no hole but those that gap markers tell of.
type trails struct {
	run    trail.Run    // immutable, as the chain's State is not: Health reads it
	chain  *trail.Chain // nil without Audit
	bytes  []byte       // the batch with its trails
	ending bool         // the batch is the one that ends the run

	// Records that are diverted make a chain of their own, wherever they go.
	aside trail.State // behind the last of them; zero if it is nowhere
	fork  trail.State // where the chain stood then
}

// stamp puts trails on the lines of the batch.
func (d *destination) stamp() {
	t := &d.trails
	if t.chain == nil {
		return
	}
	b := &d.batch
	if t.ending {
		b.bytes = append(b.bytes, d.ending()...)
		b.ends = append(b.ends, len(b.bytes))
		b.notice++
	}
	b.before = t.chain.State
	t.bytes = t.bytes[:0]
	start, number := 0, d.haul.first
	for i, end := range b.ends {
		record := b.bytes[start:end]
		start = end
		switch {
		case i >= b.notice:
			number++
			t.bytes = t.chain.Line(t.bytes, record, number)
		case t.ending && i == b.notice-1:
			t.bytes = t.chain.End(t.bytes, record)
		default:
			t.bytes = t.chain.Gap(t.bytes, record, number)
		}
		b.ends[i] = len(t.bytes)
	}
	b.bytes = t.bytes
}

// rewind takes back the trails of the lines of the batch from line i on, which do not
// come into the sink's stream, or not now. Without its last line the run has no end.
func (d *destination) rewind(i int) {
	t, b := &d.trails, &d.batch
	t.ending = t.ending && i == b.notice
	switch {
	case t.chain == nil:
	case b.before == (trail.State{}): // nothing was stamped: the writer was ended before that
	case i == 0:
		t.chain.State = b.before
	default:
		t.chain.Return(b.bytes[b.start(i-1):b.ends[i-1]])
	}
}

// relink makes the records of the batch that are to be diverted a chain of their own:
// it begins behind what the sink has whole, and goes on until the sink has more and
// numbers are between.
func (d *destination) relink() {
	t, b := &d.trails, &d.batch
	if t.chain == nil || b.first == len(b.ends) {
		return
	}
	stream, next := t.chain.State, d.reached(b.first)+1
	switch {
	case t.aside.Next > 0 && (t.fork == stream || t.aside.Next == next):
		t.chain.State = t.aside
	case d.torn != nil && len(d.torn.whens) == 0 && stream.Next == next: // Close may drop half a gap marker
		t.chain.State = d.torn.before
	}
	for i := b.first; i < len(b.ends); i++ {
		t.chain.Relink(b.bytes[b.start(i):b.ends[i]])
	}
	t.fork, t.aside, t.chain.State = stream, t.chain.State, stream
}

// endTrail ends an audited run with a line that says so. The sink may refuse it: then
// the run just stops.
func (d *destination) endTrail() {
	if d.trails.chain == nil {
		return
	}
	d.mu.Lock()
	begun := d.books.written+d.books.notices > 0
	d.mu.Unlock()
	if begun { // a stream without a line needs no last one
		h := &d.haul // a gap marker may just have been delivered from its room
		h.bytes, h.ends, h.whens = h.bytes[:0], h.ends[:0], h.whens[:0]
		d.trails.ending = true
		d.deliver()
	}
}

// ending returns the record that ends a run.
func (d *destination) ending() []byte {
	record, _ := d.plain.AppendRecord(nil, slog.NewRecord(time.Now(), slog.LevelInfo, EndMessage, 0), nil)
	if len(record) == 0 {
		return []byte{'\n'} // a format that writes nothing has filtered it
	}
	return record
}

// reached returns the ticket behind the first n lines of the batch.
func (d *destination) reached(n int) uint64 { return d.haul.first + uint64(max(n-d.batch.notice, 0)) }

// lastTrail returns the run and the number that the sink's stream has come to, if it
// has trails. The caller holds mu.
func (d *destination) lastTrail() string {
	if d.trails.chain == nil {
		return ""
	}
	return fmt.Sprintf("%s.%d", d.trails.run, d.books.reached)
}
