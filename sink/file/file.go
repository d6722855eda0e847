// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package file is the sink that appends records to a file.
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/hydra-logger/hydra/sink"
)

// Options configures a Sink. The zero value, and a nil *Options, append to a
// file that only its owner can read.
type Options struct {
	// Mode is the permissions of a file that Open creates, exactly and whatever
	// the umask. A file that is already there keeps its own. Only the
	// permission bits count. Zero means 0600. Windows has no such thing.
	Mode fs.FileMode

	// MkdirAll makes Open create the directories that are missing, for their
	// owner alone (0700). When it is false a missing directory is an error: a
	// mistyped path should not become a tree.
	MkdirAll bool

	// Sync makes Flush wait until the disk has everything that was written, so
	// that it survives a loss of power. That costs a Flush from half a
	// millisecond up. Without it what was written survives the end of the
	// process, whatever ended it.
	Sync bool
}

// Sink appends records to a file, one system call for each batch. Several sinks,
// and several processes, may append to one file: their lines do not mix. A file
// that is deleted while it is open is created again at the next Write.
//
// As with every sink one goroutine at a time may call its methods.
type Sink struct {
	path string  // immutable, as the user wrote it
	abs  string  // immutable, fixed before the program can change directory
	opts Options // immutable

	file    *os.File // nil unless open
	syncErr error    // the first error of a sync of file
	tail    tail     // what a file that replaces this one must begin with
}

var _ sink.Sink = (*Sink)(nil)

// New returns a sink that appends to the file at path, relative to the working
// directory of the moment. It touches nothing: Open creates the file. New copies
// opts; nil means the zero Options.
func New(path string, opts *Options) *Sink {
	s := &Sink{path: path, abs: path}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Mode = s.opts.Mode.Perm(); s.opts.Mode == 0 {
		s.opts.Mode = 0o600
	}
	// Where the working directory is unknown the path has to do as it is.
	if abs, err := filepath.Abs(path); err == nil && path != "" && !endsInSeparator(path) {
		s.abs = abs
	}
	return s
}

// Open opens the file for appending and creates it if it is missing. It never
// waits, and refuses what is not a file: directories and named pipes, among
// others, but not devices such as /dev/null.
func (s *Sink) Open(ctx context.Context) error {
	if err := s.Close(ctx); err != nil {
		return err
	}
	f, err := s.open()
	if err != nil {
		return fmt.Errorf("hydra: log file %q: %w", s.path, err)
	}
	s.file, s.syncErr, s.tail = f, nil, tail{}
	return nil
}

// Write appends the batch and returns how many bytes of it are in the file, also
// when the disk is full in the middle.
func (s *Sink) Write(ctx context.Context, b sink.Batch) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if s.file == nil {
		return 0, fmt.Errorf("hydra: log file %q: %w", s.path, fs.ErrClosed)
	}
	if err := s.replaceIfDeleted(); err != nil {
		return 0, fmt.Errorf("hydra: log file %q was deleted: %w", s.path, err)
	}
	n, err := s.file.Write(b.Bytes)
	s.tail.wrote(b, n)
	return n, err
}

// Flush syncs the file if Options.Sync asks for it. After a sync has failed every
// Flush returns that error until the file is opened again: the system may have
// forgotten what it could not write, and would call the next sync a success.
func (s *Sink) Flush(ctx context.Context) error {
	if !s.opts.Sync || s.file == nil || s.syncErr != nil {
		return s.syncErr
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil && !syncUnsupported(err) {
		s.syncErr = err
	}
	return s.syncErr
}

// Close closes the file.
func (s *Sink) Close(context.Context) error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// String returns the path as it was given to New.
func (s *Sink) String() string { return s.path }

func (s *Sink) open() (*os.File, error) {
	switch {
	case s.path == "":
		return nil, errors.New("the path is empty")
	case strings.ContainsRune(s.path, 0):
		return nil, errors.New("the path contains a NUL byte")
	case endsInSeparator(s.path):
		return nil, errors.New("the path names a directory: add a file name")
	}
	if s.opts.MkdirAll {
		if err := os.MkdirAll(filepath.Dir(s.abs), 0o700); err != nil {
			return nil, fmt.Errorf("cannot create its directory: %w", err)
		}
	}
	f, err := s.openOrCreate()
	if err != nil {
		return nil, s.explain(err)
	}
	if f, err = awayFromStdio(f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = usable(info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openOrCreate opens the file, or creates it with its exact mode. It must know
// which of the two it did, and O_CREATE alone does not say.
func (s *Sink) openOrCreate() (*os.File, error) {
	const flags = os.O_WRONLY | os.O_APPEND | openFlags
	// Another process may create or remove the file between the two calls. Who
	// loses that race this often will be called again.
	for range 10 {
		f, err := os.OpenFile(s.abs, flags, 0)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		f, err = os.OpenFile(s.abs, flags|os.O_CREATE|os.O_EXCL, s.opts.Mode)
		if err == nil {
			return s.setMode(f)
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return nil, errors.New("it appears and disappears: if it is a symbolic link, create what it points to")
}

// setMode undoes what the umask did to the file just created. Until then the
// file has less permissions than asked for, never more.
func (s *Sink) setMode(f *os.File) (*os.File, error) {
	if runtime.GOOS == "windows" {
		return f, nil
	}
	if err := f.Chmod(s.opts.Mode); err != nil {
		// Without the file the next Open begins anew and reports this again.
		return nil, errors.Join(fmt.Errorf("cannot give it mode %v: %w", s.opts.Mode, err), f.Close(), os.Remove(s.abs))
	}
	return f, nil
}

// explain adds the way out to an error of opening the file.
func (s *Sink) explain(err error) error {
	var hint string
	info, statErr := os.Stat(s.abs)
	switch {
	case statErr == nil && info.IsDir():
		hint = "it is a directory: add a file name"
	case statErr == nil && usable(info.Mode()) != nil:
		return fmt.Errorf("%w (%w)", usable(info.Mode()), err)
	case errors.Is(err, fs.ErrNotExist):
		hint = "its directory does not exist: create it or set Options.MkdirAll"
	case errors.Is(err, syscall.ENOTDIR):
		hint = "a part of the path is a file where a directory should be"
	case errors.Is(err, fs.ErrPermission):
		hint = "this user may not write there: change the owner or the permissions, or choose another path"
	default:
		return err
	}
	return fmt.Errorf("%s (%w)", hint, err)
}

// usable returns why something of this mode cannot be a log file.
func usable(mode fs.FileMode) error {
	switch {
	case mode.IsRegular(), mode&fs.ModeCharDevice != 0:
		return nil
	case mode.IsDir():
		return errors.New("it is a directory: add a file name")
	case mode&fs.ModeNamedPipe != 0:
		return errors.New("it is a pipe: use hydra.Stdout, hydra.Stderr or hydra.Writer for pipes")
	case mode&fs.ModeSocket != 0:
		return errors.New("it is a socket: use a network sink")
	}
	return fmt.Errorf("it is neither a file nor a character device (%v)", mode)
}

func endsInSeparator(path string) bool {
	return path != "" && os.IsPathSeparator(path[len(path)-1])
}
