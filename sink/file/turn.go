// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"os"
	"time"
)

// takeTurn keeps all others of our kind from appending to the file until endTurn,
// so that a record that does not fit can be taken back. It reports whether it could,
// or has waited in vain: a process that was stopped in its turn is not waited for
// beyond a fifth of a second, and not a second time; without its turn a write is still
// a single append.
func (s *Sink) takeTurn() (exclusive, tired bool) {
	if !s.regular {
		return false, false
	}
	s.use.turn.Lock() // of the sinks of this process
	tries := patient
	if s.tired {
		tries = 2
	}
	locked, waited := lockBytesSoon(s.file, tries)
	s.suspect = s.suspect || waited
	s.tired = waited && !locked
	return locked, s.tired
}

// patient is how often lockBytesSoon tries at most. Others have their turn for as long
// as one write takes, some ten microseconds, but where many processes share a processor
// they may lose it meanwhile for tens of milliseconds.
const patient = 60

// lockBytesSoon is lockBytes with some patience, 0.2 s at patient tries. It reports
// whether it had to wait.
func lockBytesSoon(f *os.File, tries int) (locked, waited bool) {
	for try := range tries {
		locked, busy := lockBytes(f)
		if !busy {
			return locked, waited
		}
		waited = true
		// The system has a wait for this lock, but none that ends: who has it may have
		// been stopped, and the wait would hold a thread and Close for as long. So it
		// is looked at again and again, less often each time.
		time.Sleep(time.Duration(try) * 100 * time.Microsecond)
	}
	return false, waited
}

// endTurn ends what takeTurn began and reported.
func (s *Sink) endTurn(exclusive bool) {
	if !s.regular {
		return
	}
	if exclusive {
		unlockBytes(s.file)
	}
	s.use.turn.Unlock()
}

// takeBack removes from the file the record that is half in it. It returns how many
// of the n bytes that a write has just taken are given back with it. Behind what
// somebody appended who did not wait for a turn it removes nothing; who does so
// between the look and the removal loses what was appended.
func (s *Sink) takeBack(n int) int {
	t := &s.tail
	torn := t.inFile()
	if torn == 0 {
		return 0
	}
	info, err := s.file.Stat()
	if err != nil || info.Size() != t.end || s.sys.Truncate(s.file, t.end-int64(torn)) != nil {
		return 0
	}
	t.end -= int64(torn)
	s.size = t.end
	if len(t.start) > n { // it was begun in an earlier batch
		t.lead = append([]byte(nil), t.start...)
		return 0
	}
	given := len(t.start)
	t.start = t.start[:0]
	return given
}
