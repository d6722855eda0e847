// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Candidate is a ring that nobody held when Orphans looked.
type Candidate struct {
	Path    string
	Size    int64
	Created time.Time

	options Options
	number  uint64 // greater than those of rings that were there when it was made
}

// Leftover is a ring that nobody held when Unclaimed looked, of a destination that there
// is no more.
type Leftover struct {
	Path    string
	Size    int64
	Name    string // of the destination
	Records int    // in the queue and on their way to the sink; 0 also if that cannot be told
}

// Quarantined is a file that was quarantined: renamed to .bad, so that nobody adopts it.
// Nobody has what is in it, so hydra never deletes it.
type Quarantined struct {
	Path   string // as it is called now
	Size   int64
	Reason string
}

// QuarantineError is what Adopt returns when it has quarantined the ring.
type QuarantineError struct{ Quarantined }

func (e *QuarantineError) Error() string {
	return fmt.Sprintf("ring: quarantined as %s: %s", e.Path, e.Reason)
}

// ErrTaken is what Adopt returns when another process holds the ring by now, or has
// done with it.
var ErrTaken = errors.New("ring: another process has taken it")

// mostAttempts is how often a ring is adopted without anything coming of it.
const mostAttempts = 3

// Info says where a ring comes from.
type Info struct {
	Path     string
	ID       [16]byte // of the ring: a number, greater than those of rings that were there, and a random one
	Name     string   // of the destination
	Program  string
	PID      int
	Started  time.Time // the process; zero if that is not known
	Created  time.Time // the ring
	SameBoot bool      // PID means something on this machine as it runs
	Left     bool      // its process ended in order and left records behind
	Attempts int       // how often recovery was tried without progress, this time included
}

// Counts say what became of the records of a ring.
type Counts struct {
	Records int    // that Take yields, or has yielded
	Bytes   int64  // of them
	Holes   uint64 // tickets of producers that died before their call returned
	Dropped uint64 // dropped by the queue, and overwritten since, before the first of Records
	Damaged uint64 // lost because their bytes or slots were changed; at most so many
}

// Batch is what was on its way to the sink.
type Batch struct {
	First, Next uint64 // its records
	Bytes       []byte // as the sink got them
	Ends        []int
	Lead        int     // bytes at the start that are no record
	Done        int     // bytes that were settled
	Intent      *Intent // what the sink was about to do, or had done; nil if nothing was noted
}

// Intent is what the sink noted last.
type Intent struct {
	From, Upto int // bytes of the batch
	Place      []byte
}

// Run is consecutive records from the queue, oldest first.
type Run struct {
	First uint64 // number of the first; record i is First+i
	Bytes []byte
	Ends  []int
}

// Next returns the number behind the last record.
func (r *Run) Next() uint64 { return r.First + uint64(len(r.Ends)) }

// Orphan is a ring of a process that died, which this one holds now. Its methods belong
// to one goroutine.
//
// What was on its way comes first: Batch; then Take yields the queue run by run. Each
// run is to be given to Begin before the sink gets it, and so on as with a Ring: then
// another process that adopts the ring finds things as they are.
type Orphan struct {
	file
	info   Info
	batch  *Batch
	state  []byte
	queue  []entry // oldest first
	tail   uint64  // number behind the last record, as far as that can be told
	counts Counts
	buf    []byte // of scan
}

// Info returns where the ring comes from.
func (o *Orphan) Info() Info { return o.info }

// Counts returns what was found. Take may move records from Records to Damaged.
func (o *Orphan) Counts() Counts { return o.counts }

// Tail returns the number behind the last record that had been queued, a damaged one
// included. Of slots that hold no sense only those count that are next to the others.
func (o *Orphan) Tail() uint64 { return o.tail }

// Batch returns what was on its way to the sink, or nil. It is in flight still: Note,
// Done and End are about it, until the next Begin.
func (o *Orphan) Batch() *Batch { return o.batch }

// State returns the state that came with the last batch.
func (o *Orphan) State() []byte { return o.state }

// Attempt says that the sink is about to get something of the ring: until Done, End or
// Survived says that it did no harm, this counts as an attempt. A process that dies
// before it comes to that has not tried.
func (o *Orphan) Attempt() {
	if o.fresh {
		o.touch(func() { o.image.store(offAttempts, seal(uint32(o.info.Attempts), o.salt, offAttempts)) })
	}
}

// Outlived says that the process lives although the sink has had something of the ring for
// long: what ends it from now on, such as a supervisor that finds it hanging, is not what
// it recovers, and this is no attempt. It may be called from any goroutine.
func (o *Orphan) Outlived() {
	o.touch(func() { o.image.store(offAttempts, seal(0, o.salt, offAttempts)) })
}

// forgive forgets the attempts of those before, if the last of them ended in order. A
// process that dies in between leaves it to the next.
func (o *Orphan) forgive() {
	if !o.info.Left {
		return
	}
	o.touch(func() {
		o.image.store(offAttempts, seal(0, o.salt, offAttempts))
		o.stored()
		o.image.store(offLeft, seal(0, o.salt, offLeft))
		o.stored()
	})
}

// Room returns the most bytes and ends that Begin takes.
func (o *Orphan) Room() (bytes, ends int) { return o.limits.Batch, o.limits.BatchRecords }

// Take fills r, whose slices it uses again, with the next run of at most so many
// bytes and records, but one record at least. It returns false when there is none.
func (o *Orphan) Take(r *Run, bytes, records int) bool {
	r.Bytes, r.Ends = r.Bytes[:0], r.Ends[:0]
	for len(o.queue) > 0 {
		e := o.queue[0]
		if n := len(r.Ends); n > 0 && (e.number != r.Next() || n >= records || len(r.Bytes)+int(e.length) > bytes) {
			break
		}
		o.queue = o.queue[1:]
		start := len(r.Bytes)
		if !o.try(func() { r.Bytes = o.cut(r.Bytes[:start], e) }) {
			r.Bytes = r.Bytes[:start]
		}
		if len(r.Bytes)-start != int(e.length) || checksum(seedOf(o.tag(e.ticket(), int(e.length)), e.position), r.Bytes[start:]) != e.sum {
			r.Bytes = r.Bytes[:start] // good when it was adopted
			o.counts.Records--
			o.counts.Bytes -= int64(e.length)
			o.counts.Damaged++
			if len(r.Ends) > 0 {
				break
			}
			continue
		}
		if len(r.Ends) == 0 {
			r.First = e.number
		}
		r.Ends = append(r.Ends, len(r.Bytes))
	}
	return len(r.Ends) > 0
}

// cut appends the bytes of a record to p.
func (f *file) cut(p []byte, e entry) []byte {
	first := f.data[e.position:min(int(e.position)+int(e.length), len(f.data))]
	p = append(p, first...)
	return append(p, f.data[:int(e.length)-len(first)]...)
}

// read finds out what the ring holds. An error says why it cannot be known.
func (o *Orphan) read() error {
	head := make(image, pageBytes)
	last := uint64(0)
	if !o.try(func() { copy(head, o.image); last = o.image.load(len(o.image) - 8) }) || last != canary(o.salt) {
		return errors.New("the file was cut")
	}
	status, ok := unseal(head.load(offStatus), o.salt, offStatus)
	seq := status >> 1
	at := accountAt(seq)
	if !ok || head.load(at+accSeq) != uint64(seq) || head.load(at+accSum) != checksum(o.salt, head[at:at+accSum]) {
		return errors.New("the account of the last batch is damaged")
	}
	mark, ok1 := unseal(head.load(offMark), o.salt, offMark)
	attempts, ok2 := unseal(head.load(offAttempts), o.salt, offAttempts)
	left, ok3 := unseal(head.load(offLeft), o.salt, offLeft)
	done, ok4 := unseal(head.load(at+accDone), o.salt+uint64(seq)<<32, at+accDone)
	intent, ok5 := unseal(head.load(at+accIntent), o.salt+uint64(seq)<<32, at+accIntent)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return errors.New("a word of the head is damaged")
	}
	if left == 1 {
		attempts = 0 // who adopted it ended in order
	}
	o.info.Left, o.info.Attempts = left == 1, int(min(attempts, mostAttempts))+1
	o.seq, o.active, o.notes, o.fresh = seq, status&1 == 1, intent, true
	o.next = head.load(at + accNext)
	o.state = slices.Clone(head[at+accState : at+accState+int(min(head.load(at+accStateLen), MaxState))])
	if o.active {
		o.batch = o.readBatch(head, at, done, intent)
		if o.batch == nil {
			o.counts.Damaged += o.next - head.load(at+accFirst)
		}
	}
	o.scan(max(o.next, uint64(mark)*markEvery))
	o.buf = nil
	return nil
}

// readBatch returns the batch whose account is at an offset of the head, or nil if its
// bytes are damaged.
func (o *Orphan) readBatch(head image, at int, done, intent uint32) *Batch {
	size, records, lead := head.load(at+accBytes), head.load(at+accRecords), head.load(at+accLead)
	if size > uint64(o.limits.Batch) || records > uint64(o.limits.BatchRecords) || lead > size || uint64(done) > size {
		return nil
	}
	b := &Batch{
		First: head.load(at + accFirst), Next: head.load(at + accNext),
		Bytes: make([]byte, size), Ends: make([]int, records), Lead: int(lead), Done: int(done),
	}
	ends := make([]byte, 4*records)
	read := o.try(func() {
		copy(b.Bytes, o.image[o.plan.batch:])
		copy(ends, o.image[o.plan.ends:])
	})
	if !read || checksum(checksum(o.salt, b.Bytes), ends) != head.load(at+accPayload) {
		return nil
	}
	for i := range b.Ends {
		b.Ends[i] = int(binary.NativeEndian.Uint32(ends[4*i:]))
	}
	if !slices.IsSorted(b.Ends) || len(b.Ends) > 0 && b.Ends[len(b.Ends)-1] > len(b.Bytes) {
		return nil
	}
	off := intentAt(intent)
	if intent != 0 && head.load(off+intSum) == sumOfIntent(head, o.salt, intent, o.seq) {
		from, upto, n := head.load(off+intFrom), head.load(off+intUpto), head.load(off+intPlaceLen)
		if from <= upto && upto <= size && n <= MaxPlace {
			b.Intent = &Intent{int(from), int(upto), slices.Clone(head[off+intPlace : off+intPlace+int(n)])}
		}
	}
	return b
}
