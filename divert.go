// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"slices"
	"time"
)

// divert sends what is left of the batch to the fallback, but for a record that
// is half written, and for a gap marker, which is about the sink's stream alone:
// the next one will tell the same.
func (d *destination) divert() {
	b := &d.batch
	if b.first < len(b.ends) && b.done > b.start(b.first) {
		d.torn = &torn{bytes: slices.Clone(b.bytes[b.start(b.first):b.ends[b.first]]), done: b.done - b.start(b.first)}
		if i := b.first - b.notice; i >= 0 {
			d.torn.whens = []uint32{b.whens[i]}
			d.mu.Lock()
			d.books.tear()
			d.mu.Unlock()
		}
		b.first++
	} else if b.notice == 1 && b.first == 0 {
		d.marked = b.marked
		b.first = 1
	}
	d.divertBatch(b)
	b.first = len(b.ends)
}

// divertBatch sends the records of b from b.first on, no gap marker among them,
// to the fallback, and accounts for them.
func (d *destination) divertBatch(b *batch) {
	if b.first == len(b.ends) {
		return
	}
	start := b.start(b.first)
	n, err := d.shared.fallback.write(b.bytes[start:])
	taken := b.first
	for taken < len(b.ends) && b.ends[taken]-start <= n {
		taken++
	}
	if err != nil {
		d.noteError("fallback", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.books.divert(uint64(taken-b.first), uint64(len(b.ends)-taken))
	d.noteLosses(time.Now())
}

// divertTorn sends a torn record, whole, to the fallback and accounts for it.
func (d *destination) divertTorn(t *torn) {
	_, err := d.shared.fallback.write(t.bytes)
	if err != nil {
		d.noteError("fallback", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.books.divertTorn(1, 0)
	} else {
		d.books.divertTorn(0, 1)
	}
	d.noteLosses(time.Now())
}
