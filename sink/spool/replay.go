// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// replayBytes is how much the inner sink is given at a time, if the frames are
// smaller. They are those of batches, and a batch of a quiet hour is one record.
const replayBytes = 256 << 10

// A found is what load found.
type found int

const (
	nothing found = iota // the store is empty
	records              // the parcel has them
	spent                // all of the oldest segment was delivered: retire removes it
)

// load fills p with the next records, of one segment and without a hole between
// them.
func (t *store) load(p *parcel) (found, error) {
	p.reset()
	if t.empty() {
		return nothing, nil
	}
	s := t.segments[0]
	if t.head == nil {
		f, err := openFile(t.root, s.name(), os.O_RDONLY)
		if missing(err) {
			return spent, nil // somebody removed it: there is nothing to deliver
		}
		if err != nil {
			return nothing, err
		}
		t.head = f
		t.reader.open(f, s.id)
	}
	for len(p.bytes) < replayBytes {
		more, err := t.loadFrame(s, p)
		if err != nil && len(p.ends) == 0 {
			return nothing, err
		}
		if err != nil || !more {
			break // an error comes again when these are delivered
		}
	}
	if len(p.ends) == 0 {
		return spent, nil
	}
	t.taken = p.first
	return records, nil
}

// loadFrame adds the next frame of the segment to p, and reports whether there may
// be another one to add.
func (t *store) loadFrame(s *segment, p *parcel) (more bool, err error) {
	f, err := t.reader.at(s.off, s.size)
	switch {
	case errors.Is(err, io.EOF):
		return false, nil
	case errors.Is(err, errTorn):
		next, err := t.reader.find(s.off+1, s.size)
		if err != nil {
			return false, err
		}
		if next == s.size { // the process ended here: nobody was told that it was taken
			t.torn++
		} else {
			s.bad = errDamaged
		}
		s.off = next
		return true, nil
	case errors.Is(err, errDamaged):
		next, err := t.reader.find(s.off+1, s.size)
		if err != nil {
			return false, err
		}
		s.bad, s.off = errDamaged, next
		return true, nil
	case err != nil:
		return false, err
	}
	end := f.first + uint64(len(f.ends))
	if end <= s.skip {
		s.off += f.size
		return true, nil
	}
	drop := 0
	if s.skip > f.first {
		drop = int(s.skip - f.first)
	}
	first := f.first + uint64(drop)
	if len(p.ends) > 0 && p.first+uint64(len(p.ends)) != first {
		return false, nil // the next parcel begins here
	}
	if len(p.ends) == 0 {
		p.first = first
		if s.bad != nil && first > t.taken && t.taken >= s.first {
			t.lose(first)
		}
	}
	p.add(f, drop)
	s.off += f.size
	return true, nil
}

// settle notes that the records before upto are delivered.
func (t *store) settle(upto uint64) error {
	if upto <= t.taken || t.empty() {
		return nil
	}
	t.taken = upto
	return t.cursor.store(t.segments[0].id, upto)
}

// skip goes past what append has just put into a store that was empty: its user has
// it in hand.
func (t *store) skip() {
	s := t.segments[0]
	s.off = s.size
}

// giveUp treats the rest of the oldest segment, which cannot be read for why, as
// damaged, unless that cannot even be opened: it may be sound.
func (t *store) giveUp(why error) {
	if t.head == nil || t.empty() {
		return
	}
	s := t.segments[0]
	s.bad, s.off = why, s.size
}

// retire lets go of the oldest segment, of which everything was delivered, and clears
// it away. It does nothing if something was appended meanwhile.
func (t *store) retire() error {
	s := t.segments[0]
	if t.head != nil && s.off < s.size {
		return nil
	}
	var err error
	if len(t.segments) == 1 {
		t.dirty = false // nothing in it is needed any more
		err = t.endTail()
	}
	if t.head == nil || s.bad != nil {
		t.loseEnd(s)
	}
	if t.head == nil { // somebody removed it
		t.bytes -= s.size
	} else {
		err = errors.Join(err, t.head.Close())
		t.head = nil
		t.spent = append(t.spent, s)
	}
	t.segments = t.segments[1:]
	if len(t.segments) > 0 {
		t.taken = max(t.segments[0].first, t.segments[0].skip)
	} else {
		t.taken = t.next
	}
	return errors.Join(err, t.clear())
}

// clear clears spent segments away, those of before, too, with which that failed.
func (t *store) clear() error {
	var err error
	t.spent = slices.DeleteFunc(t.spent, func(s *segment) bool {
		done, why := t.dispose(s)
		err = errors.Join(err, why)
		if done {
			t.bytes -= s.size
		}
		return done
	})
	return err
}

// dispose removes a segment, or keeps it under another name if a part of it was
// damaged. One that cannot be removed it empties, so that it takes no room and the next
// run does not deliver it again.
func (t *store) dispose(s *segment) (done bool, err error) {
	if s.bad != nil {
		err := t.quarantine(s.name(), s.bad)
		if missing(err) {
			err = nil
		}
		return err == nil, err
	}
	err = t.root.Remove(s.name())
	if err == nil || missing(err) {
		return true, nil
	}
	f, oerr := openFile(t.root, s.name(), os.O_WRONLY)
	if oerr != nil {
		return false, err
	}
	terr := f.Truncate(0)
	return terr == nil, errors.Join(err, terr, f.Close())
}

// quarantine keeps a segment under a name that is never read again, and tells why.
func (t *store) quarantine(name string, why error) error {
	kept, err := quarantine(t.root, name)
	if err != nil {
		return err
	}
	t.quarantined++
	t.tell("read", fmt.Errorf("%s: %w: kept as %s", name, why, kept))
	return nil
}

// loseEnd counts what was damaged at the end of a segment.
func (t *store) loseEnd(s *segment) {
	end := t.next
	if len(t.segments) > 1 {
		end = t.segments[1].first
	}
	if end > t.taken && t.taken >= s.first {
		t.lose(end)
	}
}

// lose counts the records from taken on and before upto as lost.
func (t *store) lose(upto uint64) {
	t.damaged += upto - t.taken
	t.lost += upto - min(max(t.taken, t.from), upto)
}
