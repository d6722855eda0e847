// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
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

	root   *os.Root // the folder, also when its name is another one
	folder *os.File // likewise, locked; nil where there is no such lock
	lock   *os.File // in it
	cursor cursor

	segments []*segment // oldest first
	spent    []*segment // delivered, but could not be removed yet
	bytes    int64      // of all of these
	number   uint64     // the highest that a segment has, had, or was to have
	head     *os.File   // of the oldest segment, for reading; nil until it is read
	tail     *os.File   // of the newest segment, for appending; nil if the next append begins another
	dirty    bool       // something was written to tail since the last sync
	unsynced error      // what went wrong with a sync, until Flush has told it

	next  uint64
	taken uint64
	from  uint64 // next when the store was opened

	reader reader
	frame  []byte

	quarantined int
	damaged     uint64
	lost        uint64 // of those, records from next on when the store was opened
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
	bad    error  // why a part of it counts as damaged; nil if none does
}

func (s *segment) name() string { return fmt.Sprintf(segmentName, s.number) }

// open takes the folder and finds what is in it.
func (t *store) open() (err error) {
	if err := makeFolder(t.dir); err != nil {
		return err
	}
	if t.root, err = openFolder(t.dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = t.close() // err says more
		}
	}()
	if t.folder, t.lock, err = takeFolder(t.root); err != nil {
		return err
	}
	if t.cursor.file, err = openFile(t.root, cursorName, os.O_RDWR|os.O_CREATE); err != nil {
		return err
	}
	if t.policy != SyncNever {
		t.failedSync(syncName(t.dir))
	}
	if err := t.cursor.load(); err != nil {
		return err
	}
	numbers, quarantined, highest, err := list(t.root)
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

// empty reports whether there is nothing to deliver and nothing to remove.
func (t *store) empty() bool { return len(t.segments) == 0 }

// append puts records behind the others and returns the number of the first. It
// takes all or none.
func (t *store) append(p []byte, ends []int) (first uint64, err error) {
	if t.lock == nil {
		return 0, fs.ErrClosed // a Write that Close has left behind
	}
	size := frameSize(len(p), len(ends))
	fresh := t.tail == nil || t.tailSegment().size+size > t.segmentBytes || t.astray()
	need := size
	if fresh {
		need += headerSize
	}
	if t.bytes+need > t.maxBytes {
		_ = t.clear() // it was told before
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
	if t.root.Remove(s.name()) == nil {
		t.segments = t.segments[:len(t.segments)-1]
		t.bytes -= s.size
	}
}

// begin begins another segment.
func (t *store) begin() error {
	if err := t.endTail(); err != nil {
		return err
	}
	t.number++ // also where this fails: the name may stay taken
	s := &segment{number: t.number, id: rand.Uint64() | 1, first: t.next, size: headerSize, off: headerSize}
	const create = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := openFile(t.root, s.name(), create)
	if missing(err) { // the folder is removed, and there may be another one
		if lost := t.renew(); lost != nil {
			return errors.Join(err, lost)
		}
		f, err = openFile(t.root, s.name(), create)
	}
	if err != nil {
		return err
	}
	if err = t.cursor.reserve(); err == nil {
		_, err = f.WriteAt(appendHeader(nil, s.id, s.first), 0)
	}
	if err != nil {
		return errors.Join(err, f.Close(), t.root.Remove(s.name()))
	}
	if t.policy != SyncNever {
		t.failedSync(bringToDisk(t.folder))
	}
	t.tail = f
	t.segments = append(t.segments, s)
	t.bytes += s.size
	return nil
}

// renew goes on in the folder that has the name of ours now, which is removed. That
// one must be free, and without records: they might have the numbers of ours.
func (t *store) renew() error {
	root, err := openFolder(t.dir)
	if err != nil {
		return err
	}
	folder, lock, err := takeFolder(root)
	if err != nil {
		return errors.Join(err, root.Close())
	}
	numbers, _, _, err := list(root)
	if err == nil && len(numbers) > 0 {
		err = errors.New("it has records of another run")
	}
	var cursor *os.File
	if err == nil {
		cursor, err = openFile(root, cursorName, os.O_RDWR|os.O_CREATE)
	}
	if err != nil {
		return errors.Join(err, closeAll(folder, lock), root.Close())
	}
	_ = errors.Join(closeAll(t.cursor.file, t.lock, t.folder), t.root.Close()) // nothing there is of use
	t.root, t.folder, t.lock, t.cursor.file = root, folder, lock, cursor
	if t.policy != SyncNever {
		t.failedSync(syncName(t.dir))
	}
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
	t.tell("sync", err)
	if t.unsynced == nil {
		t.unsynced = fmt.Errorf("cannot bring it to the disk: %w", err)
	}
}

// tell tells of an error that nobody is waiting for.
func (t *store) tell(op string, err error) {
	if t.note != nil {
		t.note(op, err)
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

// close lets go of the folder.
func (t *store) close() error {
	err := errors.Join(t.endTail(), t.sync(), t.clear())
	err = errors.Join(err, closeAll(t.head, t.cursor.file, t.lock, t.folder), t.root.Close())
	t.head, t.cursor.file, t.lock, t.folder = nil, nil, nil, nil
	t.segments, t.spent, t.bytes = nil, nil, 0
	return err
}

// astray reports whether the newest segment has lost its name: somebody has removed it,
// moved it away or put another file in its place, and nobody would find what is
// appended.
func (t *store) astray() bool {
	info, err := t.tail.Stat()
	if err != nil {
		return false
	}
	named, err := t.root.Lstat(t.tailSegment().name())
	return missing(err) || err == nil && !os.SameFile(info, named)
}

// missing reports whether a segment was removed by somebody else.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
