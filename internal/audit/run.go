// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package audit

import (
	"cmp"
	"slices"

	"github.com/hydra-logger/hydra/internal/trail"
)

// A run is what was seen of one run so far.
type run struct {
	id   trail.Run
	file uint32 // in which it was seen last, from 1 on
	next uint64 // behind the line seen last

	files   []string
	lines   []span // numbers that are lines
	told    []span // numbers that gap markers tell of
	markers uint64
	ends    []end
	cut     bool   // lines must not go on with the last span
	lowest  uint64 // where the first of its lines stands, were they in order
	pieces  []piece
	forks   []fork

	disorder, forged, unproven, unkeyed Finding
}

// A span is numbers in a row, from lines in a row.
type span struct {
	first, last    uint64
	file, from, to uint32 // file from 1 on, and the lines that begin and end it
}

// An end is the line that ends a run.
type end struct {
	last uint64
	at   span
}

// A piece is lines of a run in a row in one file, each of which tells the MAC that
// the next has to be linked to.
type piece struct {
	head *head     // nil if the first line is linked to the start of the run, or has no MAC
	next uint64    // behind the last line
	mac  trail.MAC // of the last line
	used bool      // another piece goes on behind it
}

// A fork is where a fallback's records may go on: the first that a gap marker tells of,
// or the one behind if the marker did not come through at once, is linked to the line
// before the marker.
type fork struct {
	first, last uint64 // numbers that such a record may have
	mac         trail.MAC
}

// A head is the first line of a piece, which may be linked to the end of any other.
type head struct {
	mark  trail.Mark
	alone *trail.Part
	whole *trail.Part // with lines without a trail in front of it; nil if there are none
	bare  []uint32    // these
	many  uint64
	at    Place
	file  int
}

// cover notes the numbers that a line stands for or tells of. It returns by how much
// that made the run larger.
func (r *run) cover(m *trail.Mark, file, line uint32) int {
	if r.lowest == 0 || m.First < r.lowest {
		r.lowest = m.First
	}
	s := span{m.First, m.Last, file, line, line}
	switch m.Kind {
	case trail.End:
		if len(r.ends) == maxPlaces {
			return 0 // more than enough to be told of
		}
		r.ends = append(r.ends, end{m.Last, s})
		r.cut = true
		return 1
	case trail.Gap:
		r.markers++
		if m.Last < m.First {
			return 0
		}
		return extend(&r.told, s)
	}
	if r.cut { // what is behind an end should be told from what is before it
		r.cut = false
		r.lines = append(r.lines, s)
		return 1
	}
	return extend(&r.lines, s)
}

// extend adds s to spans, or to the last of them if it goes on there.
func extend(spans *[]span, s span) int {
	if n := len(*spans); n > 0 {
		if last := &(*spans)[n-1]; last.file == s.file && last.last+1 == s.first {
			last.last, last.to = s.last, s.to
			return 0
		}
	}
	*spans = append(*spans, s)
	return 1
}

// fork notes where a fallback's records may go on, if m is of a gap marker behind a
// line with the MAC before. It returns by how much that made the run larger.
func (r *run) fork(m *trail.Mark, before trail.MAC) int {
	if m.Kind != trail.Gap {
		return 0
	}
	r.forks = append(r.forks, fork{m.First, m.Next(), before})
	return 1
}

// join links the heads of pieces to what may be before them; gap markers first, which
// tell where others may be linked to.
func (r *run) join(files []File) {
	ends := slices.Clone(r.pieces)
	slices.SortFunc(ends, func(a, b piece) int { return cmp.Compare(a.next, b.next) })
	for _, kind := range []trail.Kind{trail.Gap, trail.Line, trail.End} {
		slices.SortFunc(r.forks, func(a, b fork) int { return cmp.Compare(a.first, b.first) })
		for _, p := range r.pieces {
			if h := p.head; h != nil && h.mark.Kind == kind {
				r.place(h, ends)
				files[h.file].note(h.bare, h.many)
			}
		}
	}
}

// place looks for what is before a head: the end of a piece, or of what a gap marker is
// behind.
func (r *run) place(h *head, ends []piece) {
	first := h.mark.First
	known := first == 1 // Auditor.link has tried the start of the run
	at, _ := slices.BinarySearchFunc(ends, first, func(e piece, n uint64) int { return cmp.Compare(e.next, n) })
	for tries := 0; at < len(ends) && ends[at].next == first && tries < maxTries; at++ {
		e := &ends[at]
		if e.head == h {
			continue // a piece without numbers, which is not behind itself
		}
		if known = true; !e.used && h.follows(e.mac) {
			e.used = true
			r.fork(&h.mark, e.mac)
			return
		}
		tries++
	}
	at, _ = slices.BinarySearchFunc(r.forks, first+1, func(f fork, n uint64) int { return cmp.Compare(f.first, n) })
	for tries := 0; h.mark.Kind == trail.Line && at > 0 && tries < maxTries; tries++ {
		at--
		f := &r.forks[at]
		if f.last >= first && h.follows(f.mac) {
			return
		}
		known = known || f.first == first // whatever has that number is linked to the line before the marker
	}
	if known {
		r.forged.add(h.at)
	} else {
		r.unproven.add(h.at)
	}
}

// maxTries bounds the pieces that end at one place, of which there is more than one
// only where files were tampered with, or gap markers without numbers begin files.
const maxTries = 64

// follows reports whether the head has the MAC that it has to have behind this one.
func (h *head) follows(before trail.MAC) bool {
	if h.alone.Link(before) == h.mark.MAC {
		return true
	}
	if h.whole == nil || h.whole.Link(before) != h.mark.MAC {
		return false
	}
	h.bare, h.many = nil, 0
	return true
}

// count sorts spans, and returns how many numbers they hold, each counted once, and
// how many they hold more than once, the second times beginning at these lines.
func count(spans []span, name func(span) Place) (once uint64, twice Finding) {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last))
	})
	next := uint64(0)
	for _, s := range spans {
		if s.first < next {
			twice.addMany(name(s), min(s.last+1, next)-s.first)
		}
		if s.last+1 > next {
			once += s.last + 1 - max(s.first, next)
			next = s.last + 1
		}
	}
	return once, twice
}
