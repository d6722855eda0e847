// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"time"

	"github.com/hydra-logger/hydra/internal/trail"
)

// divert sends what is left of the batch to the fallback, but for a record that
// is half written, and for a gap marker, which is about the sink's stream alone:
// the next one will tell the same.
func (d *destination) divert() {
	b := &d.batch
	if b.first < len(b.ends) && b.done > b.start(b.first) {
		d.torn = d.tear()
		if i := b.first - b.notice; i >= 0 {
			d.torn.whens = []uint32{b.whens[i]}
			d.mu.Lock()
			d.books.tear()
			d.mu.Unlock()
		}
		b.first++
		d.torn.reached, d.torn.before = d.reached(b.first), b.before
	} else if b.notice > 0 && b.first == 0 {
		d.marked = b.marked
	}
	d.rewind(b.first)
	b.first = max(b.first, b.notice)
	d.relink()
	if !d.divertBatch(b) {
		d.trails.aside = trail.State{} // the last of them is nowhere
	}
	d.batch = batch{} // should the sink end this goroutine now, nothing is in hand
	d.conclude()
}

// divertBatch sends the records of b from b.first on, no gap marker among them,
// to the fallback, and accounts for them. It reports whether that took all.
func (d *destination) divertBatch(b *batch) bool {
	if b.first == len(b.ends) {
		return true
	}
	taken, err := d.passOn(b)
	if err != nil {
		d.noteError("fallback", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// A ring does not keep these counts: should the process die before a gap marker tells
	// them, only the numbers of an audit trail show them to the next start.
	d.books.divert(uint64(taken), uint64(len(b.ends)-b.first-taken))
	d.noteLosses(time.Now())
	return err == nil
}

// divertTorn sends a torn record, whole, to the fallback and accounts for it.
func (d *destination) divertTorn(t *torn) {
	whole := t.bytes[t.start:]
	taken, err := d.passOn(&batch{bytes: whole, ends: []int{len(whole)}, whens: t.whens})
	if err != nil {
		d.noteError("fallback", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.books.divertTorn(uint64(taken), uint64(1-taken))
	d.noteLosses(time.Now())
}
