// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hydra-logger/hydra/internal/osfile"
)

// A debt is what Options.Sync did not ask to bring to the disk, and what Sync has to
// bring there the first time that it is called. From then on the sink incurs none.
type debt struct {
	paid   bool   // Sync was called: rotations sync as with SyncFlush
	folder bool   // names in the folder may not be on the disk
	made   bool   // likewise the folder, and those that it is in
	files  []owed // rotated or replaced, and not synced since they were written to
	astray bool   // the file at hand is not in its folder any more, so it would not be found
}

// An owed is a file that the sink has left without a sync.
type owed struct {
	name string // what it was called when it was opened
	at   place
}

// mostDebts bounds the memory of a sink that is never asked to sync. What comes
// beyond it is synced when it is rotated.
const mostDebts = 256

// Sync brings to the disk what was written, the files of before a rotation and the
// names of all of them included, whatever Options.Sync says. After the first call a
// rotation waits for the disk, too. Before it, a rotated file must not be moved out of
// its folder: Sync would take it for one that was removed.
//
// Once a sync has failed Sync does, until there is another file, and once more then,
// whatever Flush has returned; a handler passes that on to all who wait for what was
// written before. Where a folder or a rotated file cannot be opened, it fails until
// that can be. A folder that this user may not read is left to the system, names and
// all. Pipes and devices have no disk: that is an error.
func (s *Sink) Sync(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.running {
		return fmt.Errorf("hydra: log file %q: %w", s.path, fs.ErrClosed)
	}
	if !s.regular {
		return fmt.Errorf("hydra: log file %q: it is a pipe or a device, which nothing brings to a disk", s.path)
	}
	s.debt.paid = true
	return errors.Join(s.payFiles(), s.payNames(), s.sync.surely(s))
}

// payFiles syncs the files that the sink has left. What fails of that does not get
// better, and is noted; a file that cannot be opened, for want of a descriptor perhaps,
// stays due.
func (s *Sink) payFiles() (unopened error) {
	var left []owed
	for _, o := range s.debt.files {
		opened, err := s.pay(o)
		if err == nil {
			continue
		}
		err = fmt.Errorf("hydra: log file %q: cannot bring a file of before to the disk: %w", s.path, err)
		s.stats.failed(&s.stats.s.SyncErrors, err)
		if opened {
			s.sync.lose(err)
			continue
		}
		left = append(left, o)
		unopened = cmp.Or(unopened, err) // the others fail alike
	}
	s.debt.files = left
	return unopened
}

// pay syncs a file that the sink has left. One that is gone needs it no more: it was
// removed, or compressed and the result synced.
func (s *Sink) pay(o owed) (opened bool, err error) {
	f, err := s.find(o.name, o.at, os.O_WRONLY, func(string, fs.FileInfo) error { return nil })
	if errors.Is(err, errElsewhere) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	var names error
	if dir := filepath.Dir(o.name); dir != filepath.Dir(s.name) { // a link points elsewhere since
		folder, err := s.sys.OpenFile(dir, asFolder, 0)
		switch {
		case err == nil:
			if names = s.sys.Sync(folder); syncUnsupported(names) || errors.Is(names, fs.ErrPermission) {
				names = nil
			}
			_ = folder.Close()
		case !trusted(err):
			return false, err
		}
	}
	err = s.sys.Sync(f)
	s.stats.count(&s.stats.s.Syncs)
	return true, errors.Join(err, names)
}

// careful reports whether names and files that the sink leaves have to be on the
// disk at once.
func (s *Sink) careful() bool { return s.opts.Sync != SyncNever || s.debt.paid }

// strays reports whether the file at hand, of which a part may not be on the disk, has
// been moved out of its folder.
func (s *Sink) strays() bool {
	if s.careful() || !s.regular || !s.sync.dirty.Load() {
		return false
	}
	if info, err := s.file.Stat(); err == nil && osfile.Links(info) == 0 {
		return false // deleted
	}
	f, err := s.find(s.under, s.home, os.O_WRONLY, func(string, fs.FileInfo) error { return nil })
	return err != nil || f.Close() != nil
}

// owes notes that the file at hand is left without a sync. It reports false where
// that must not be.
func (s *Sink) owes() bool {
	switch d := &s.debt; {
	case s.careful():
		return false
	case !s.regular, !s.sync.dirty.Load():
	case s.home.inode == 0, d.astray: // it could not be found again
		return !s.running // at the end nobody asks any more
	case len(d.files) >= mostDebts:
		return false
	default:
		d.files = append(d.files, owed{s.under, s.home})
	}
	return true
}
