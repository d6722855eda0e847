// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"cmp"
	"slices"
	"strings"
)

// This file is how one destination stands in for another: Destination.Fallback.
//
// What a sink did not take is pushed into the queue of the next destination, by the
// writer that had it in hand, and from then on is a record of that one: it counts
// here as gone to the fallback, and there as offered. Pushing never waits, so a
// writer never depends on another.
//
// A destination that stands in for others takes records from them for as long as
// one of them may have any. So Close does not seal its queue: it refuses log calls,
// and whoever leaves it last, a writer that has brought out all it had or the Close
// that took over from one, seals.

// connect finds the destinations that the Fallback fields of all name. It empties
// a field that makes no sense.
func (c *checker) connect(all []*destination) {
	for _, d := range all {
		name := d.config.Fallback
		if name == "" {
			continue
		}
		path := d.path + ".Fallback"
		i := slices.IndexFunc(all, func(o *destination) bool { return o.config.Name == name })
		d.config.Fallback = ""
		switch {
		case i < 0 && c.merged[name]: // what is wrong there has been said
		case i < 0:
			c.note(path, "no destination has the name %q; use one of %s, or leave it empty for Config.Fallback", name, others(all, d))
		case all[i] == d:
			c.note(path, "%q is this destination itself; name another, or leave it empty for Config.Fallback", name)
		case leads(all[i], d):
			c.note(path, "%q leads back here (%s); leave one of these empty for Config.Fallback", name, chain(d, all[i]))
		case d.config.Durable != nil && all[i].config.Durable == nil:
			c.note(path, "%q has its queue in memory, where the end of the process would take what this durable one hands on; give it a Durable, or leave this empty for Config.Fallback", name)
		default:
			d.config.Fallback, d.next = name, all[i]
			d.next.serves = true
			d.next.feeders.Add(1)
		}
	}
}

// leads reports whether the chain from one destination comes to another.
func leads(from, to *destination) bool {
	for from != nil && from != to {
		from = from.next
	}
	return from == to
}

// chain says how a chain that begins at d, and goes on at next, leads back to d.
func chain(d, next *destination) string {
	var b strings.Builder
	b.WriteString(d.config.Name)
	for ; next != d; next = next.next {
		b.WriteString(" -> " + next.config.Name)
	}
	b.WriteString(" -> " + d.config.Name)
	return b.String()
}

// others lists the names of the destinations but d, as far as fits a message.
func others(all []*destination, d *destination) string {
	const shown = 8
	var names []string
	for _, o := range all {
		if o != d {
			names = append(names, `"`+o.config.Name+`"`)
		}
	}
	if len(names) == 0 {
		return "another destination, once there is one"
	}
	if len(names) > shown {
		names = append(names[:shown], "…")
	}
	return strings.Join(names, ", ")
}

// passOn brings the records of b from b.first on, no gap marker among them, to
// where this destination's go that its sink will not have. It returns how many
// of them were taken, and an error if that is not all.
func (d *destination) passOn(b *batch) (taken int, err error) {
	if d.next != nil {
		d.next.admit(b)
		return len(b.ends) - b.first, nil // what becomes of them is the next one's account
	}
	for i := b.first; i < len(b.ends); {
		start, upto := b.start(i), i+1
		for upto < len(b.ends) && b.ends[upto]-start <= takeBytes { // what the fallback has the patience for
			upto++
		}
		n, failure := d.shared.fallback.write(b.bytes[start:b.ends[upto-1]])
		for _, end := range b.ends[i:upto] {
			if end-start <= n {
				taken++
			}
		}
		err = cmp.Or(err, failure)
		if failure == errFallbackHangs {
			break // as it will for the next
		}
		i = upto
	}
	return taken, err
}

// admit brings records into the queue that another destination's sink did not
// take, b as in passOn. Those that find no room, whatever the policy makes, go
// where this destination's go that its sink will not have. It never waits for room.
func (d *destination) admit(b *batch) {
	var left batch
	for i := b.first; i < len(b.ends); i++ {
		p, when := b.bytes[b.start(i):b.ends[i]], b.whens[i-b.notice]
		if !d.admitRecord(p, when) {
			left.bytes = append(left.bytes, p...)
			left.ends = append(left.ends, len(left.bytes))
			left.whens = append(left.whens, when)
		}
	}
	if len(left.ends) == 0 {
		return
	}
	taken, err := d.passOn(&left)
	if err != nil {
		d.noteError("fallback", err)
	}
	d.bypassed.Add(uint64(taken))
	d.forfeited.Add(uint64(len(left.ends) - taken))
}

// admitRecord is admit for one record, and reports whether there was room.
func (d *destination) admitRecord(p []byte, when uint32) bool {
	if d.shared.pressure.high.Load() && d.queue.eighthFull() {
		return false
	}
	switch o, _ := d.queue.push(p, when, d.config.Policy == DropOldest); o {
	case accepted:
		return true
	case crowded:
		d.noteHigh()
		return true
	case tooLarge:
		d.tellTooLarge(len(p))
	}
	return false
}

// refuses reports whether Close has begun, for a destination whose queue is still
// open to others then. The queue of any other is sealed, which push tells.
func (d *destination) refuses() bool { return d.serves && d.refusing.Load() }

// refuse ends the intake from log calls.
func (d *destination) refuse() {
	if d.serves {
		d.refusing.Store(true)
		d.queue.endWaiting() // after refusing: who waited looks there
	}
	d.release()
}

// leave says that no record will come from d to the next destination but what the
// seal turns away. It may be said more than once.
func (d *destination) leave() {
	d.leaving.Do(func() {
		close(d.left)
		if d.next != nil {
			d.next.release()
		}
	})
}

// release seals the queue when nobody is left who brings records: neither log
// calls nor destinations that this one stands in for.
func (d *destination) release() {
	if d.feeders.Add(-1) == 0 {
		d.queue.seal()
	}
}

// tiers sorts destinations so that each comes in a later tier than all that it
// stands in for.
func tiers(all []*destination) [][]*destination {
	depth := make(map[*destination]int, len(all))
	deepest := 0
	for _, d := range all {
		for at := 0; d != nil; d, at = d.next, at+1 {
			depth[d] = max(depth[d], at)
			deepest = max(deepest, at)
		}
	}
	sorted := make([][]*destination, deepest+1)
	for _, d := range all {
		sorted[depth[d]] = append(sorted[depth[d]], d)
	}
	return sorted
}
