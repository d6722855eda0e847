// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
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
// damaged or foreign, and the oldest rings beyond MaxOrphans, are put aside, and aside
// says so. A directory that is missing holds none.
func Orphans(o Options) (found []Candidate, aside []Aside, err error) {
	d, err := openDir(o, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer d.close()
	names, err := d.names(prefixOf(o))
	problems := []error{err}
	for _, name := range names {
		if !strings.HasSuffix(name, ringEnding) {
			continue
		}
		h, l, _, err := d.seize(name)
		switch {
		case errors.Is(err, ErrTaken):
		case err != nil:
			a, err := d.putAside(name, err.Error())
			aside, problems = append(aside, a), append(problems, err)
		default:
			found = append(found, Candidate{d.join(name), h.size, time.Unix(0, l.created), o})
		}
		h.release()
	}
	slices.SortFunc(found, func(a, b Candidate) int {
		return cmpOr(a.Created.Compare(b.Created), strings.Compare(a.Path, b.Path))
	})
	total := int64(0)
	for i := len(found) - 1; i >= 0; i-- {
		if total += found[i].Size; total <= o.maxOrphans() {
			continue
		}
		for _, c := range found[:i+1] {
			a, err := d.putAside(filepath.Base(c.Path), fmt.Sprintf("the rings that wait to be recovered have more than %d bytes", o.maxOrphans()))
			aside, problems = append(aside, a), append(problems, err)
		}
		found = slices.Delete(found, 0, i+1)
		break
	}
	return found, aside, errors.Join(problems...)
}

// Adopt holds the ring and finds out what is in it. It returns ErrTaken if somebody else
// holds it by now, and an *AsideError if it can only be put aside: it is damaged, or was
// adopted several times and nothing came of it.
func (c Candidate) Adopt() (*Orphan, error) {
	d, err := openDir(c.options, false)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(c.Path)
	h, l, p, err := d.seize(name)
	if errors.Is(err, ErrTaken) {
		h.release()
		d.close()
		return nil, err
	}
	var m image
	if err == nil {
		m, err = mapFile(h.fd, p.size)
	}
	if err != nil {
		a, err := d.putAside(name, err.Error())
		h.release()
		d.close()
		return nil, errors.Join(&AsideError{a}, err)
	}
	q := &Orphan{info: Info{
		Path: c.Path, ID: l.id, Name: l.name, Program: l.program, PID: int(l.pid),
		Created: time.Unix(0, l.created), SameBoot: l.boot == boot(),
	}}
	if l.started != 0 {
		q.info.Started = time.Unix(0, l.started)
	}
	q.image = m
	q.holder = holder{dir: d, fd: h.fd, name: name, origin: c.Path}
	q.lay(&l, p)
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
		return nil, errors.Join(&AsideError{a}, err)
	}
	q.touch(func() { q.image.store(offLeft, seal(0, q.salt, offLeft)) })
	return q, nil
}

// A hold is a locked file.
type hold struct {
	fd   int // -1 for none
	size int64
}

func (h hold) release() {
	if h.fd >= 0 {
		unix.Close(h.fd)
	}
}

// seize locks a file and reads its label. ErrTaken says that somebody else holds it or
// has deleted it; any other error, why it is none of ours.
func (d *dir) seize(name string) (h hold, l label, p plan, err error) {
	h.fd, err = open(d.fd, name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return hold{fd: -1}, l, p, ErrTaken
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM):
		return hold{fd: -1}, l, p, fmt.Errorf("%w: %w", ErrTaken, err) // no fault of the file
	case err != nil:
		return hold{fd: -1}, l, p, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(h.fd, &st); err != nil {
		return h, l, p, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || int(st.Uid) != os.Geteuid() {
		return h, l, p, errors.New("no regular file of this user")
	}
	if err := unix.Flock(h.fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return h, l, p, ErrTaken
	}
	if err := unix.Fstat(h.fd, &st); err != nil {
		return h, l, p, err
	}
	switch h.size = st.Size; {
	case st.Nlink == 0:
		return h, l, p, ErrTaken
	case st.Nlink > 1:
		return h, l, p, errors.New("the file has a second name")
	}
	head := make([]byte, pageBytes)
	n, err := unix.Pread(h.fd, head, 0)
	if err != nil {
		return h, l, p, err
	}
	l, p, err = readLabel(head[:n], st.Size)
	return h, l, p, err
}

// putAside renames a file.
func (d *dir) putAside(name, reason string) (Aside, error) {
	to := asideName(name)
	var st unix.Stat_t
	unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err := unix.Renameat2(d.fd, name, d.fd, to, unix.RENAME_NOREPLACE); err != nil {
		return Aside{d.join(name), st.Size, reason}, &os.PathError{Op: "rename", Path: d.join(name), Err: err}
	}
	return Aside{d.join(to), st.Size, reason}, nil
}

// crowded refuses a directory with more rings than somebody will ever look at: a program
// that crashes again and again leaves one each time. It also clears away what others
// died making.
func (d *dir) crowded(o Options) error {
	names, err := d.names(prefixOf(o))
	if err != nil {
		return fmt.Errorf("ring: Durable.Dir: %w", &os.PathError{Op: "read", Path: d.path, Err: err})
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
			total, d.path, most, asideEnding)
	}
	return nil
}

func (o Options) maxOrphans() int64 {
	if o.MaxOrphans > 0 {
		return o.MaxOrphans
	}
	return 1 << 30
}

func cmpOr(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}
