// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"time"

	"github.com/hydra-logger/hydra/internal/osfile"
	"github.com/hydra-logger/hydra/sink"
)

// holdsNames: Windows does not rename and remove files that are open. Only tests
// change it.
var holdsNames = runtime.GOOS == "windows"

// errBusy says that somebody else is rotating a file in the folder.
var errBusy = errors.New("another rotation is going on in its folder")

// Rotate gives the file a name with the time in it, and begins a new one, unless
// the file is empty. Records that still wait in a queue go to the new one: call
// Handler.Flush first if they should not. When it fails the sink goes on with the
// file that it has.
func (s *Sink) Rotate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	switch {
	case !s.running:
		err = fs.ErrClosed
	case !s.regular:
		err = errors.New("it is no file that can be rotated")
	default:
		if err = s.follow(); err == nil && s.size > 0 {
			err = s.rotate(context.Background()) // bounds itself
		}
	}
	if err != nil {
		return fmt.Errorf("hydra: log file %q: cannot rotate it: %w", s.path, err)
	}
	return nil
}

// fit rotates the file if it is time, and returns the offset in b up to which its
// bytes, beginning with those at from, go into one file. It is an error if ctx ends
// while another rotation is waited for.
func (s *Sink) fit(ctx context.Context, b sink.Batch, from int) (upto int, err error) {
	first := sort.SearchInts(b.Ends, from+1)
	torn := s.tail.inFile() > 0
	switch {
	case !s.regular, torn && s.opts.MaxSize == 0:
		return len(b.Bytes), nil
	case torn:
		return b.Ends[first], nil // what is begun in this file is finished in it
	}
	// Where a rotation fails, or failed a moment ago, the file grows beyond the
	// limit: nothing is lost.
	due := s.overdue()
	if due && s.size == 0 {
		s.begin(time.Now())
		due = false
	} else if due && s.attempt.over() {
		if err = s.rotate(ctx); givenUp(ctx, err) {
			return 0, err
		}
		due = err != nil
	}
	limit := s.opts.MaxSize
	if limit == 0 {
		limit = math.MaxInt64
	}
	for range 5 { // the file that another process began may be full as well
		room := max(limit-s.size-int64(len(s.tail.lead)), 0)
		// A record that does not fit is alone in its file.
		if upto = nearest(b, from, room); s.size == 0 || int64(upto-from) <= room {
			if !due {
				s.busy = time.Time{} // whatever went on in the folder, this file needs no rotation now
			}
			return upto, nil
		}
		if due || !s.attempt.over() { // it was tried just now
			break
		}
		if err = s.rotate(ctx); givenUp(ctx, err) {
			return 0, err
		} else if err != nil {
			break
		}
	}
	return nearest(b, from, limit), nil // and then look again, for a file that others began
}

// givenUp reports whether a rotation that returned err waited for another one until
// ctx ended.
func givenUp(ctx context.Context, err error) bool {
	return errors.Is(err, errBusy) && ctx.Err() != nil
}

// nearest returns the end of the last record of b that ends within size bytes of
// from, or else of the first one after from.
func nearest(b sink.Batch, from int, size int64) int {
	first := sort.SearchInts(b.Ends, from+1)
	room := int(min(size, int64(len(b.Bytes)))) // no more than an int
	return b.Ends[max(sort.SearchInts(b.Ends, from+room+1)-1, first)]
}

// rotateFull rotates a file that may not grow any more, with a limit that is not
// ours. It reports whether there is more room now than before.
func (s *Sink) rotateFull(ctx context.Context, err error) bool {
	full := errors.Is(err, errTooBig)
	// A record that does not fit into a file of its own would rotate forever.
	return full && s.regular && s.size > int64(s.tail.inFile()) && s.attempt.over() && s.rotate(ctx) == nil
}

// rotate rotates the file, or opens the one that another process has begun.
func (s *Sink) rotate(ctx context.Context) error {
	err := s.rotateOnce(ctx)
	if !errors.Is(err, errBusy) {
		s.busy = time.Time{}
	} else if s.busy.IsZero() {
		s.busy = time.Now()
	}
	if !s.busy.IsZero() && time.Since(s.busy) < busyTooLong {
		return err // the next batch will see what came of it
	}
	if err != nil {
		s.attempt.failed()
		s.stats.failed(&s.stats.s.RotationErrors, fmt.Errorf("rotation: %w", err))
	}
	return err
}

func (s *Sink) rotateOnce(ctx context.Context) error {
	folder, err := s.lockFolder(ctx, busyPatience)
	if err != nil {
		return err
	}
	defer folder.Close()
	named, err := s.sys.Lstat(s.name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(named, s.info) {
		return s.replace() // somebody was faster
	}
	if err != nil {
		return err
	}
	if holdsNames {
		_ = s.abandon()
	}
	name := s.name // a link may point elsewhere by the time that the new file is opened
	backup, err := s.moveAway(folder)
	if err != nil {
		if s.file == nil {
			err = errors.Join(err, s.replace())
		}
		return err
	}
	o, err := s.open(named.Mode().Perm())
	if err != nil {
		// The file at hand goes on, under its old name if that can be had.
		back := s.sys.Rename(folder, backup, name)
		s.reopen = s.reopen || back != nil // or else the next Write tries for a new one
		return errors.Join(err, back)
	}
	if s.file != nil {
		_ = s.abandon() // what could not be synced, Flush will tell
	}
	if err := s.take(o); err != nil {
		return err
	}
	if s.careful() {
		s.sync.fail(s.syncNames(folder))
	} else {
		s.debt.folder = true
	}
	s.stats.count(&s.stats.s.Rotations)
	s.lookAfter(true)
	return nil
}

// Another rotation in the folder is waited for: it takes less than a millisecond, or
// as long as the disk for one that syncs. One that takes too long is an error.
const (
	busyPatience = 500 * time.Millisecond
	busyLook     = 100 * time.Microsecond
	busyTooLong  = 5 * time.Second
)

// lockFolder opens the folder of the file for one rotation at a time, and waits so
// long for its turn, or until ctx ends. The folder has the lock because the files in it
// come and go. It looks again and again: nothing bounds a wait for a lock in the system.
func (s *Sink) lockFolder(ctx context.Context, patience time.Duration) (*os.File, error) {
	folder, err := s.sys.OpenFile(filepath.Dir(s.name), asFolder, 0)
	if err != nil {
		return nil, err
	}
	if lock(folder, false) {
		return folder, nil
	}
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(busyLook)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if lock(folder, false) {
				return folder, nil
			}
		case <-patient.Done():
			return nil, errors.Join(errBusy, ctx.Err(), folder.Close())
		}
	}
}

// moveAway gives the file a name that comes after those of all rotated files.
func (s *Sink) moveAway(folder *os.File) (string, error) {
	backups, err := list(s.sys, filepath.Dir(s.name), s.pattern)
	if err != nil {
		return "", err
	}
	for _, b := range backups {
		if b.stamp.compare(s.last) > 0 {
			s.last = b.stamp
		}
	}
	// Only a system without locks, or a stranger, takes names meanwhile.
	for range 100 {
		s.last = s.last.after(time.Now())
		name := filepath.Join(filepath.Dir(s.name), s.pattern.name(s.last))
		err := s.sys.Rename(folder, s.name, name)
		if !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return "", errTaken
}

// heal ends a rotation in which a process died between giving the file its new
// name and taking away the old one.
func (s *Sink) heal(ctx context.Context) {
	if s.healable(s.info) {
		folder, err := s.lockFolder(ctx, 0)
		if err != nil {
			return
		}
		defer folder.Close()
		if s.healable(s.info) && s.sys.Remove(s.name) == nil {
			s.reopen = s.replace() != nil // the next Write tries again
		}
	}
}

// healable reports whether the other name of the file is that of a rotated one.
func (s *Sink) healable(info fs.FileInfo) bool {
	if osfile.Links(info) != 2 {
		return false
	}
	backups, err := list(s.sys, filepath.Dir(s.name), s.pattern)
	for _, b := range backups {
		if os.SameFile(b.info, info) {
			return err == nil
		}
	}
	return false
}
