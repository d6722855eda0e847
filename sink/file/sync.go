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
	"sync"
	"sync/atomic"
	"time"
)

// A syncer brings what was written to the disk.
type syncer struct {
	dirty atomic.Bool // something was written since the last sync

	mu   sync.Mutex // held during a sync, so that its result is known to who comes next
	file *os.File   // guarded by mu
	err  error      // guarded by mu; the first of a sync of file
	vain error      // guarded by mu; says that syncs of file do nothing
	name error      // guarded by mu; of a sync of the folder, about the file to come
	lost news       // guarded by mu; of a file before it

	hung bool          // stop has given up: a sync holds mu, perhaps forever
	wake chan struct{} // nil unless there is a goroutine
	quit chan struct{}
	done chan struct{}
}

// news is an error that has to be told by Flush and by Sync, each for itself: who asked
// the one has not heard what the other said.
type news struct{ flush, sync error } // nil: told, or nothing to tell

// add adds err to what has to be told. The first errors say enough.
func (n *news) add(err error) {
	n.flush, n.sync = cmp.Or(n.flush, err), cmp.Or(n.sync, err)
}

// tell returns what is in one of the fields, and empties it.
func tell(field *error) error {
	err := *field
	*field = nil
	return err
}

// adopt makes f the file to sync.
func (y *syncer) adopt(f *os.File) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.file, y.err, y.vain, y.name = f, y.name, nil, nil
}

// wrote notes that something was written.
func (y *syncer) wrote() {
	if y.dirty.Swap(true) || y.wake == nil {
		return
	}
	select {
	case y.wake <- struct{}{}:
	default:
	}
}

// now syncs the file if anything was written, and returns what is wrong.
func (y *syncer) now(s *Sink) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	return errors.Join(y.syncLocked(s), tell(&y.lost.flush))
}

// surely is now for who wants to hear of what now passes over: that the system does
// not sync the file, and again what was told.
func (y *syncer) surely(s *Sink) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	err := errors.Join(y.syncLocked(s), tell(&y.lost.sync))
	if err == nil && y.vain != nil {
		err = fmt.Errorf("hydra: log file %q: cannot bring it to the disk: %w", s.path, y.vain)
	}
	return err
}

// fail makes err that of the file, unless it has one.
func (y *syncer) fail(err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.err == nil {
		y.err = err
	}
}

// lose notes what could not be brought to the disk, for Flush and Sync to tell.
func (y *syncer) lose(err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.lost.add(err)
}

// batch syncs what was just written. The records are in the file, and writing them
// again would not help where it fails: Flush tells.
func (y *syncer) batch(s *Sink) {
	y.mu.Lock()
	defer y.mu.Unlock()
	_ = y.syncLocked(s)
}

func (y *syncer) syncLocked(s *Sink) error {
	if y.err != nil || y.file == nil || !y.dirty.Swap(false) {
		return y.err
	}
	err := s.sys.Sync(y.file)
	if err != nil && !syncUnsupported(err) {
		y.err = fmt.Errorf("hydra: log file %q: cannot bring it to the disk: %w", s.path, err)
		s.stats.failed(&s.stats.s.SyncErrors, y.err)
		return y.err
	}
	y.vain = err
	s.stats.count(&s.stats.s.Syncs)
	return nil
}

// leave syncs the file for the last time. What goes wrong is kept for Flush and Sync. It
// returns what neither has told.
func (y *syncer) leave(s *Sink) error {
	if y.hung {
		return nil // stop has told
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if !s.owes() {
		y.lost.add(y.syncLocked(s))
	}
	y.dirty.Store(false)
	y.file, y.err = nil, nil
	if y.lost.flush == nil {
		return nil
	}
	return y.lost.sync
}

// syncNames syncs the names in the folder of the file. Who may not read it has to
// trust the system.
func (s *Sink) syncNames(folder *os.File) error {
	err := s.sys.Sync(folder)
	if err == nil || syncUnsupported(err) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	err = fmt.Errorf("hydra: log file %q: cannot bring its name to the disk: %w", s.path, err)
	s.stats.failed(&s.stats.s.SyncErrors, err)
	return err
}

// payNames syncs the names in the folder of the file if that is due. Where the folder
// cannot be opened it stays due.
func (s *Sink) payNames() error {
	if !s.regular || !s.debt.folder {
		return nil
	}
	failed, unopened := s.syncFolder()
	s.sync.fail(failed)
	return unopened
}

// syncFolder is syncNames for who has not opened the folder, and, if the sink has made
// it, for those that it is in. What failed does not get better; where a folder cannot
// be opened, for want of a descriptor perhaps, the next call begins anew.
func (s *Sink) syncFolder() (failed, unopened error) {
	var failures []error
	for path := filepath.Dir(s.name); ; path = filepath.Dir(path) {
		folder, err := s.sys.OpenFile(path, asFolder, 0)
		switch {
		case err == nil:
			failures = append(failures, s.syncNames(folder))
			_ = folder.Close()
		case !trusted(err):
			err = fmt.Errorf("hydra: log file %q: cannot bring its name to the disk: %w", s.path, err)
			s.stats.failed(&s.stats.s.SyncErrors, err)
			return errors.Join(failures...), err
		}
		if !s.debt.made || path == filepath.Dir(path) {
			break
		}
	}
	s.debt.folder, s.debt.made = false, false
	return errors.Join(failures...), nil
}

// trusted reports whether err of opening a folder only says that who may not read it
// has to trust the system.
func trusted(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported)
}

// start starts the goroutine that syncs in intervals. stop stops it and waits.
func (y *syncer) start(s *Sink) {
	y.wake, y.quit, y.done = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	interval := s.opts.SyncEvery
	if interval == 0 {
		interval = time.Second
	}
	go y.run(s, interval, y.wake, y.quit, y.done)
}

// run syncs an interval after the first write that is not on the disk.
func (y *syncer) run(s *Sink, interval time.Duration, wake, quit <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	for {
		select {
		case <-wake:
		case <-quit:
			return
		}
		timer := time.NewTimer(interval)
		select {
		case <-timer.C:
		case <-quit:
			timer.Stop()
			return
		}
		y.mu.Lock()
		_ = y.syncLocked(s) // Flush tells
		y.mu.Unlock()
	}
}

// stop ends the goroutine, if there is one.
func (y *syncer) stop(ctx context.Context) error {
	if y.wake == nil {
		return nil
	}
	close(y.quit)
	done := y.done
	y.wake = nil
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		y.hung = true
		return fmt.Errorf("hydra: a sync of a log file does not end: %w", ctx.Err())
	}
}
