// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package file is the sink that appends records to a file, rotates it, and keeps
// the rotated ones as long as it was asked to.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hydra-logger/hydra/sink"
)

// Sink appends records to a file, one system call for each batch. Several sinks,
// and several processes, may append to one file: their lines do not mix, and one
// of them rotates it for all. A file that is deleted while it is open is created
// again at the next Write; one that is renamed is followed under its new name
// until Reopen, unless the options make sinks rotate it. Windows neither deletes
// nor renames a file while two sinks or processes have it open, so only one may
// where it is rotated.
//
// Before it appends to what somebody else has written, a sink reads the last byte: a
// line that was not ended gets its end. Where that cannot be read, for want of
// permission or of a descriptor, or because the file was moved to another folder, it
// gets one in any case, unless another sink of this process wrote last, and that may leave
// an empty line at each change of processes. Systems other than Linux have no lock by
// which sinks wait for each other: there a sink looks only when it opens a file that
// nobody else has open, so a record may be joined to half a one that another left.
//
// Any goroutine may call the methods, at any time. They wait for each other.
type Sink struct {
	path  string // immutable, as the user wrote it
	fixed string // immutable, path fixed before the program can change directory
	root  string // immutable, Options.Root as the user wrote it
	stats statistics

	mu         sync.Mutex // guards everything below
	opts       Options
	confined   string // the root of Confine; empty unless it was called
	sys        system
	name       string // what sys calls the file
	times      []clockTime
	pattern    pattern
	compressor Compressor

	running  bool     // open, as far as the user knows
	file     *os.File // nil unless open, and while it cannot be opened again
	regular  bool     // file is neither a device nor a pipe
	info     fs.FileInfo
	under    string // what the file was called when it was opened
	home     place  // where all writes to file go, as far as it is the same
	size     int64  // of file, as far as this sink knows
	shared   bool   // file has our shared lock, and nobody compresses it
	suspect  bool   // somebody else wrote to file, and may have died of it
	tired    bool   // the last wait for a turn was in vain
	use      *use
	tail     tail
	due      due
	last     stamp // of the newest rotated file
	attempt  backoff
	busy     time.Time // since when another rotation in the folder has not ended; zero for none
	reopen   bool      // Reopen was called, and has not succeeded
	reopened backoff
	sync     *syncer // of this Open
	debt     debt
	note     func(from, upto int, place []byte) // nil unless Trace was called
	keeper   *keeper                            // nil unless rotated files need one
}

var (
	_ sink.Exact    = (*Sink)(nil)
	_ sink.Syncer   = (*Sink)(nil)
	_ sink.Stater   = (*Sink)(nil)
	_ sink.Confiner = (*Sink)(nil)
)

// New returns a sink that appends to the file at path, relative to Options.Root or
// to the working directory of the moment. It touches nothing: Open creates the
// file, and reports the mistakes in path and opts, all of them at once. New copies
// opts; nil means the zero Options.
//
// Every record has to end in a newline, as those of package format do: by that a sink
// tells a file that a process left in the middle of a record. With records that end
// otherwise, in a NUL for example, it adds a newline each time it opens a file that is
// not empty, or that others have written to; and of those that a durable queue left
// some may come twice.
func New(path string, opts *Options) *Sink {
	s := &Sink{path: path, fixed: path, sys: everywhere{}, sync: &syncer{}}
	if opts != nil {
		s.opts = *opts
		s.opts.RotateAt = append([]string(nil), opts.RotateAt...)
	}
	s.opts.Mode = s.opts.Mode.Perm()
	s.root = s.opts.Root
	if root := s.root; root != "" {
		// Where the working directory is unknown the folder has to do as it is.
		if abs, err := filepath.Abs(root); err == nil {
			root = abs
		}
		s.sys = below{folder: root}
		s.fixed = filepath.Clean(path)
	} else if abs, err := filepath.Abs(path); err == nil && path != "" && !endsInSeparator(path) {
		s.fixed = abs
	}
	s.name = s.fixed
	return s
}

// Open opens the file for appending and creates it if it is missing. It does not wait
// for a reader of a pipe, but for the disk, where Options.Sync wants the name of a new
// file there, and for what a Sink that is opened again has left to do. It refuses what
// is not safe to write to, each with the way out: directories, links, files of somebody
// else, pipes that nobody reads. Devices such as /dev/null will do. It refuses to open
// a Sink that is open.
func (s *Sink) Open(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return s.named(errOpen)
	}
	if err := s.closeLocked(ctx); err != nil {
		return err
	}
	if mistakes := s.check(); len(mistakes) > 0 {
		for i, m := range mistakes {
			mistakes[i] = s.named(m) // each, as hydra.Open names the place of each
		}
		return errors.Join(mistakes...)
	}
	if err := s.begun(ctx); err != nil {
		return s.named(err)
	}
	return nil
}

// named says of err which file it is about.
func (s *Sink) named(err error) error { return fmt.Errorf("hydra: log file %q: %w", s.path, err) }

var errOpen = errors.New("this Sink is open already, for another handler perhaps: give each a Sink of its own, which may have the same path")

// begun opens the file and starts what runs beside it.
func (s *Sink) begun(ctx context.Context) error {
	s.sync = &syncer{}
	s.debt.folder = true // whoever made the name may not have synced it
	o, err := s.open(0)
	if err != nil {
		return err
	}
	if err := s.take(o); err != nil {
		return err
	}
	s.heal(ctx)
	s.running = true
	if s.opts.Sync == SyncInterval {
		s.sync.start(s)
	}
	s.lookAfter(false)
	return nil
}

// Write appends the batch and returns how many bytes of it are in the file, also
// when the disk is full in the middle. It rotates the file between records.
func (s *Sink) Write(ctx context.Context, b sink.Batch) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if !s.running {
		return 0, fmt.Errorf("hydra: log file %q: %w", s.path, fs.ErrClosed)
	}
	if err := s.follow(); err != nil {
		return 0, fmt.Errorf("hydra: log file %q: %w", s.path, err)
	}
	total, rotated := 0, false
	for total < len(b.Bytes) {
		if total > 0 { // others may have written meanwhile, or rotated the file
			_ = s.follow() // or else the file at hand will do
		}
		upto, err := s.fit(ctx, b, total)
		if err != nil {
			return total, fmt.Errorf("hydra: log file %q: cannot rotate it: %w", s.path, err)
		}
		if s.file == nil {
			return total, fmt.Errorf("hydra: log file %q: it could not be opened again after a rotation: %s", s.path, s.Stats().LastError)
		}
		n, err := s.put(b, total, upto)
		total += n
		if err == nil && total < upto {
			err = io.ErrShortWrite
		}
		if err == nil {
			continue
		}
		if s.failed(err); !rotated && s.rotateFull(ctx, err) {
			rotated = true
			continue
		}
		return total, fmt.Errorf("hydra: log file %q: %w", s.path, err)
	}
	if s.opts.Sync == SyncBatch {
		_ = s.payNames() // Flush tells
		s.sync.batch(s)
	}
	return total, nil
}

// Flush brings what was written to the disk if Options.Sync asks for it. After a
// sync has failed every Flush returns that error until there is another file: the
// system may have forgotten what it could not write, and would call the next sync
// a success.
func (s *Sink) Flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.Sync == SyncNever || !s.running {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(s.payNames(), s.sync.now(s))
}

// Regular reports whether the sink writes to a regular file, and not to a pipe or a device.
func (s *Sink) Regular() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file != nil && s.regular
}

// Close closes the file, and ends what goes on in the background: rotated files that
// are beyond the limits of the options are removed, and a compression that is under
// way is given up and begins anew at the next Open. It waits for that until ctx ends,
// and returns an error where that was too early.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeLocked(ctx)
}

// String returns the path as it was given to New.
func (s *Sink) String() string { return s.path }

// Stats returns what the sink did besides writing. It never waits for the disk.
func (s *Sink) Stats() Stats { return s.stats.copy() }

// backoff is the time between tries of something that fails.
type backoff struct {
	wait  time.Duration
	until time.Time
}

// over reports whether it is time for a try.
func (b *backoff) over() bool { return b.wait == 0 || !time.Now().Before(b.until) }

// failed puts the next try off, by a second at first and a minute at last.
func (b *backoff) failed() {
	b.wait = min(max(2*b.wait, time.Second), time.Minute)
	b.until = time.Now().Add(b.wait)
}
