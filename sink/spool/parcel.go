// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"sort"
	"time"

	"github.com/hydra-logger/hydra/sink"
)

// A parcel is what the inner sink is being given: a batch that Write brought, or
// records from the store. Its records do not change while it is under way, and the
// other fields are guarded by Sink.mu.
type parcel struct {
	bytes []byte // whole records
	ends  []int
	when  time.Time // when its newest record was spooled
	done  int       // bytes that the inner sink took

	stored   bool          // the store has its records
	first    uint64        // number of the first, in the store
	withdraw bool          // Write gives up on it
	over     chan struct{} // of a Write: closed when all of it was taken, or it is withdrawn

	rest []int // the ends of what the inner sink is given next
}

// reset makes p empty, and lets go of memory that few parcels need.
func (p *parcel) reset() {
	if cap(p.bytes) > 4<<20 {
		p.bytes = nil
	}
	*p = parcel{bytes: p.bytes[:0], ends: p.ends[:0], rest: p.rest}
}

// add adds the records of a frame, but for the first drop of them.
func (p *parcel) add(f frame, drop int) {
	from := 0
	if drop > 0 {
		from = f.ends[drop-1]
	}
	shift := len(p.bytes) - from
	p.bytes = append(p.bytes, f.bytes[from:]...)
	for _, end := range f.ends[drop:] {
		p.ends = append(p.ends, end+shift)
	}
	p.when = f.when
}

// whole returns how many records the inner sink has taken whole.
func (p *parcel) whole() int { return sort.SearchInts(p.ends, p.done+1) }

// start returns where the first record begins that is not taken whole.
func (p *parcel) start() int {
	if w := p.whole(); w > 0 {
		return p.ends[w-1]
	}
	return 0
}

// left returns what the inner sink is to be given, from the very byte.
func (p *parcel) left() sink.Batch {
	p.rest = p.rest[:0]
	for _, end := range p.ends[p.whole():] {
		p.rest = append(p.rest, end-p.done)
	}
	return sink.Batch{Bytes: p.bytes[p.done:], Ends: p.rest}
}
