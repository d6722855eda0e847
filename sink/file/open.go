// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/hydra-logger/hydra/internal/osfile"
	"github.com/hydra-logger/hydra/internal/stdfd"
)

// An opened is a file that the sink may write to.
type opened struct {
	file *os.File
	info fs.FileInfo
	use  *use
}

// open opens the file or creates it, with permissions like those of the file
// before unless the options say something else.
func (s *Sink) open(like fs.FileMode) (opened, error) {
	if err := s.resolve(); err != nil {
		return opened{}, err
	}
	if s.opts.MkdirAll {
		if _, err := s.sys.Lstat(filepath.Dir(s.name)); errors.Is(err, fs.ErrNotExist) {
			s.debt.made = true
		}
		if err := s.sys.MkdirAll(filepath.Dir(s.name), 0o700); err != nil {
			return opened{}, fmt.Errorf("cannot create its directory: %w", err)
		}
	}
	// Another process may rotate the file while we look at it. Who loses that race
	// this often will be called again.
	var o opened
	var err error
	for range 10 {
		if o, err = s.openAccepted(like); !errors.Is(err, errReplaced) {
			break
		}
	}
	return o, err
}

// resolve finds what a link points to, if the path may be one: that is rotated, not
// the link.
func (s *Sink) resolve() error {
	if !s.opts.AllowLinks {
		return nil
	}
	target, err := filepath.EvalSymlinks(s.fixed)
	if err != nil {
		return nil // opening it says why
	}
	s.name = target
	if s.pattern, err = newPattern(s.opts.Names, filepath.Base(target)); err != nil {
		return fmt.Errorf("Options.Names: %w", err)
	}
	return nil
}

// openAccepted opens a file, and closes it again if it must not be written to.
func (s *Sink) openAccepted(like fs.FileMode) (opened, error) {
	f, err := s.openOrCreate(like)
	if err != nil {
		return opened{}, s.explain(err)
	}
	o := opened{file: f}
	if o.info, err = f.Stat(); err == nil {
		err = s.acceptable(s.name, o.info)
	}
	if err == nil && o.info.Mode().IsRegular() {
		o.use, err = claim(o.info, s.name, s.opts)
	}
	if err != nil {
		return opened{}, errors.Join(err, f.Close())
	}
	return o, nil
}

// openOrCreate opens the file, or creates it with its exact mode. It must know
// which of the two it did, and O_CREATE alone does not say.
func (s *Sink) openOrCreate(like fs.FileMode) (*os.File, error) {
	flags := os.O_WRONLY | os.O_APPEND | openFlags
	if !s.opts.AllowLinks {
		flags |= noFollow
	}
	mode := s.opts.Mode
	if mode == 0 {
		mode = like
	}
	if mode == 0 {
		mode = 0o600
	}
	// Another process may create or remove the file between the two calls.
	for range 10 {
		f, err := s.sys.OpenFile(s.name, flags, 0)
		if err == nil {
			return stdfd.Above(f)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err = s.sys.OpenFile(s.name, flags|os.O_CREATE|os.O_EXCL, mode)
		if err == nil {
			return s.own(f, mode)
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return nil, errors.New("it appears and disappears: if it is a symbolic link, create what it points to")
}

// own gives the file just created its mode, whatever the umask did to it, and its
// owner. Until then the file has less permissions than asked for, never more.
func (s *Sink) own(f *os.File, mode fs.FileMode) (*os.File, error) {
	f, err := stdfd.Above(f)
	if err != nil || runtime.GOOS == "windows" {
		return f, err
	}
	if s.opts.UID != 0 || s.opts.GID != 0 {
		uid, gid := s.opts.UID, s.opts.GID
		if uid == 0 {
			uid = -1
		}
		if gid == 0 {
			gid = -1
		}
		if err = f.Chown(uid, gid); err != nil {
			err = fmt.Errorf("cannot give it to Options.UID and GID: leave them out or run as the superuser: %w", err)
		}
	}
	if cerr := f.Chmod(mode); cerr != nil {
		err = errors.Join(err, fmt.Errorf("cannot give it mode %v: %w", mode, cerr))
	}
	if err != nil {
		// Without the file the next Open begins anew and reports this again.
		return nil, errors.Join(err, f.Close(), s.sys.Remove(s.name))
	}
	// Where the folder cannot be synced the name may be lost with the power.
	if s.debt.folder = true; s.careful() {
		failed, _ := s.syncFolder() // where it could not be opened Flush tries again, and tells
		s.sync.mu.Lock()
		s.sync.name = failed
		s.sync.mu.Unlock()
	}
	return f, nil
}

// acceptable returns why the file called name, which is open, must not be written to.
func (s *Sink) acceptable(name string, info fs.FileInfo) error {
	if err := usable(info.Mode()); err != nil {
		return err
	}
	if !s.opts.AllowLinks {
		// A link that appeared since, or that the system followed all the same.
		named, err := s.sys.Lstat(name)
		if err == nil && named.Mode()&fs.ModeSymlink != 0 {
			return errLink
		}
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(named, info) {
			return errReplaced
		}
		if info.Mode().IsRegular() && osfile.Links(info) > 1 && !s.healable(info) {
			return errors.New("it has another name, a hard link: give it a file of its own or set Options.AllowLinks")
		}
	}
	if info.Mode().IsRegular() && !s.opts.AllowForeign {
		if uid, ours := osfile.OwnedBy(info, s.opts.UID); !ours {
			return fmt.Errorf("it belongs to the user %d, who could change it: give it a file of its own or set Options.AllowForeign", uid)
		}
	}
	return nil
}

var (
	errReplaced = errors.New("it was replaced while it was opened")
	errNoRoot   = errors.New("the Root that it must stay in does not exist: create that")
	errLink     = errors.New("it is a symbolic link: name what it points to or set Options.AllowLinks")
)

// explain adds the way out to an error of opening the file.
func (s *Sink) explain(err error) error {
	var hint string
	info, statErr := s.sys.Lstat(s.name)
	switch {
	case errors.Is(err, errNoRoot):
		return err
	case statErr == nil && info.Mode()&fs.ModeSymlink != 0 && !s.opts.AllowLinks:
		return fmt.Errorf("%w (%w)", errLink, err)
	case statErr == nil && info.Mode()&fs.ModeNamedPipe != 0 && errors.Is(err, errNoReader):
		hint = "it is a pipe that nobody reads: start its reader"
	case statErr == nil && info.Mode()&fs.ModeSymlink == 0 && usable(info.Mode()) != nil:
		return fmt.Errorf("%w (%w)", usable(info.Mode()), err)
	case errors.Is(err, fs.ErrNotExist):
		hint = "its directory does not exist: create it or set Options.MkdirAll"
	case errors.Is(err, syscall.ENOTDIR):
		hint = "a part of the path is a file where a directory should be"
	case errors.Is(err, errReadOnly):
		hint = "the file system is read-only: choose another path"
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
	case mode.IsRegular(), mode&fs.ModeCharDevice != 0, mode&fs.ModeNamedPipe != 0:
		return nil
	case mode.IsDir():
		return errors.New("it is a directory: add a file name")
	case mode&fs.ModeSocket != 0:
		return errors.New("it is a socket: use a network sink")
	}
	return fmt.Errorf("it is neither a file nor a character device (%v)", mode)
}

// take makes o the file of the sink, which has none, and sees to it that nobody
// removes the file from under it. Between the opening of a file and our lock, another
// process may have rotated it and begun to compress it, and what is written to it then
// would go with it.
func (s *Sink) take(o opened) error {
	for range 10 {
		s.adopt(o)
		s.restart()
		if s.stays() {
			return nil
		}
		mode := o.info.Mode().Perm()
		_ = s.abandon() // nothing was written to it
		var err error
		if o, err = s.open(mode); err != nil {
			return err
		}
	}
	s.adopt(o)
	s.restart()
	return nil
}

// stays reports whether the file at hand is not removed for as long as the sink has it.
func (s *Sink) stays() bool {
	if !s.regular || holdsNames {
		return true
	}
	// Others have the lock for a moment when they look whether they are alone.
	for try := 0; !s.shared && try < 20; try++ {
		if s.shared = lock(s.file, true); !s.shared {
			time.Sleep(100 * time.Microsecond)
		}
	}
	info, err := s.file.Stat()
	if err != nil {
		return true // a write will tell
	}
	if s.shared {
		return osfile.Links(info) > 0
	}
	// A stranger that locks log files does not remove them; who compresses them does.
	return s.hasName(info)
}

// adopt makes o the file of the sink.
func (s *Sink) adopt(o opened) {
	s.file, s.info, s.use = o.file, o.info, o.use
	s.regular, s.size = o.info.Mode().IsRegular(), o.info.Size()
	s.shared = s.regular && lock(o.file, true)
	s.home, s.under = homeOf(o), s.name
	s.attempt, s.reopened, s.reopen = backoff{}, backoff{}, false
	s.sync.adopt(o.file)
	s.begin(born(o.file, o.info))
}

// abandon lets go of the file, and completes or removes a record that is half in
// it.
func (s *Sink) abandon() error {
	s.endTorn()
	s.use.release()
	f := s.file
	s.file, s.use = nil, nil
	return errors.Join(s.sync.leave(s), f.Close())
}

// closeLocked undoes Open.
func (s *Sink) closeLocked(ctx context.Context) error {
	s.running = false
	err := s.sync.stop(ctx)
	if s.file != nil {
		err = errors.Join(err, s.abandon())
	}
	if s.keeper != nil { // others may have rotated the file, which could not be removed before
		err = errors.Join(err, s.keeper.stop(ctx))
		s.keeper = nil
	}
	return err
}

// endsInLine reports whether the file is empty or ends in the end of a line, as far as
// can be read, or is what a sink of this process left: an empty line does less harm than a
// record that is joined to half of another. Another process may have given the file
// another name meanwhile.
func (s *Sink) endsInLine() bool {
	var f *os.File
	err := errElsewhere
	for try := 0; errors.Is(err, errElsewhere) && try < 3; try++ { // a rename may hide it
		f, err = s.find(s.under, s.home, os.O_RDONLY, func(string, fs.FileInfo) error { return nil })
	}
	if err != nil {
		info, err := s.file.Stat()
		return err == nil && info.Size() == s.use.turn.ended.Load()
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err == nil
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] == '\n'
}

func endsInSeparator(path string) bool {
	return path != "" && os.IsPathSeparator(path[len(path)-1])
}
