// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hydra-logger/hydra/internal/memory"
)

// Endings of the files in a directory of rings.
const (
	ringEnding       = ".ring" // holds a ring, all of it
	quarantineEnding = ".bad"  // was quarantined
	newbornEnding    = ".tmp"  // is being made, and holds nothing yet
)

// A dir is an open directory of rings. All that is done there goes by its descriptor, so
// what was checked is what is used.
type dir struct {
	fd       int
	path     string
	dev, ino uint64
	disk     bool
}

// openDir opens the directory of o, and makes it if create is set. The error is
// fs.ErrNotExist where it is missing.
func openDir(o Options, create bool) (*dir, error) {
	path := o.Dir
	if path == "" {
		path = DefaultDir()
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("ring: Durable.Dir: %q: %w", o.Dir, err)
	}
	made := false
	if create {
		if made, err = makeDir(path); err != nil {
			return nil, fmt.Errorf("ring: Durable.Dir: %w", err)
		}
	}
	fd, err := open(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil, fmt.Errorf("ring: Durable.Dir: %q is a symbolic link or no directory: name the directory itself", path)
	}
	if err != nil {
		return nil, fmt.Errorf("ring: Durable.Dir: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	d := &dir{fd: fd, path: path}
	if err := d.check(o.AllowDisk); err != nil {
		d.close()
		if made {
			_ = unix.Rmdir(path) // why it cannot be used is the news
		}
		return nil, err
	}
	return d, nil
}

// makeDir makes a directory and its parents, and reports whether it was missing.
func makeDir(path string) (made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, err
	}
	switch err := unix.Mkdir(path, 0o700); {
	case errors.Is(err, unix.EEXIST):
		return false, nil
	case err != nil:
		return false, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	if err := unix.Chmod(path, 0o700); err != nil { // whatever the umask
		return true, &os.PathError{Op: "chmod", Path: path, Err: err}
	}
	return true, nil
}

// DefaultDir returns where the rings of this user are, unless Options.Dir says otherwise.
func DefaultDir() string {
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		var st unix.Stat_t
		if unix.Lstat(run, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == os.Geteuid() {
			return filepath.Join(run, "hydra")
		}
	}
	return fmt.Sprintf("/dev/shm/hydra-%d", os.Geteuid())
}

// check refuses a directory that others can write to, or that is not in memory.
func (d *dir) check(allowDisk bool) error {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return fmt.Errorf("ring: Durable.Dir: %w", &os.PathError{Op: "stat", Path: d.path, Err: err})
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("ring: Durable.Dir: %q belongs to user %d and not to this one, %d: name a directory of your own",
			d.path, st.Uid, os.Geteuid())
	}
	if st.Mode&0o022 != 0 {
		return fmt.Errorf("ring: Durable.Dir: %q has mode %#o, so that others can write there: chmod go-w, or name another one",
			d.path, st.Mode&0o7777)
	}
	d.dev, d.ino = uint64(st.Dev), st.Ino
	var fs unix.Statfs_t
	if err := unix.Fstatfs(d.fd, &fs); err != nil {
		return fmt.Errorf("ring: Durable.Dir: %w", &os.PathError{Op: "statfs", Path: d.path, Err: err})
	}
	kind := uint32(fs.Type)
	d.disk = kind != unix.TMPFS_MAGIC && kind != unix.RAMFS_MAGIC
	if d.disk && !allowDisk {
		return fmt.Errorf("ring: Durable.Dir: %q is on a file system of type %#x, not on tmpfs: while such a file system hangs or is "+
			"frozen, a log call would stop the whole program; name a directory on tmpfs, as below /dev/shm, or set AllowDisk",
			d.path, kind)
	}
	return nil
}

// room refuses a ring of so many bytes that would fill the file system, or the memory
// that the process may use. There is no error to wait for: past a cgroup's limit the
// kernel kills the process.
func (d *dir) room(size int64) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(d.fd, &fs); err != nil {
		return fmt.Errorf("ring: Durable.Dir: %w", &os.PathError{Op: "statfs", Path: d.path, Err: err})
	}
	if free := uint64(fs.Bavail) * uint64(fs.Bsize); fs.Blocks > 0 && uint64(size) > free {
		return fmt.Errorf("ring: Durable.Dir: a queue of this size takes %d bytes, and %q has %d free: %w",
			size, d.path, free, unix.ENOSPC)
	}
	if d.disk {
		return nil
	}
	limit, free, err := memory.Ceiling()
	if err != nil {
		return fmt.Errorf("ring: Durable: how much memory is free: %w", err)
	}
	if limit > 0 && (uint64(size) > limit/8 || uint64(size) > free) {
		return fmt.Errorf("ring: Durable: a queue of this size takes %d bytes of memory; the cgroup allows %d, of which %d are free, "+
			"and a queue may take an eighth: make Queue.Bytes smaller, or the limit larger: %w", size, limit, free, unix.ENOMEM)
	}
	return nil
}

func (d *dir) join(name string) string { return filepath.Join(d.path, name) }

func (d *dir) close() { unix.Close(d.fd) }

// moved reports whether the directory is no longer where a later process looks for it:
// it, or one that it is in, was renamed, or something is mounted over it.
func (d *dir) moved() bool {
	var st unix.Stat_t
	err := unix.Lstat(d.path, &st)
	if err == nil && uint64(st.Dev) == d.dev && st.Ino == d.ino {
		return false
	}
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
		return false // that cannot be told
	}
	// A process that has changed its root since sees other paths than the next start.
	where, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", d.fd))
	return err == nil && filepath.IsAbs(where)
}

// list returns the names of all files there, as far as it comes.
func (d *dir) list() ([]string, error) {
	fd, err := open(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, d.trouble("open", "", err)
	}
	f := os.NewFile(uintptr(fd), d.path)
	defer f.Close()
	return f.Readdirnames(-1)
}

// names returns the names of the files there that a ring with that prefix may have.
func (d *dir) names(prefix string) ([]string, error) {
	all, err := d.list()
	all = slices.DeleteFunc(all, func(name string) bool {
		_, _, ok := partsOf(name)
		return !ok || !strings.HasPrefix(name, prefix)
	})
	return all, err
}

// partsOf returns what the name of a file says, if it is one of a ring: which program's,
// escaped, and in what state.
func partsOf(name string) (program, ending string, ok bool) {
	parts := strings.SplitN(name, ".", 4) // with that of the destination, and the ring's number
	if len(parts) != 4 {
		return "", "", false
	}
	id, ending := parts[2], "."+parts[3]
	ok = len(id) == 32 && strings.Trim(id, "0123456789abcdef") == "" &&
		(ending == ringEnding || ending == quarantineEnding || ending == newbornEnding)
	return parts[0], ending, ok
}

// open opens a file that is not to be inherited, and whose descriptor is none of those
// that a program takes for its standard streams, not even for a moment.
func open(at int, name string, flags int, mode uint32) (int, error) {
	var plugs []int
	defer func() {
		for _, fd := range plugs {
			unix.Close(fd)
		}
	}()
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			break // no /dev/null is no reason to fail
		}
		plugs = append(plugs, fd)
		if fd > 2 {
			break
		}
	}
	for {
		fd, err := unix.Openat(at, name, flags|unix.O_CLOEXEC, mode)
		if err == unix.EINTR {
			continue
		}
		if err != nil || fd > 2 {
			return fd, err
		}
		above, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		unix.Close(fd)
		return above, err
	}
}

// prefixOf returns what the names of the files of a program's destination begin with.
func prefixOf(o Options) string { return escape(o.program()) + "." + escape(o.Name) + "." }

// program returns the name under which rings are kept.
func (o Options) program() string {
	if o.Program != "" {
		return o.Program
	}
	exe, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	return filepath.Base(strings.TrimSuffix(exe, " (deleted)"))
}

// escape returns s as a part of a file name, without a dot; different ones for
// different s, for all that can be told.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() <= 80 {
		return b.String()
	}
	h := fnv.New64a()
	h.Write([]byte(s))
	return fmt.Sprintf("%s~%016x", b.String()[:60], h.Sum64())
}
