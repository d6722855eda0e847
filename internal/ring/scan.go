// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"cmp"
	"slices"
)

// An entry is a record that a slot speaks of.
type entry struct {
	number   uint64
	position uint32
	length   uint32
	sum      uint64
}

func (e *entry) ticket() uint32 { return uint32(e.number) & ticketMask }

// Kinds of slots.
const (
	unused  = iota // never stored, but for what comes before the tag
	stale          // of a record before the head
	sound          // of a record that is there, whole
	broken         // of a record whose bytes or place are not what they were
	garbage        // nothing that a producer stores
)

// scan finds the records of the queue, from the head on. base is a number that is not
// far from theirs. It looks at every slot, and believes one only if everything about it
// fits: the bytes may be of any age, and anybody's.
func (o *Orphan) scan(base uint64) {
	n := len(o.slots)
	kinds, entries := make([]uint8, n), make([]entry, n)
	for i := range n {
		kinds[i], entries[i] = o.classify(uint32(i), base)
	}
	o.queue = o.chain(kinds, entries)
	oldest, newest := o.next, o.next-1
	if k := len(o.queue); k > 0 {
		oldest, newest = o.queue[0].number, o.queue[k-1].number
	}
	for i := range o.queue {
		o.counts.Bytes += int64(o.queue[i].length)
	}
	o.counts.Records = len(o.queue)
	o.tail = newest + 1
	first := o.next
	if newest-first+1 > uint64(n) { // the slots of the ones before are others' by now
		first = newest + 1 - uint64(n)
	}
	o.counts.Dropped = first - o.next
	// What ought to be in each slot: the records up to the newest, and in the rest those that
	// came a lap before the next ones, unless a producer was about to replace one.
	for number := first; number != first+uint64(n); number++ {
		i := uint32(number) & o.mask
		e, lap := &entries[i], number-uint64(n)
		own := kinds[i] != unused && kinds[i] != garbage && e.number == number
		old := kinds[i] == unused && int64(lap-o.limits.First) < 0 || kinds[i] > unused && kinds[i] < garbage && e.number == lap
		switch inside := int64(newest-number) >= 0; {
		case own && kinds[i] == sound:
		case inside && old:
			o.counts.Holes++
		case inside && number < oldest:
			o.counts.Dropped++
		case inside || own:
			o.counts.Damaged++
			o.tail = max(o.tail, number+1)
		case old || int64(lap-o.next) >= 0: // taken, or dropped and counted
		default:
			o.counts.Damaged++
			if number == o.tail {
				o.tail++
			}
		}
	}
}

// classify looks at a slot.
func (o *Orphan) classify(i uint32, base uint64) (kind uint8, e entry) {
	var s slot
	if !o.try(func() { s = o.slots[i] }) {
		return garbage, e
	}
	if s.tag == 0 {
		return unused, e
	}
	t := s.tag ^ o.salt
	ticket := uint32(t>>32) & ticketMask
	e = entry{number: near(base, ticket), position: uint32(s.place), length: uint32(t>>8) & maxLength, sum: s.sum}
	if t&taggedMask != tagged || ticket&o.mask != i || s.place >= uint64(len(o.data)) ||
		e.length == 0 || uint64(e.length) > uint64(len(o.data)) {
		return garbage, e
	}
	if int64(e.number-o.next) < 0 {
		return stale, e
	}
	if !o.try(func() { o.buf = o.cut(o.buf[:0], e) }) || checksum(seedOf(s.tag, e.position), o.buf) != s.sum {
		return broken, e
	}
	return sound, e
}

// chain returns the sound entries, oldest first, that can have been in the queue at the
// same time: none is a lap behind another, and their bytes lie in the order of their
// numbers and less than once around. The others become broken.
func (o *Orphan) chain(kinds []uint8, entries []entry) []entry {
	var all []int
	for i, k := range kinds {
		if k == sound {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b int) int {
		return cmp.Compare(entries[b].number, entries[a].number) // newest first
	})
	var good []entry
	used := uint64(0)
	for k, i := range all {
		e := entries[i]
		if k > 0 {
			newer := good[len(good)-1]
			end := uint64(o.behind(e.position, int(e.length)))
			gap := (uint64(newer.position) + uint64(len(o.data)) - end) % uint64(len(o.data))
			span := used + gap + uint64(e.length)
			if good[0].number-e.number >= uint64(len(o.slots)) || span > uint64(len(o.data)) {
				kinds[i] = broken
				continue
			}
			used = span
		} else {
			used = uint64(e.length)
		}
		good = append(good, e)
	}
	slices.Reverse(good)
	return good
}
