// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hydra-logger/hydra/internal/osfile"
)

// Reopen opens the file anew, and creates it if it is missing: what was written
// before is in the file that was open, what is written from now on is in the one
// that has the name now. Call it when another program has renamed the file, as
// logrotate does, or see OnHangup. When it fails the sink goes on with the file
// that it has, and tries again at later Writes.
func (s *Sink) Reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		return fmt.Errorf("hydra: log file %q: %w", s.path, fs.ErrClosed)
	}
	s.reopen = true
	if err := s.reopenLocked(); err != nil {
		return fmt.Errorf("hydra: log file %q: cannot reopen it: %w", s.path, err)
	}
	return nil
}

func (s *Sink) reopenLocked() error {
	err := s.replace()
	if err != nil {
		s.reopened.failed()
		s.stats.failed(&s.stats.s.ReopenErrors, err)
	}
	return err
}

// follow looks at the file before a write, and opens it anew where it is not what
// it was. One look for each batch is cheap; what is written between a look and a
// deletion is gone with the file.
func (s *Sink) follow() error {
	if s.file == nil {
		return s.replace()
	}
	if !s.regular {
		return nil
	}
	if s.reopen && s.reopened.over() {
		_ = s.reopenLocked() // counted; the file at hand will do
	}
	if !s.shared {
		s.shared = lock(s.file, true)
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if osfile.Links(info) == 0 {
		if err := s.replace(); err != nil {
			return fmt.Errorf("it was deleted: %w", err)
		}
		return nil
	}
	if info.Size() < s.size {
		s.stats.count(&s.stats.s.Truncations)
	}
	s.suspect = s.suspect || info.Size() != s.size
	changed := s.tail.inFile() > 0 && info.Size() != s.tail.end
	s.size = info.Size()
	if changed {
		if s.restart(); !s.stays() {
			return s.replace()
		}
	}
	if s.opts.rotates() || !s.shared && s.opts.keeps() {
		return s.followRotation(info)
	}
	return nil
}

// followRotation opens the file that has the name now if another process has
// rotated ours. Where that fails ours will do, unless somebody has locked it to
// compress and remove it.
func (s *Sink) followRotation(info fs.FileInfo) error {
	if s.hasName(info) {
		return nil
	}
	if !s.shared {
		return s.replace()
	}
	if s.reopened.over() {
		_ = s.reopenLocked() // counted
	}
	return nil
}

// hasName reports whether the file of info has the name, as far as can be seen.
func (s *Sink) hasName(info fs.FileInfo) bool {
	named, err := s.sys.Lstat(s.name)
	return err == nil && os.SameFile(named, info) || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// kept reports whether what was just written is in a file that stays. Without our lock
// another process may have rotated the file since the last look at it, and compress it:
// what came too late for that goes with it. As long as the file has its name that has
// not begun, and will find what was written. With the lock, the common case, this asks
// the system nothing.
func (s *Sink) kept() bool {
	return s.shared || !s.regular || !s.opts.keeps() || s.hasName(s.info) || s.stays()
}

// errRemoved says that a write may be lost: it has to be done again, and those lines
// may be there twice.
var errRemoved = errors.New("it was rotated and compressed while it was written to, which goes to another file now")

// replace opens the file that has the name now, and lets go of the one before.
func (s *Sink) replace() error {
	var like fs.FileMode
	if s.info != nil {
		like = s.info.Mode().Perm()
	}
	if s.file != nil {
		if info, err := s.file.Stat(); err == nil { // somebody may have changed it
			like = info.Mode().Perm()
		}
	}
	s.debt.folder = true // whoever made the name may not have synced it
	o, err := s.open(like)
	if err != nil {
		return err
	}
	if s.file != nil {
		s.debt.astray = s.strays()
		_ = s.abandon() // what could not be synced, Flush will tell
		s.debt.astray = false
	}
	if err := s.take(o); err != nil {
		return err
	}
	s.lookAfter(false)
	s.stats.count(&s.stats.s.Reopens)
	return nil
}
