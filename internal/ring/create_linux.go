// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A holder is the hold of a process on a ring's file.
type holder struct {
	dir    *dir // nil once it has let go; guarded by mapping.mu
	fd     int
	name   string // in dir; guarded by mapping.mu
	origin string // path as it was
}

// Create makes a ring and holds it. Nothing is left behind when it fails. The error
// names the field of the configuration that it is about, and the way out.
func Create(o Options, g Geometry) (*Ring, error) {
	p, err := planOf(g)
	if err != nil {
		return nil, err
	}
	if len(o.Name) > maxName || len(o.program()) > maxProgram {
		return nil, fmt.Errorf("ring: a name of %d bytes is longer than %d, or a program's of %d than %d",
			len(o.Name), maxName, len(o.program()), maxProgram)
	}
	d, err := openDir(o, true)
	if err != nil {
		return nil, err
	}
	r := &Ring{}
	if err := r.create(d, o, g, p); err != nil {
		d.close()
		return nil, err
	}
	r.keep(r)
	return r, nil
}

func (r *Ring) create(d *dir, o Options, g Geometry, p plan) error {
	if err := d.crowded(o); err != nil {
		return err
	}
	if err := d.room(int64(p.size)); err != nil {
		return err
	}
	fd, l, err := d.newborn(o, g)
	if err != nil {
		return fmt.Errorf("ring: Durable.Dir: %w", err)
	}
	newborn, name := nameOf(o, l, newbornEnding), nameOf(o, l, ringEnding)
	err = r.fillIn(fd, l, p, d)
	if err == nil {
		err = unix.Renameat2(d.fd, newborn, d.fd, name, unix.RENAME_NOREPLACE)
	}
	if err != nil {
		unix.Unlinkat(d.fd, newborn, 0)
		if r.image != nil {
			unmap(r.image)
		}
		unix.Close(fd)
		return fmt.Errorf("ring: Durable.Dir: %w", d.trouble("create", newborn, err))
	}
	r.holder = holder{dir: d, fd: fd, name: name, origin: d.join(name)}
	return nil
}

// newborn makes an empty file and locks it. Until it is locked another start may take it
// for one that somebody died making, and clear it away: then it makes another.
func (d *dir) newborn(o Options, g Geometry) (fd int, l *label, err error) {
	for range 16 { // each time lost within microseconds, to somebody who looks once
		l = newLabel(o, g, d.number(o))
		name := nameOf(o, l, newbornEnding)
		fd, err = open(d.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return fd, l, d.trouble("create", name, err)
		}
		if _, err = d.lock(fd, name); err == nil {
			return fd, l, nil
		}
		unix.Unlinkat(d.fd, name, 0)
		unix.Close(fd)
		if !errors.Is(err, ErrTaken) {
			return -1, l, err
		}
	}
	return -1, l, d.trouble("create", "", err)
}

// number returns a number greater than those of the files that are there: their order
// is that in which they were made, whatever the clock says. Two that are made at once may
// have the same.
func (d *dir) number(o Options) (n uint64) {
	names, _ := d.names(prefixOf(o)) // crowded could read them a moment ago
	for _, name := range names {
		id, _ := hex.DecodeString(name[len(prefixOf(o)):][:32])
		n = max(n, numberOf([16]byte(id)))
	}
	return n + 1
}

// numberOf returns the number in a ring's identity.
func numberOf(id [16]byte) uint64 { return binary.BigEndian.Uint64(id[:]) }

// nameOf returns the name of the file with that label.
func nameOf(o Options, l *label, ending string) string {
	return prefixOf(o) + hex.EncodeToString(l.id[:]) + ending
}

// fillIn makes a ring of an empty file.
func (r *Ring) fillIn(fd int, l *label, p plan, d *dir) error {
	if err := unix.Fchmod(fd, 0o600); err != nil { // whatever the umask
		return err
	}
	if err := allocate(fd, int64(p.size), d.disk); err != nil {
		return err
	}
	m, err := mapFile(fd, p.size)
	if err != nil {
		return err
	}
	r.image = m
	r.lay(l, p)
	r.marked.Store(l.geometry.First &^ (markEvery - 1))
	if !r.try(func() {
		for at := 0; at < len(m); at += pageBytes {
			m[at] = 0 // every page, now, and not in a log call
		}
		l.write(m, p)
		m.store(offMark, seal(uint32(l.geometry.First/markEvery), l.salt, offMark))
		m.store(offAttempts, seal(0, l.salt, offAttempts))
		m.store(offLeft, seal(0, l.salt, offLeft))
		m.store(len(m)-8, canary(l.salt))
		r.account(0, account{first: l.geometry.First, next: l.geometry.First})
		r.status(0, false)
	}) {
		return unix.ENOSPC
	}
	return nil
}

// allocate gives a file its memory, so that no store into it can fail later.
func allocate(fd int, size int64, disk bool) error {
	const step = 4 << 20 // a signal undoes what one call has done
	for at := int64(0); at < size; {
		err := unix.Fallocate(fd, 0, at, min(step, size-at))
		switch {
		case err == nil:
			at += step
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP) && !disk:
			return unix.Ftruncate(fd, size) // ramfs, where touching it does
		default:
			return err
		}
	}
	return nil
}

func mapFile(fd, size int) (image, error) {
	p, err := unix.MmapPtr(fd, 0, nil, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	// The kernel has given size bytes at p, which stay mapped until nobody can reach the
	// ring any more.
	return unsafe.Slice((*byte)(p), size), nil
}

func unmap(m image) { unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(m)), uintptr(len(m))) }

// keep has the addresses given back when owner, which holds f, cannot be reached any
// more. Not earlier: a producer that was taken off a processor may come late.
func (f *file) keep(owner any) {
	switch o := owner.(type) {
	case *Ring:
		runtime.AddCleanup(o, unmap, f.image)
	case *Orphan:
		runtime.AddCleanup(o, unmap, f.image)
	}
}

// clear puts empty memory in the place of the file.
func (f *file) clear() error {
	at, size := unsafe.Pointer(unsafe.SliceData(f.image)), uintptr(len(f.image))
	_, err := unix.MmapPtr(-1, 0, at, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED|unix.MAP_NORESERVE)
	return err
}

// Size returns how many bytes the file has.
func (f *file) Size() int64 { return int64(len(f.image)) }

// Path returns where the file was made.
func (f *file) Path() string { return f.origin }

// gone reports whether the file no longer has its name, or its folder is not where it
// was. Where that cannot be told, for want of a right perhaps, it is not.
func (f *file) gone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dir != nil && (f.named() != nil || f.dir.moved())
}

// named returns fs.ErrNotExist if the file no longer has its name. The caller holds mu.
func (f *file) named() error {
	if _, same, err := f.dir.is(f.fd, f.name); err != nil || same {
		return nil
	}
	return fs.ErrNotExist
}

// disown renames the file, if it can and that is still its name, and returns where it is
// now, or was. The error is fs.ErrNotExist if it has no such name. The caller holds mu.
func (f *file) disown() (path string, err error) {
	if f.dir == nil {
		return f.origin, nil
	}
	if err := f.named(); err != nil { // what is there, if anything, is somebody else's
		return f.origin, err
	}
	_ = f.quarantineLocked() // that it is retired is the news
	if f.dir.moved() {
		return f.origin, fs.ErrNotExist
	}
	return f.dir.join(f.name), nil
}

// quarantineLocked renames the file.
func (f *file) quarantineLocked() error {
	name := quarantineName(f.name)
	if err := unix.Renameat2(f.dir.fd, f.name, f.dir.fd, name, unix.RENAME_NOREPLACE); err != nil {
		return f.dir.trouble("rename", f.name, err)
	}
	f.name = name
	return nil
}

func quarantineName(name string) string {
	return strings.TrimSuffix(name, ringEnding) + quarantineEnding
}

// Remove deletes the file and lets go of it: all records have been accounted for. That
// goes for one that was retired, too, whatever its name is by then: its queue had them in
// memory. The memory stays until the ring cannot be reached any more, but what is stored
// there from now on is lost.
func (f *file) Remove() error {
	return f.let(func() error {
		_, same, err := f.dir.is(f.fd, f.name)
		if err != nil || !same { // it is gone already, and what is there is another
			return err
		}
		return f.dir.trouble("remove", f.name, unix.Unlinkat(f.dir.fd, f.name, 0))
	})
}

// Leave lets go of the file and keeps it for a later process, which finds what is not
// accounted for. The memory stays as after Remove. It returns why it was retired if no
// later process will find it.
func (f *file) Leave() error {
	f.Look()
	f.touch(func() { f.image.store(offLeft, seal(1, f.salt, offLeft)) })
	return f.let(f.Retired)
}

// Quarantine renames the file, so that no process adopts it, and lets go of it.
func (o *Orphan) Quarantine(reason string) (Quarantined, error) {
	a := Quarantined{Path: o.origin, Size: int64(len(o.image)), Reason: reason}
	err := o.let(func() error {
		err := o.quarantineLocked()
		a.Path = o.dir.join(o.name)
		return err
	})
	return a, err
}

// let lets go of the file, after what is left to do with it.
func (f *file) let(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dir == nil {
		return nil
	}
	err := f.clear() // before another process can hold it: nothing here may change it then
	f.idle.Store(true)
	if err != nil {
		err = errors.Join(do(), err) // and so it stays locked, as long as this process is
	} else {
		err = errors.Join(do(), unix.Close(f.fd))
	}
	f.dir.close()
	f.dir = nil
	return err
}

func newLabel(o Options, g Geometry, number uint64) *label {
	l := &label{
		geometry: g, created: time.Now().UnixNano(), pid: int64(os.Getpid()), started: started(),
		boot: boot(), name: o.Name, program: o.program(),
	}
	var b [8]byte
	rand.Read(b[:]) // never fails
	binary.BigEndian.PutUint64(l.id[:], number)
	rand.Read(l.id[8:])
	l.salt = binary.NativeEndian.Uint64(b[:])
	return l
}

// boot returns the number of this run of the machine, or zeros.
func boot() (id [16]byte) {
	s, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	hex.Decode(id[:], []byte(strings.ReplaceAll(strings.TrimSpace(string(s)), "-", "")))
	return id
}

// started returns when this process began, in ns of Unix time, or 0.
func started() int64 {
	self, _ := os.ReadFile("/proc/self/stat")
	machine, _ := os.ReadFile("/proc/stat")
	_, rest, _ := strings.Cut(string(self[max(strings.LastIndexByte(string(self), ')'), 0):]), ") ")
	fields := strings.Fields(rest) // from the third on
	_, btime, ok := strings.Cut(string(machine), "\nbtime ")
	if len(fields) < 20 || !ok {
		return 0
	}
	btime, _, _ = strings.Cut(btime, "\n")
	seconds, err1 := strconv.ParseInt(btime, 10, 64)
	ticks, err2 := strconv.ParseInt(fields[19], 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return seconds*int64(time.Second) + ticks*int64(time.Second/100) // what the kernel shows has 100 a second
}
