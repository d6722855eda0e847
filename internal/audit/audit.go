// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package audit reads log files whose lines have trails (package trail) and says what
// they prove: that every number of a run is a line or told to be missing, once, and,
// with the key, that nobody changed a line or took one away.
package audit

import (
	"errors"
	"math"
	"math/bits"
	"slices"

	"github.com/hydra-logger/hydra/internal/trail"
)

// An Auditor reads files, in any order, one line at a time, and then reports. What it
// keeps grows with the number of runs and of interruptions in them, not with that of
// lines, and is bounded. Make one with New. It is not safe for concurrent use.
type Auditor struct {
	key   *trail.Key // nil: numbers alone
	files []File
	runs  map[trail.Run]*run
	order []*run // as first seen
	kept  int    // spans, pieces and files of runs
	heads int    // of pieces

	// Lines without a trail may be the first ones of a record of several lines, of
	// which only the last has a trail.
	bare []uint32    // numbers of such lines, the latest; at most len(Finding.At)
	many uint64      // how many they are
	part *trail.Part // with a key: of their bytes
}

// File is what was in a file.
type File struct {
	Name    string  `json:"name"`
	Lines   uint64  `json:"lines"`
	Trailed uint64  `json:"trailed"`         // lines that have a trail
	Bare    Finding `json:"bare,omitzero"`   // lines that have none
	Damage  string  `json:"damage,omitzero"` // why the file could not be read to its end

	line uint32 // number of the current one
}

// Place is a line of a file.
type Place struct {
	File string `json:"file"`
	Line uint32 `json:"line"`
}

// Finding is how often something was found, and where at first.
type Finding struct {
	Count uint64  `json:"count"`
	At    []Place `json:"at,omitempty"`
}

const (
	maxPlaces = 16      // of a finding
	maxRuns   = 1 << 17 // these bound the memory to some hundred megabytes
	maxKept   = 1 << 22
	maxHeads  = 1 << 16 // lines that wait for the MAC before them
)

var errTooMany = errors.New("too many runs or interruptions; audit fewer files at once")

// New returns an Auditor. An empty key means that MACs are not looked at.
func New(key []byte) *Auditor {
	a := &Auditor{runs: make(map[trail.Run]*run)}
	if len(key) > 0 {
		a.key = trail.NewKey(key)
	}
	return a
}

// add takes the next line of the last file.
func (a *Auditor) add(line []byte) error {
	f := &a.files[len(a.files)-1]
	f.Lines++
	f.line++
	m, covered, ok := trail.Parse(line)
	if !ok || line[len(line)-1] != '\n' { // a line that is cut off may end within its trail
		a.addBare(line)
		return nil
	}
	f.Trailed++
	r := a.runs[m.Run]
	if r == nil {
		if len(a.runs) == maxRuns {
			return errTooMany
		}
		r = &run{id: m.Run}
		a.runs[m.Run] = r
		a.order = append(a.order, r)
	}
	at := Place{f.Name, f.line}
	file := uint32(len(a.files))
	if r.file != file {
		r.files = append(r.files, f.Name)
		a.kept++
	}
	if r.file == file && m.First < r.next {
		r.disorder.add(at)
	}
	if a.key != nil {
		a.link(r, &m, covered, r.file == file, at)
	}
	a.dropBare()
	a.kept += r.cover(&m, file, f.line)
	r.file, r.next = file, m.Next()
	if a.kept > maxKept {
		return errTooMany
	}
	return nil
}

// link checks the MAC of a line, or keeps it until that of the line before is known.
// In the file that is mostly the line of the run that was seen last, whatever their
// numbers: a fallback has some records of the run, one linked to the other.
func (a *Auditor) link(r *run, m *trail.Mark, covered []byte, seen bool, at Place) {
	if !m.Keyed {
		r.unkeyed.add(at)
	}
	if seen {
		last := &r.pieces[len(r.pieces)-1]
		joined := last.next == m.First
		proven := !m.Keyed && joined || m.Keyed && a.proves(m, covered, last.mac)
		if !proven && joined && a.heads == maxHeads { // as with the wrong key
			r.forged.add(at)
			proven = true
		}
		if proven {
			a.kept += r.fork(m, last.mac)
			last.next, last.mac = m.Next(), m.MAC
			return
		}
	}
	p := piece{next: m.Next(), mac: m.MAC}
	start := a.key.Start(m.Run)
	switch {
	case !m.Keyed:
	case m.First == 1 && a.proves(m, covered, start):
		a.kept += r.fork(m, start)
	case a.heads == maxHeads:
		r.forged.add(at)
	default:
		p.head = a.head(m, covered, at)
		a.heads++
	}
	r.pieces = append(r.pieces, p)
	a.kept++
}

// proves reports whether a line has the MAC that it has to have behind one with the
// MAC before: by itself, or with the lines without a trail in front of it.
func (a *Auditor) proves(m *trail.Mark, covered []byte, before trail.MAC) bool {
	if a.key.Link(covered, before) == m.MAC {
		return true
	}
	if a.part == nil || a.part.With(covered).Link(before) != m.MAC {
		return false
	}
	a.forgetBare()
	return true
}

// head returns a line whose MAC waits for the one before it.
func (a *Auditor) head(m *trail.Mark, covered []byte, at Place) *head {
	h := &head{mark: *m, alone: a.key.Part().With(covered), at: at, file: len(a.files) - 1}
	if a.part != nil {
		h.whole, h.bare, h.many = a.part.With(covered), slices.Clone(a.bare), a.many
		a.forgetBare()
	}
	return h
}

// addBare takes a line without a trail.
func (a *Auditor) addBare(line []byte) {
	f := &a.files[len(a.files)-1]
	if a.many++; len(a.bare) < maxPlaces {
		a.bare = append(a.bare, f.line)
	}
	if a.key == nil {
		return
	}
	if a.part == nil {
		a.part = a.key.Part()
	}
	a.part = a.part.With(line)
}

// dropBare makes lines without a trail a finding.
func (a *Auditor) dropBare() {
	a.files[len(a.files)-1].note(a.bare, a.many)
	a.forgetBare()
}

// note adds lines without a trail, some of which have these numbers.
func (f *File) note(bare []uint32, many uint64) {
	for _, line := range bare {
		f.Bare.add(Place{f.Name, line})
	}
	f.Bare.Count += many - uint64(len(bare))
}

// forgetBare takes them for lines of the record that is being looked at.
func (a *Auditor) forgetBare() { a.bare, a.many, a.part = a.bare[:0], 0, nil }

func (f *Finding) add(at Place) { f.addMany(at, 1) }

// addMany adds n of what begins at a place.
func (f *Finding) addMany(at Place, n uint64) {
	if f.Count = sum(f.Count, n); len(f.At) < maxPlaces {
		f.At = append(f.At, at)
	}
}

// sum returns a + b, or the largest number: who writes ranges into lines must not make
// a count begin anew.
func sum(a, b uint64) uint64 {
	if s, over := bits.Add64(a, b, 0); over == 0 {
		return s
	}
	return math.MaxUint64
}
