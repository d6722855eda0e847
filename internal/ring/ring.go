// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package ring keeps the records of a queue in a file on tmpfs, which outlives the
// process whatever kills it. A later process adopts the file and finds each record
// whose producer had come back, and the batch that was on its way to the sink.
//
// A Ring stands beside a live queue, which has its head, its tail and its bytes on the
// heap and never reads the ring. It holds the bytes a second time and, beside them, what
// a later process needs to know which of them count:
//
//   - A slot for each record: its ticket, length and position, disguised by a random
//     number of the ring, and a checksum of all that and of its bytes. The producer
//     stores it when the bytes are in place. Slots are apart from the bytes, so no
//     record can imitate one.
//   - The batch in flight: the bytes as the sink gets them, how many of them are
//     settled, and where the last system call was to put which of them. Begin makes
//     the batch valid and moves the head of the queue past its records in one store.
//
// An Orphan is a ring whose process died. It yields its batch, then its records, and
// has the methods of a Ring for the batches that it brings to the sink, so that dying
// while it recovers loses and repeats nothing either.
//
// The file may be cut or its device vanish while it is mapped, and the kernel answers
// a touch of what is missing with SIGBUS. Every touch here is under a guard: the ring
// is then retired, and the queue goes on without it. So it is when the file is deleted
// or renamed, for which Begin, Leave and Look look.
package ring

import (
	"math/bits"
	"runtime/debug"
	"sync/atomic"
	"unsafe"
)

// Geometry is the sizes of a ring.
type Geometry struct {
	Data         int    // bytes of the queue's data
	Slots        int    // records: a power of two, the number of the queue's entries
	Batch        int    // most bytes of a batch
	BatchRecords int    // most ends of a batch
	First        uint64 // number of the first record; its lowest 30 bits are its ticket
}

// Options say where rings live and whose they are.
type Options struct {
	// Dir is the directory of the rings. It is created with mode 0700 if it is
	// missing, and must belong to this user and be writable by nobody else. ""
	// means hydra in $XDG_RUNTIME_DIR if that is a directory of this user, else
	// hydra-<uid> in /dev/shm.
	Dir string

	// Name is the name of the destination: a ring is adopted under the same name.
	Name string

	// Program tells rings of different programs apart that share a directory. ""
	// means the base name of the executable, whose folder may be another with each version.
	Program string

	// AllowDisk allows a directory that is not in memory. There a store into the
	// mapping waits for the disk, and where that hangs the whole process does.
	AllowDisk bool

	// MaxOrphans is the most bytes of orphans that Orphans offers; the oldest
	// beyond it are quarantined. Create refuses when orphans and what was quarantined
	// come to more than twice as much. 0 means 1 GiB.
	MaxOrphans int64
}

const (
	ticketBits = 30 // as in the queue
	ticketMask = 1<<ticketBits - 1
	maxLength  = 1<<24 - 1

	// markEvery is how many tickets apart the head notes one: often enough to tell
	// how often tickets have wrapped.
	markEvery = 1 << 28

	// tagged are the bits that say that a tag is one, between those of the ticket
	// (32-61) and the length (8-31) and around them.
	tagged     = 1<<63 | 0xa5
	taggedMask = 3<<62 | 0xff
)

// A slot says where the bytes of a record are. The tag is stored last.
type slot struct {
	sum   uint64 // of the bytes, seeded with position and tag
	place uint64 // position
	tag   uint64 // salt ^ (tagged | ticket<<32 | length<<8)
}

// Ring is the file beside a live queue, which this process holds. Fill may be called by
// any number of producers, each with a ticket of its own; Path, Size, Look and Retired
// by anybody; the other methods by the one consumer.
type Ring struct {
	file
}

// file is a mapped ring, of a live queue or of one that died.
type file struct {
	// immutable
	slots []slot
	data  []byte
	salt  uint64
	mask  uint32

	idle atomic.Bool // retired, or no longer held: nothing is stored any more

	mapping
	holder

	marked atomic.Uint64 // producers: the number of the last ticket that the head notes

	journal
}

// Fill stores the record with that ticket: it copies p to position, wrapping at the end
// of the data, and then makes its slot valid. The ticket, the slot and the stretch of data
// must be the caller's alone until Fill returns. p must not be empty.
//
// Fill never fails: when the file vanishes it retires the ring. It does not allocate, and
// waits for nothing.
func (r *Ring) Fill(ticket, position uint32, p []byte) {
	if r.idle.Load() {
		return
	}
	tag := r.tag(ticket, len(p))
	if !r.fill(ticket, position, p, checksum(seedOf(tag, position), p), tag) {
		r.retire()
		return
	}
	if ticket%markEvery == 0 {
		r.mark(ticket)
	}
}

// fill stores a record and its slot. It reports false if that faulted.
//
// Plain stores do: nobody who lives reads them, and for those who come later each store
// is in the file in the order of the program.
func (f *file) fill(ticket, position uint32, p []byte, sum, tag uint64) (ok bool) {
	defer f.guard(debug.SetPanicOnFault(true), &ok)
	if k := copy(f.data[position:], p); k < len(p) {
		copy(f.data, p[k:])
	}
	s := &f.slots[ticket&f.mask]
	s.sum, s.place = sum, uint64(position)
	s.tag = tag
	return true
}

func (f *file) tag(ticket uint32, length int) uint64 {
	return f.salt ^ (tagged | uint64(ticket)<<32 | uint64(length)<<8)
}

func seedOf(tag uint64, position uint32) uint64 {
	return (tag ^ bits.ReverseBytes64(uint64(position))) * prime1
}

// mark notes in the head how far the tickets have come, for the consumer may hang while
// producers drop the oldest until tickets wrap.
func (r *Ring) mark(ticket uint32) {
	n := r.marked.Load()
	next := near(n, ticket)
	if int64(next-n) > 0 && r.marked.CompareAndSwap(n, next) {
		r.touch(func() { r.image.store(offMark, seal(uint32(next/markEvery), r.salt, offMark)) })
	}
}

// near returns the number with that ticket which is nearest to n.
func near(n uint64, ticket uint32) uint64 {
	const unused = 32 - ticketBits
	return n + uint64(int64(int32((ticket-uint32(n))<<unused)>>unused))
}

// behind returns the position behind n bytes at position.
func (f *file) behind(position uint32, n int) uint32 {
	next := int64(position) + int64(n)
	if next >= int64(len(f.data)) {
		next -= int64(len(f.data))
	}
	return uint32(next)
}

// lay places the parts of a ring in its image.
func (f *file) lay(l *label, p plan) {
	f.salt = l.salt
	f.mask = uint32(l.geometry.Slots - 1)
	f.data = f.image[p.data : p.data+l.geometry.Data : p.data+l.geometry.Data]
	// In bounds by the plan, which gives the slots a part of their own; aligned, for it
	// begins on a page. A mapping is no memory of Go, and a slot holds no pointers.
	f.slots = unsafe.Slice((*slot)(unsafe.Pointer(&f.image[pageBytes])), l.geometry.Slots)
	f.journal.lay(f, l, p)
}
