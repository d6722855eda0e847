// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

// A queueHistory is what happened to a queue from its start until it was drained.
type queueHistory struct {
	Drops   bool               // pushes dropped the oldest
	Offered uint64             // tickets given out
	Pushed  [][]outcome        // of each producer, by sequence number
	Takes   []queueHistoryTake // in their order
}

type queueHistoryTake struct {
	First   uint64 // tickets given out before the first record
	Records [][]byte
}

// historyHead is the part of a record that says whose it is: the producer, the
// sequence number and the length. The rest follows from it.
const historyHead = 7

// historyRecord appends to b the record of that producer and number, n bytes long.
func historyRecord(b []byte, producer, seq, n int) []byte {
	start := len(b)
	b = append(b, byte(producer))
	b = binary.BigEndian.AppendUint32(b, uint32(seq))
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	for i := historyHead; i < n; i++ {
		b = append(b, byte(producer*31+seq*7+i))
	}
	return b[:max(len(b), start+historyHead)]
}

// check returns what is wrong with the history: a record that is torn, invented,
// refused and yet there, there twice or out of its producer's order; a ticket
// that is neither taken nor dropped; a drop where nothing may be dropped.
func (h *queueHistory) check() error {
	var all []error
	note := func(format string, args ...any) {
		if len(all) < 10 { // one fault brings many others
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	last := make([]int, len(h.Pushed)) // sequence number that was taken last, plus one
	next, got := uint64(0), uint64(0)  // tickets behind the last take; records taken
	for i, t := range h.Takes {
		if t.First < next || t.First > next && !h.Drops {
			note("take %d: begins at ticket %d after ticket %d", i, t.First, next)
		}
		next = t.First + uint64(len(t.Records))
		got += uint64(len(t.Records))
		for j, r := range t.Records {
			if len(r) < historyHead {
				note("take %d: record %d is torn: %q", i, j, r)
				continue
			}
			producer, seq := int(r[0]), int(binary.BigEndian.Uint32(r[1:]))
			n := int(binary.BigEndian.Uint16(r[5:]))
			switch {
			case producer >= len(h.Pushed) || seq >= len(h.Pushed[producer]):
				note("take %d: nobody pushed record %d: %q", i, j, r)
				continue
			case n != len(r) || !slices.Equal(r, historyRecord(nil, producer, seq, n)):
				note("take %d: record %d is torn: %q", i, j, r)
			case h.Pushed[producer][seq] > crowded:
				note("take %d: record %d of producer %d is there, which was refused", i, seq, producer)
			case seq < last[producer]:
				note("take %d: record %d of producer %d comes again or too late, after %d", i, seq, producer, last[producer]-1)
			}
			last[producer] = seq + 1
		}
	}
	if next > h.Offered || next < h.Offered && !h.Drops {
		note("the last take ends at ticket %d, of %d", next, h.Offered)
	}
	in := uint64(0)
	for _, outcomes := range h.Pushed {
		for _, o := range outcomes {
			if o <= crowded {
				in++
			}
		}
	}
	if in != h.Offered {
		note("%d records were accepted and %d tickets given out", in, h.Offered)
	}
	if !h.Drops && got != in {
		note("%d records were accepted and %d taken", in, got)
	}
	return errors.Join(all...)
}

// missed returns how many records were dropped.
func (h *queueHistory) missed() uint64 {
	n := h.Offered
	for _, t := range h.Takes {
		n -= uint64(len(t.Records))
	}
	return n
}

func TestQueueHistoryCheckFindsEachFault(t *testing.T) {
	r := func(producer, seq int) []byte { return historyRecord(nil, producer, seq, 10+seq) }
	// Two producers push three records each; of the first, 0 is dropped and 2 is refused.
	sound := func() *queueHistory {
		return &queueHistory{
			Drops:   true,
			Offered: 5,
			Pushed:  [][]outcome{{accepted, accepted, contended}, {accepted, crowded, accepted}},
			Takes: []queueHistoryTake{
				{First: 1, Records: [][]byte{r(1, 0), r(0, 1)}},
				{First: 3, Records: [][]byte{r(1, 1), r(1, 2)}},
			},
		}
	}
	assert.NilError(t, sound().check())
	assert.Equal(t, sound().missed(), uint64(1))
	tests := []struct {
		name   string
		doctor func(h *queueHistory)
		want   string
	}{
		{name: "twice in a take", want: "comes again", doctor: func(h *queueHistory) { h.Takes[1].Records[1] = r(1, 1) }},
		{name: "twice in two takes", want: "comes again", doctor: func(h *queueHistory) { h.Takes[1].Records[0] = r(1, 0) }},
		{name: "out of order", want: "too late", doctor: func(h *queueHistory) { slices.Reverse(h.Takes[1].Records) }},
		{name: "refused", want: "refused", doctor: func(h *queueHistory) { h.Takes[0].Records[1] = r(0, 2) }},
		{name: "invented number", want: "nobody", doctor: func(h *queueHistory) { h.Takes[1].Records[1] = r(1, 3) }},
		{name: "invented producer", want: "nobody", doctor: func(h *queueHistory) { h.Takes[1].Records[1] = r(2, 0) }},
		{name: "cut short", want: "torn", doctor: func(h *queueHistory) { h.Takes[0].Records[0] = r(1, 0)[:9] }},
		{name: "cut to nothing", want: "torn", doctor: func(h *queueHistory) { h.Takes[0].Records[0] = nil }},
		{name: "too long", want: "torn", doctor: func(h *queueHistory) { h.Takes[0].Records[0] = append(r(1, 0), 'x') }},
		{name: "a byte of another", want: "torn", doctor: func(h *queueHistory) { h.Takes[0].Records[0][9]++ }},
		{name: "a record is missing in a take", want: "begins at ticket", doctor: func(h *queueHistory) {
			h.Takes[0].Records = append(h.Takes[0].Records, r(1, 1), r(1, 2))
		}},
		{name: "a drop nobody made", want: "accepted", doctor: func(h *queueHistory) { h.Offered++ }},
		{name: "a ticket nobody got", want: "accepted", doctor: func(h *queueHistory) { h.Pushed[0][0] = full }},
		{name: "more taken than offered", want: "ends at ticket", doctor: func(h *queueHistory) { h.Takes[1].First++ }},
		{name: "a gap where nothing is dropped", want: "begins at ticket", doctor: func(h *queueHistory) { h.Drops = false }},
		{name: "a gap at the end where nothing is dropped", want: "the last take", doctor: func(h *queueHistory) {
			h.Drops = false
			h.Takes[0] = queueHistoryTake{First: 0, Records: [][]byte{r(0, 0), r(1, 0), r(0, 1)}}
			h.Takes[1].Records = h.Takes[1].Records[:1]
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sound()
			tt.doctor(h)
			assert.ErrorContains(t, h.check(), tt.want)
		})
	}
}
