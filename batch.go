// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"time"

	"github.com/hydra-logger/hydra/internal/trail"
)

// A batch is what the writer is bringing to the sink.
type batch struct {
	bytes  []byte
	ends   []int
	whens  []uint32    // of the records only
	notice int         // how many of ends are no records: a gap marker, the line that ends an audited run
	done   int         // bytes that the sink took
	first  int         // index in ends of the first record not accounted for
	marked missing     // what gap markers had told before that of the batch
	before trail.State // where the trail stood before that of the batch
}

// torn is a record of which the sink took the beginning and then failed. The rest
// waits for the sink: writing the record elsewhere would leave half a line behind.
type torn struct {
	bytes   []byte      // of the batch that it was in, up to its end
	ends    []int       // likewise
	lead    int         // likewise, the bytes that are no records
	start   int         // where in bytes it begins
	done    int         // bytes that the sink took
	whens   []uint32    // of one record, or of none if it is a gap marker
	reached uint64      // as in progress
	before  trail.State // as in batch
}

// start returns the offset of the first byte of record i.
func (b *batch) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.ends[i-1]
}

// records returns how many of the ends from one index to a later one are of
// records; to may be less than from.
func (b *batch) records(from, to int) uint64 {
	return uint64(max(max(to-b.notice, 0)-max(from-b.notice, 0), 0))
}

// progress is what the sink took in one call.
type progress struct {
	bytes   int
	whens   []uint32 // of the records that it has whole by now, and had not before
	mended  bool     // the only one of them was torn
	notices int      // likewise gap markers
	reached uint64   // the ticket behind what they are or tell of
	partial bool     // and the beginning of one
}

// settle accounts for what the sink took.
func (d *destination) settle(t progress) {
	now := time.Now()
	stamp := stampOf(now)
	for _, when := range t.whens {
		if when != 0 {
			d.latency.Record(sinceStamp(stamp, when))
		}
	}
	d.recent.Add(now, recentWritten, uint64(len(t.whens)))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noteLosses(now)
	b := &d.books
	if t.bytes > 0 {
		b.bytes += uint64(t.bytes)
		b.batches++
		b.wrote = now
	}
	b.notices += uint64(t.notices)
	if t.notices+len(t.whens) > 0 {
		b.reached = max(b.reached, t.reached)
	}
	if t.partial {
		b.partial++
	}
	if t.mended {
		b.mend()
	} else {
		b.write(uint64(len(t.whens)))
	}
}
