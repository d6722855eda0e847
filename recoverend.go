// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"errors"
	"fmt"

	"github.com/hydra-logger/hydra/internal/ring"
)

// This file is the end of a recovery: what is told of it, or where what is left goes.

// endOrphan makes what the sink took of an orphan safe, and removes the file. A Flush
// that fails is counted, as that of a batch is: the sink has all of it, the file nothing
// any more, and what is logged now need not wait for that.
func (d *destination) endOrphan(o *orphan) {
	_ = d.flushSink()
	s := d.countDamage(o)
	if err := o.ring.Remove(); err != nil {
		d.noteError("recover", err)
	}
	if o.recovered+o.arrived+s.Holes+s.Damaged+s.Dropped > 0 || o.begun {
		d.shared.reporter.report(Event{
			Kind: EventRecovered, Destination: d.config.Name, Count: o.recovered,
			Err: o.leftBy(),
		})
	}
}

// countDamage counts what nobody will get of an orphan, and returns its counts.
func (d *destination) countDamage(o *orphan) ring.Counts {
	s := o.ring.Counts()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.durability.Holes += s.Holes
	d.durability.Damaged += s.Damaged
	d.durability.Waiting -= min(s.Damaged-o.damaged, d.durability.Waiting)
	return s
}

// leftBy says whose the recovered records were, and of what else it left.
func (o *orphan) leftBy() error {
	text, s := fmt.Sprintf("process %d left them", o.ring.Info().PID), o.ring.Counts()
	if o.begun {
		text += "; an earlier start had begun to bring them"
	}
	for _, more := range []struct {
		n  uint64
		as string
	}{
		{o.arrived, "were in the sink already"},
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

// leaveOrphans leaves to the next start what has not come to the sink. What is in a file
// that is gone by then, no start would find: it goes to the fallback.
func (d *destination) leaveOrphans() {
	for _, o := range d.orphans {
		if o.ring.Look(); o.ring.Retired() != nil {
			d.divertOrphan(o)
		}
		if err := o.ring.Leave(); err != nil {
			d.noteError("recover", err)
		}
	}
	d.orphans = nil
}

// divertOrphan sends to the fallback what is left of an orphan, whose file is gone but
// still in memory.
func (d *destination) divertOrphan(o *orphan) {
	for !o.ended {
		b := &o.batch
		b.first = max(b.first, b.notice) // a gap marker is about the sink's stream alone
		if left := len(b.ends) - b.first; left > 0 {
			b.whens = make([]uint32, len(b.ends)-b.notice)
			taken, err := d.passOn(b)
			if err != nil {
				d.noteError("fallback", err)
			}
			d.mu.Lock()
			d.durability.Fallback += uint64(taken)
			d.durability.Lost += uint64(left - taken)
			d.durability.Waiting -= min(uint64(left), d.durability.Waiting)
			d.mu.Unlock()
		}
		o.advance(d)
	}
	d.countDamage(o)
}
