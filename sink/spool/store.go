// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// ErrFull is the error of Write when the spool has no room: Options.MaxBytes is
// reached, or the disk is full. The error that wraps it says how many bytes were
// needed and how many there are.
var ErrFull = errors.New("the spool is full")

// A store is the records on the disk, a queue that knows no sinks. Records are
// numbered on and on; those before taken are delivered, those from there to next
// are in its segments, but for what was damaged. Its user has the lock of the
// folder.
type store struct {
	dir          string
	maxBytes     int64
	segmentBytes int64
	policy       Sync
	note         func(op string, err error) // tells of an error that nobody is waiting for; may be nil

	lock   *os.File
	cursor cursor

	segments []*segment // oldest first
	bytes    int64      // of all segments
	number   uint64     // the highest that a segment has or had
	head     *os.File   // of the oldest segment, for reading; nil until it is read
	tail     *os.File   // of the newest segment, for appending; nil if the next append begins another
	dirty    bool       // something was written to tail since the last sync
	unsynced error      // what went wrong with a sync, until Flush has told it

	next  uint64
	taken uint64
	from  uint64    // next when the store was opened
	last  time.Time // when what was read last was spooled

	reader reader
	frame  []byte

	quarantined int
	damaged     uint64
	torn        uint64
}

// A segment is a file of the spool.
type segment struct {
	number uint64
	id     uint64
	first  uint64 // number of its first record
	size   int64  // as far as it is written
	off    int64  // as far as it is read
	skip   uint64 // records before this are delivered
	bad    bool   // a part of it is damaged
}

func (t *store) path(s *segment) string {
	return filepath.Join(t.dir, fmt.Sprintf(segmentName, s.number))
}

// open takes the folder and finds what is in it.
func (t *store) open() (err error) {
	if err := makeFolder(t.dir); err != nil {
		return err
	}
	if t.lock, err = lockFolder(t.dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = t.close() // err says more
		}
	}()
	if t.cursor.file, err = openFile(filepath.Join(t.dir, cursorName), os.O_RDWR|os.O_CREATE); err != nil {
		return err
	}
	if err := t.cursor.load(); err != nil {
		return err
	}
	numbers, quarantined, highest, err := list(t.dir)
	if err != nil {
		return err
	}
	t.number, t.quarantined = highest, quarantined
	for _, n := range numbers {
		if err := t.find(n); err != nil {
			return err
		}
	}
	return t.survey()
}

// find adds a segment that is in the folder.
func (t *store) find(number uint64) error {
	s := &segment{number: number, off: headerSize}
	f, err := openFile(t.path(s), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.size = info.Size()
	if s.size <= headerSize { // the process ended before anything was in it
		return os.Remove(t.path(s))
	}
	var top [headerSize + 8]byte
	n, err := f.ReadAt(top[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.id, s.first, err = parseHeader(top[:min(n, headerSize)])
	switch {
	case errors.Is(err, errVersion):
		t.quarantined++
		return quarantine(t.path(s))
	case err != nil: // the first frame tells the id as well
		s.bad = true
		if n == len(top) {
			s.id = binary.LittleEndian.Uint64(top[headerSize:])
		}
	}
	if s.id == t.cursor.id {
		s.skip = t.cursor.next
	}
	t.segments = append(t.segments, s)
	t.bytes += s.size
	return nil
}

// survey finds the numbers of the first record and of the one to come.
func (t *store) survey() error {
	t.next = max(t.cursor.next, 1)
	for i, seen := len(t.segments)-1, false; i >= 0; i-- {
		s := t.segments[i]
		t.next = max(t.next, s.first)
		if seen && !s.bad {
			continue
		}
		first, next, err := t.measure(s)
		if err != nil {
			return err
		}
		t.next = max(t.next, next)
		if s.bad {
			s.first = first
		}
		seen = seen || next > 0
	}
	t.taken, t.from = t.next, t.next
	if len(t.segments) > 0 && t.segments[0].first > 0 {
		t.taken = max(t.segments[0].first, t.segments[0].skip)
	}
	return nil
}

// measure returns the number of a segment's first record and that of the one
// behind its last, or zeros.
func (t *store) measure(s *segment) (first, next uint64, err error) {
	f, err := openFile(t.path(s), os.O_RDONLY)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	r := reader{file: f, id: s.id}
	for off := int64(headerSize); ; {
		fr, err := r.at(off, s.size)
		switch {
		case err == nil:
			if first == 0 {
				first = fr.first
			}
			off += fr.size
		case errors.Is(err, errDamaged), errors.Is(err, errTorn):
			if off, err = r.find(off+1, s.size); err != nil {
				return 0, 0, err
			}
		case errors.Is(err, io.EOF):
			return first, r.seen, nil
		default:
			return 0, 0, err
		}
	}
}

// empty reports whether there is nothing to deliver and nothing to remove.
func (t *store) empty() bool { return len(t.segments) == 0 }

// append puts records behind the others and returns the number of the first. It
// takes all or none.
func (t *store) append(p []byte, ends []int) (first uint64, err error) {
	size := frameSize(len(p), len(ends))
	fresh := t.tail == nil || t.tailSegment().size+size > t.segmentBytes || gone(t.tail)
	need := size
	if fresh {
		need += headerSize
	}
	if err := t.room(size, need); err != nil {
		return 0, err
	}
	if fresh {
		if err := t.begin(); err != nil {
			return 0, explain(err)
		}
	}
	s := t.tailSegment()
	t.frame = appendFrame(t.frame[:0], s.id, t.next, time.Now(), p, ends)
	if _, err := t.tail.WriteAt(t.frame, s.size); err != nil {
		t.takeBack(s)
		return 0, explain(err)
	}
	if cap(t.frame) > 1<<20 {
		t.frame = nil
	}
	first = t.next
	s.size += size
	t.bytes += size
	t.next += uint64(len(ends))
	t.dirty = true
	if t.policy == SyncBatch {
		t.syncTail()
	}
	return first, nil
}

// room returns why need bytes more do not go into the store, size of them in one frame.
func (t *store) room(size, need int64) error {
	switch {
	case size > math.MaxInt32:
		return fmt.Errorf("%w: a frame cannot have %d bytes, the most is %d: lower the format's MaxRecord", ErrFull, size, math.MaxInt32)
	case need > t.maxBytes:
		return fmt.Errorf("%w: %d bytes are needed, and Options.MaxBytes is %d: raise it above that", ErrFull, need, t.maxBytes)
	case t.bytes+need > t.maxBytes:
		return fmt.Errorf("%w: %d bytes are needed, and %d of the %d of Options.MaxBytes are free: raise it, or see to the sink behind it",
			ErrFull, need, t.maxBytes-t.bytes, t.maxBytes)
	}
	return nil
}

// explain adds the way out to an error of appending.
func explain(err error) error {
	if noSpace(err) {
		return fmt.Errorf("%w: the disk has no room: make some, or see to the sink behind it: %w", ErrFull, err)
	}
	return err
}

func (t *store) tailSegment() *segment { return t.segments[len(t.segments)-1] }

// takeBack removes what a failed append left behind.
func (t *store) takeBack(s *segment) {
	err := t.tail.Truncate(s.size)
	if s.size > headerSize {
		if err != nil {
			_ = t.endTail() // what follows goes into another segment
		}
		return
	}
	_ = t.endTail()
	if os.Remove(t.path(s)) == nil {
		t.segments = t.segments[:len(t.segments)-1]
		t.bytes -= s.size
	}
}

// begin begins another segment.
func (t *store) begin() error {
	if err := t.endTail(); err != nil {
		return err
	}
	s := &segment{number: t.number + 1, id: rand.Uint64() | 1, first: t.next, size: headerSize, off: headerSize}
	f, err := openFile(t.path(s), os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(appendHeader(nil, s.id, s.first), 0); err != nil {
		return errors.Join(err, f.Close(), os.Remove(t.path(s)))
	}
	if t.policy != SyncNever {
		t.failedSync(syncFolder(t.dir))
	}
	t.number = s.number
	t.tail = f
	t.segments = append(t.segments, s)
	t.bytes += s.size
	return nil
}

// endTail ends the newest segment: nothing is appended to it any more.
func (t *store) endTail() error {
	if t.tail == nil {
		return nil
	}
	if t.policy != SyncNever {
		t.syncTail()
	}
	if t.tail == nil { // its sync failed
		return nil
	}
	err := t.tail.Close()
	t.tail, t.dirty = nil, false
	return err
}

// syncTail brings the newest segment to the disk. After a failure the system may
// have forgotten what it could not write, and would call the next sync a success:
// what follows goes into another segment.
func (t *store) syncTail() {
	if t.tail == nil || !t.dirty {
		return
	}
	t.dirty = false
	if err := syncData(t.tail); err != nil {
		t.failedSync(err)
		t.failedSync(t.tail.Close())
		t.tail = nil
	}
}

func (t *store) failedSync(err error) {
	if err == nil {
		return
	}
	if t.note != nil {
		t.note("sync", err)
	}
	if t.unsynced == nil {
		t.unsynced = fmt.Errorf("cannot bring it to the disk: %w", err)
	}
}

// sync makes what was appended as safe as the policy says, and returns what went
// wrong with that since the last time.
func (t *store) sync() error {
	if t.policy != SyncNever {
		t.syncTail()
	}
	err := t.unsynced
	t.unsynced = nil
	return err
}

// close lets go of the folder. It can be opened again.
func (t *store) close() error {
	err := errors.Join(t.endTail(), t.sync())
	for _, f := range []**os.File{&t.head, &t.cursor.file, &t.lock} {
		if *f != nil {
			err = errors.Join(err, (*f).Close())
			*f = nil
		}
	}
	t.segments, t.bytes = nil, 0
	return err
}

// gone reports whether somebody has removed a file that is open.
func gone(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && links(info) == 0
}

// missing reports whether a segment was removed by somebody else.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
