// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Orphans returns the rings of the destination that nobody holds, oldest first. What is
// damaged or foreign, and the oldest rings beyond MaxOrphans, are quarantined, which the second result
// says. What there is no way to look at just now, for want of descriptors for instance,
// stays where it is, and the error names it: found and quarantined hold the others. A directory
// that is missing holds none.
func Orphans(o Options) (found []Candidate, quarantined []Quarantined, err error) {
	d, err := openDir(o, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer d.close()
	names, err := d.names(prefixOf(o))
	s := search{dir: d, options: o}
	s.problem(err)
	for _, name := range names {
		if strings.HasSuffix(name, ringEnding) {
			s.look(name)
		}
	}
	if again := s.busy; len(again) > 0 {
		time.Sleep(moment)
		for _, name := range again {
			s.look(name)
		}
	}
	slices.SortFunc(s.found, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.number, b.number), a.Created.Compare(b.Created), strings.Compare(a.Path, b.Path))
	})
	s.bound()
	return s.found, s.quarantined, errors.Join(s.problems...)
}

// moment is longer than another start holds a file of which it looks what it is.
const moment = 10 * time.Millisecond

// A search is a directory that Orphans goes through, and what it has found.
type search struct {
	dir         *dir
	options     Options
	found       []Candidate
	quarantined []Quarantined
	busy        []string // names of files that somebody holds, for a moment or for good
	problems    []error
}

func (s *search) problem(err error) {
	if err != nil {
		s.problems = append(s.problems, fmt.Errorf("ring: Durable.Dir: %w", err))
	}
}

// look finds out what a file is.
func (s *search) look(name string) {
	h, err := s.dir.seize(name, s.options)
	defer h.release()
	var bad unfit
	switch {
	case err == nil:
		s.found = append(s.found, Candidate{s.dir.join(name), int64(h.plan.size), time.Unix(0, h.label.created), s.options, numberOf(h.label.id)})
	case errors.As(err, &bad):
		s.quarantine(name, string(bad))
	case errors.Is(err, errBusy):
		s.busy = append(s.busy, name)
	case !errors.Is(err, ErrTaken):
		s.problem(err)
	}
}

// bound quarantines the oldest rings beyond MaxOrphans, each while it holds it: another
// process may have adopted it since.
func (s *search) bound() {
	total, most := int64(0), s.options.maxOrphans()
	first := len(s.found)
	for first > 0 && total+s.found[first-1].Size <= most {
		first--
		total += s.found[first].Size
	}
	for _, c := range s.found[:first] {
		name := filepath.Base(c.Path)
		h, err := s.dir.seize(name, s.options)
		switch {
		case err == nil:
			s.quarantine(name, fmt.Sprintf("the rings that wait to be recovered have more than %d bytes", most))
		case !errors.Is(err, ErrTaken):
			s.problem(err)
		}
		h.release()
	}
	s.found = slices.Delete(s.found, 0, first)
}

// quarantine renames a file, unless somebody else has.
func (s *search) quarantine(name, reason string) {
	a, err := s.dir.quarantine(name, reason)
	if !errors.Is(err, unix.ENOENT) {
		s.quarantined = append(s.quarantined, a)
		s.problem(err)
	}
}

// Adopt holds the ring and finds out what is in it. It returns ErrTaken if somebody else
// holds it by now, and a *QuarantineError if it can only be quarantined: it is damaged, or was
// adopted several times and nothing came of it. After any other error, such as one for
// want of memory or of descriptors, the file is where it was, for a later process.
func (c Candidate) Adopt() (*Orphan, error) {
	d, err := openDir(c.options, false)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(c.Path)
	h, err := d.seize(name, c.options)
	if errors.Is(err, errBusy) { // a moment ago nobody did
		time.Sleep(moment)
		h.release()
		h, err = d.seize(name, c.options)
	}
	var m image
	if err == nil {
		m, err = mapFile(h.fd, h.plan.size)
		err = d.trouble("map", name, err)
	}
	if err != nil {
		var bad unfit
		if errors.As(err, &bad) {
			a, failed := d.quarantine(name, string(bad))
			err = errors.Join(&QuarantineError{a}, failed)
		}
		h.release()
		d.close()
		return nil, err
	}
	l := &h.label
	q := &Orphan{info: Info{
		Path: c.Path, ID: l.id, Name: l.name, Program: l.program, PID: int(l.pid),
		Created: time.Unix(0, l.created), SameBoot: l.boot == boot(),
	}}
	if l.started != 0 {
		q.info.Started = time.Unix(0, l.started)
	}
	q.image = m
	q.holder = holder{dir: d, fd: h.fd, name: name, origin: c.Path}
	q.lay(l, h.plan)
	q.keep(q)
	err = q.read()
	if err == nil && q.info.Attempts > mostAttempts {
		err = fmt.Errorf("%d processes have tried to recover it, and nothing came of it", mostAttempts)
	}
	if err == nil {
		err = q.Retired()
	}
	if err != nil {
		a, err := q.Quarantine(err.Error())
		return nil, errors.Join(&QuarantineError{a}, err)
	}
	q.forgive()
	return q, nil
}

// errBusy is ErrTaken of a file that is there, and held.
var errBusy = fmt.Errorf("%w, and holds it", ErrTaken)

// An unfit file is no ring that could ever be recovered; it says why.
type unfit string

func (e unfit) Error() string { return string(e) }

// A hold is a locked file, and what its label says.
type hold struct {
	fd    int // -1 for none
	label label
	plan  plan
}

func (h hold) release() {
	if h.fd >= 0 {
		unix.Close(h.fd)
	}
}

// seize is peek for a file that has to be of that destination.
func (d *dir) seize(name string, o Options) (hold, error) {
	h, err := d.peek(name)
	if err == nil && h.label.name != o.Name {
		err = unfit(fmt.Sprintf("it has records of the destination %q, under a name for %q: rename it to what it was", h.label.name, o.Name))
	}
	return h, err
}

// peek locks a file and reads its label. errBusy says that somebody else holds it,
// ErrTaken that it has another name or none by now, and unfit why it is none of ours; any
// other error is no fault of the file. The file stays locked, if it could be, until h is
// released, whatever the error.
func (d *dir) peek(name string) (h hold, err error) {
	h.fd, err = open(d.fd, name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return hold{fd: -1}, ErrTaken
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO):
		return hold{fd: -1}, unfit("no regular file of this user")
	case err != nil:
		return hold{fd: -1}, d.trouble("open", name, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(h.fd, &st); err != nil {
		return h, d.trouble("stat", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || int(st.Uid) != os.Geteuid() {
		return h, unfit("no regular file of this user")
	}
	if st, err = d.lock(h.fd, name); err != nil {
		return h, err
	}
	if st.Nlink > 1 {
		return h, unfit("the file has a second name")
	}
	head := make([]byte, pageBytes)
	n, err := unix.Pread(h.fd, head, 0)
	if err != nil {
		return h, d.trouble("read", name, err)
	}
	if h.label, h.plan, err = readLabel(head[:n], st.Size); err != nil {
		return h, unfit(err.Error())
	}
	return h, nil
}

// lock locks a file that was opened under a name, and returns what it is. errBusy says
// that somebody else holds it, ErrTaken that another file or none has that name by now.
func (d *dir) lock(fd int, name string) (st unix.Stat_t, err error) {
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return st, errBusy
	} else if err != nil {
		return st, d.trouble("lock", name, err)
	}
	st, same, err := d.is(fd, name)
	if err == nil && !same {
		err = ErrTaken
	}
	return st, err
}

// is returns what an open file is, and whether it has that name.
func (d *dir) is(fd int, name string) (st unix.Stat_t, same bool, err error) {
	var there unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return st, false, d.trouble("stat", name, err)
	}
	switch err := unix.Fstatat(d.fd, name, &there, unix.AT_SYMLINK_NOFOLLOW); {
	case errors.Is(err, unix.ENOENT):
		return st, false, nil
	case err != nil:
		return st, false, d.trouble("stat", name, err)
	}
	return st, st.Dev == there.Dev && st.Ino == there.Ino, nil
}

// trouble returns err, if there is one, with what it is about.
func (d *dir) trouble(op, name string, err error) error {
	if err != nil {
		err = &os.PathError{Op: op, Path: d.join(name), Err: err}
	}
	return err
}

// quarantine renames a file.
func (d *dir) quarantine(name, reason string) (Quarantined, error) {
	to := quarantineName(name)
	var st unix.Stat_t
	unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err := unix.Renameat2(d.fd, name, d.fd, to, unix.RENAME_NOREPLACE); err != nil {
		return Quarantined{d.join(name), st.Size, reason}, d.trouble("rename", name, err)
	}
	return Quarantined{d.join(to), st.Size, reason}, nil
}

// crowded refuses a directory with more rings than somebody will ever look at: a program
// that crashes again and again leaves one each time. It also clears away what others
// died making.
func (d *dir) crowded(o Options) error {
	names, err := d.names(prefixOf(o))
	if err != nil {
		return fmt.Errorf("ring: Durable.Dir: %w", err)
	}
	total := int64(0)
	for _, name := range names {
		fd, err := open(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && unix.Fstat(fd, &st) == nil {
			if strings.HasSuffix(name, newbornEnding) && st.Nlink == 1 {
				unix.Unlinkat(d.fd, name, 0)
			} else {
				total += st.Size
			}
		}
		unix.Close(fd)
	}
	if most := 2 * o.maxOrphans(); total > most {
		return fmt.Errorf("ring: Durable.Dir: %d bytes of rings of this destination lie in %q, more than %d: look at those that end in %s and delete them",
			total, d.path, most, quarantineEnding)
	}
	return nil
}

func (o Options) maxOrphans() int64 {
	if o.MaxOrphans > 0 {
		return o.MaxOrphans
	}
	return 1 << 30
}
