// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"slices"

	"github.com/hydra-logger/hydra/sink"
)

// tail is the start of a record whose rest did not fit into the file, as on a
// full disk. Where the file is changed meanwhile, by a rotation or by who frees
// the disk, the record is written again as a whole.
type tail struct {
	start []byte // the bytes of the record that the sink has taken
	lead  []byte // what must come before the rest of the record, or the next one
	end   int64  // size of the file just after the start was written
}

// wrote notes that the sink took the bytes of b from one offset to another.
func (t *tail) wrote(b sink.Batch, from, to int) {
	i, whole := slices.BinarySearch(b.Ends, to)
	if whole {
		t.start = t.start[:0]
		return
	}
	if i > 0 && b.Ends[i-1] > from {
		// The record of before is complete, and another one is begun.
		from = b.Ends[i-1]
		t.start = t.start[:0]
	}
	t.start = append(t.start, b.Bytes[from:to]...)
}

// inFile returns how many bytes of an unfinished record are at the end of the file.
func (t *tail) inFile() int { return max(len(t.start)-len(t.lead), 0) }

// put appends the bytes of b between two offsets to the file, and returns how many
// of them are in it.
func (s *Sink) put(b sink.Batch, from, upto int) (int, error) {
	exclusive, tired := s.takeTurn()
	sure := exclusive && s.lookAgain()
	// Who has waited in vain may end a line that is not torn. As long as a record of our
	// own is half in the file that is for the next write.
	if t := &s.tail; (sure || tired) && s.suspect && t.inFile() == 0 {
		if ended := len(t.lead) > 0 && t.lead[0] == '\n'; !ended && !s.endsInLine() {
			t.lead = append([]byte{'\n'}, t.lead...) // who wrote this died in the middle
		}
		s.suspect = false
	}
	s.announce(from, upto, sure)
	n, err := s.append(b.Bytes[from:upto], sure)
	if n > 0 && !s.kept() {
		s.tail.lead = nil
		s.endTurn(exclusive)
		return 0, errRemoved
	}
	s.tail.wrote(b, from, from+n)
	if sure && n == upto-from && b.Bytes[upto-1] == '\n' {
		s.use.turn.ended.Store(s.size)
	}
	if exclusive {
		n -= s.takeBack(n)
	}
	s.endTurn(exclusive)
	return n, err
}

// lookAgain finds out, in our turn, what others wrote since the last look. One of them
// may have died of it a moment ago. It reports whether the size of the file is known.
func (s *Sink) lookAgain() bool {
	info, err := s.file.Stat()
	if err != nil {
		return false
	}
	if info.Size() != s.size {
		s.suspect, s.size = true, info.Size()
		if s.tail.inFile() > 0 {
			s.restart()
		}
	}
	return true
}

// append appends p, and before it, in the same call, what must come first. It
// returns how many bytes of p are in the file, whose size before is sure or not.
func (s *Sink) append(p []byte, sure bool) (int, error) {
	t := &s.tail
	lead := len(t.lead)
	if lead > 0 {
		p = append(t.lead[:lead:lead], p...)
	}
	s.hurry()
	n, err := s.sys.Write(s.file, p)
	n = min(max(n, 0), len(p))
	s.size += int64(n)
	if n > 0 {
		s.sync.wrote()
	}
	if n < len(p) && s.regular {
		// Where this is not the size in a moment, somebody else has written.
		if t.end = s.size; !sure {
			if info, err := s.file.Stat(); err == nil {
				t.end = info.Size()
			}
		}
	}
	t.lead = t.lead[min(n, lead):]
	return max(n-lead, 0), err
}

// restart makes the next write begin with a record as a whole, on a line of its
// own: the file is another one, or somebody changed it.
func (s *Sink) restart() {
	t := &s.tail
	t.lead = nil
	// A process may have died in the middle of a write. One that lives may be in
	// the middle of one, and ends its lines itself: our turn will show.
	if s.regular && s.size > 0 {
		if alone := s.alone(); !alone {
			s.suspect = true
		} else if !s.endsInLine() {
			t.lead = []byte{'\n'}
		}
	}
	t.lead = append(t.lead, t.start...)
}

// alone reports whether nobody else has the file open for appending, as far as
// locks tell. To ask takes our lock away for a moment, in which somebody may begin to
// compress the file, or be done with it: whoever takes the lock again looks at the file.
func (s *Sink) alone() bool {
	alone := lock(s.file, false)
	_ = lock(s.file, true)
	s.shared = false
	return alone
}

// endTorn removes an unfinished record from the end of the file, since it goes
// elsewhere as a whole. That is safe only while nobody else appends; who shares
// the file gets a line of its own for the half record.
func (s *Sink) endTorn() {
	torn := int64(s.tail.inFile())
	if torn == 0 || !s.regular {
		return
	}
	info, err := s.file.Stat()
	if err == nil && info.Size() == s.tail.end && lock(s.file, false) &&
		s.sys.Truncate(s.file, info.Size()-torn) == nil {
		return
	}
	// Where this fails too, the next who opens the file ends the line.
	_, _ = s.sys.Write(s.file, []byte{'\n'})
}
