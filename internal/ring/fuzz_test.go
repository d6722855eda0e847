// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// FuzzAdopt lets a file hold anything: nothing panics, and what comes of it is within the
// bounds that the file itself names, or the file is quarantined.
func FuzzAdopt(f *testing.F) {
	s := newSpecimen(f)
	f.Add([]byte(nil), uint16(0), []byte(nil))
	f.Add(s.bytes[:firstPart], uint16(offStatus), s.bytes[offStatus:offStatus+8])
	f.Add(s.bytes, uint16(offAccounts), []byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add(s.bytes, uint16(offIntents+intPlaceLen), []byte{0xff, 0xff})
	f.Add(s.bytes, uint16(pageBytes+16), []byte{1, 2, 3})
	f.Add(s.bytes, uint16(3*pageBytes), bytes.Repeat([]byte{7}, 300))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, patch []byte) {
		if len(b) > 1<<20 {
			return
		}
		b = bytes.Clone(b)
		copy(b[min(int(at), len(b)):], patch)
		if len(b) >= pageBytes { // with a true sum more of it is looked at
			binary.NativeEndian.PutUint64(b[offSum:], sumOfLabel(b))
			m := image(b)
			if salt := m.load(offSalt); len(b)%8 == 0 {
				m.store(len(b)-8, canary(salt))
				for _, off := range []int{offAccounts, offAccounts + accountBytes} {
					m.store(off+accSum, checksum(salt, m[off:off+accSum]))
				}
			}
		}
		o := s.adopt(t, b)
		if o == nil {
			return
		}
		if c := o.Batch(); c != nil {
			assert.Assert(t, c.Done <= len(c.Bytes) && c.Lead <= len(c.Bytes))
			for _, end := range c.Ends {
				assert.Assert(t, end >= 0 && end <= len(c.Bytes))
			}
			if i := c.Intent; i != nil {
				assert.Assert(t, i.From >= 0 && i.From <= i.Upto && i.Upto <= len(c.Bytes) && len(i.Place) <= MaxPlace)
			}
		}
		total, last := 0, uint64(0)
		for r := (Run{}); o.Take(&r, 100, 10); total += len(r.Bytes) {
			assert.Assert(t, last == 0 || r.First >= last)
			last = r.Next()
			_ = o.Begin(r.First, r.Next(), r.Bytes, r.Ends, 0, nil) // which may be too large
			o.Note(0, len(r.Bytes), []byte("place"))
			o.Done(len(r.Bytes))
			o.End()
		}
		assert.Assert(t, total <= o.limits.Data)
		assert.NilError(t, o.Remove())
	})
}

// A model is a queue whose consumer delivers to a slice, as simply as can be.
type model struct {
	t         testing.TB
	q         *rig
	live      []entry           // between head and tail, oldest first; length 0 for one that was never stored
	text      map[uint64]string // of every record that was stored
	flight    []uint64          // numbers of the batch in flight
	bytes     []byte            // of it
	ends      []int
	done      int
	delivered []byte // what the sink has
	want      []byte // what it is to have, of all that was begun
}

// FuzzRing puts, drops, takes, delivers and crashes in any order, and compares what is
// recovered with the model: each record that was stored, and not dropped, is delivered
// once and in order.
func FuzzRing(f *testing.F) {
	f.Add([]byte("ppppbnde"), uint64(0))
	f.Add([]byte("phpptbdcebdde"), uint64(1<<30-3))
	f.Add([]byte(strings.Repeat("pPpqbde", 20)), uint64(1<<28-5))
	f.Add([]byte(strings.Repeat("pPPh", 30)+"bbdc"), uint64(1<<31-7))
	f.Add([]byte(strings.Repeat("pPQhrbdsex", 10)), uint64(3<<28-1))
	f.Fuzz(func(t *testing.T, ops []byte, first uint64) {
		if len(ops) > 200 || first > 1<<60 {
			return
		}
		g := Geometry{Data: 300, Slots: 8, Batch: 300, BatchRecords: 8, First: first}
		m := &model{t: t, q: newRig(t, g), text: make(map[uint64]string)}
		for i, op := range ops {
			switch op % 8 {
			case 0, 1:
				m.put(1 + int(op)*7%90)
			case 2:
				m.hole(1 + int(op)%40)
			case 3:
				m.begin(1 + int(op)%5)
			case 4:
				m.deliver(int(op) % 60)
			case 5:
				m.deliver(len(m.bytes))
				m.end()
			case 6:
				m.torn(int(op) % 50)
			case 7:
				m.crash(i)
			}
		}
		m.crash(len(ops))
		assert.NilError(t, m.q.Remove())
	})
}

// room makes room for a record, as a queue does that drops the oldest, but none that is
// not stored.
func (m *model) room(n int) bool {
	for len(m.live) > 0 {
		used := n
		for _, e := range m.live {
			used += int(e.length)
		}
		if len(m.live) < len(m.q.slots) && used <= len(m.q.data) {
			return true
		}
		if m.live[0].sum == 0 {
			return false
		}
		m.live = m.live[1:]
	}
	return true
}

func (m *model) put(n int) {
	if !m.room(n) {
		return
	}
	number := m.q.number
	p := (fmt.Sprintf("%d:", number) + strings.Repeat("r", 90))[:n]
	position := m.q.position
	m.q.put(p)
	m.text[number] = p
	m.live = append(m.live, entry{number: number, position: position, length: uint32(n), sum: 1})
}

// hole is a producer that dies, for what a later process finds, before the tag; others go
// on, as they do for a moment.
func (m *model) hole(n int) {
	if !m.room(n) {
		return
	}
	number, position := m.q.number, m.q.position
	m.q.claim(n)
	m.q.data[position] ^= 0x55
	m.live = append(m.live, entry{number: number, position: position, length: uint32(n)})
}

// begin takes records, up to a hole, which the consumer would wait at.
func (m *model) begin(n int) {
	if m.flight != nil || len(m.live) == 0 || m.live[0].sum == 0 {
		return
	}
	first := m.live[0].number
	var ends []int
	total := 0
	for len(m.live) > 0 && m.live[0].sum != 0 && n > 0 {
		total += int(m.live[0].length)
		ends = append(ends, total)
		m.flight = append(m.flight, m.live[0].number)
		m.live = m.live[1:]
		n--
	}
	var got []byte
	for _, number := range m.flight {
		got = append(got, m.text[number]...)
	}
	m.bytes, m.ends, m.done = got, ends, 0
	m.want = append(m.want, got...)
	assert.NilError(m.t, m.q.Begin(first, first+uint64(len(ends)), got, ends, 0, binary.NativeEndian.AppendUint64(nil, first)))
}

// deliver brings bytes to the sink.
func (m *model) deliver(n int) {
	n = min(n, len(m.bytes)-m.done)
	m.q.Note(m.done, m.done+n, binary.NativeEndian.AppendUint64(nil, uint64(len(m.delivered))))
	m.delivered = append(m.delivered, m.bytes[m.done:m.done+n]...)
	m.done += n
	if n%2 == 0 { // else it is known from the intent alone
		m.q.Done(m.done)
	}
}

func (m *model) end() {
	m.q.Done(m.done)
	m.q.End()
	m.flight, m.bytes, m.ends, m.done = nil, nil, nil, 0
}

// torn is a sink that took a part of the batch: what is left of it is in flight again,
// alone.
func (m *model) torn(n int) {
	m.deliver(n)
	if k := len(m.ends) - 1; k > 0 && m.done <= m.ends[k-1] {
		gone := m.ends[k-1]
		next := m.flight[k]
		rest := m.bytes[gone:]
		m.bytes, m.ends, m.flight = m.bytes[:gone], m.ends[:k], m.flight[:k]
		m.want = m.want[:len(m.want)-len(rest)]
		m.deliver(0)
		in := &Intent{m.done, m.done, binary.NativeEndian.AppendUint64(nil, uint64(len(m.delivered)))}
		assert.NilError(m.t, m.q.Resume(m.flight[0], next+1, m.bytes, m.ends, 0, nil, m.done, in))
	}
}

// crash recovers from what the file holds, while the ring lives on.
func (m *model) crash(op int) {
	t := m.t
	o := m.q.crash(t)
	sink := bytes.Clone(m.delivered)
	if b := o.Batch(); b != nil {
		assert.Assert(t, m.flight != nil, "op %d: a batch that is over is in flight", op)
		from := b.Done
		if i := b.Intent; i != nil && i.Upto > from {
			had := len(sink) - int(binary.NativeEndian.Uint64(i.Place))
			from = i.From + min(had, i.Upto-i.From)
		}
		sink = append(sink, b.Bytes[from:]...)
	} else {
		assert.Assert(t, m.flight == nil, "op %d: the batch in flight is gone", op)
	}
	assert.Equal(t, string(sink), string(m.want), "op %d", op)
	next := m.q.Next()
	must := make(map[uint64]bool)
	for _, e := range m.live {
		if e.sum != 0 && int64(e.number-next) >= 0 {
			must[e.number] = true
		}
	}
	counts := o.Counts()
	numbers, records := queued(o, 64)
	for i, n := range numbers {
		assert.Equal(t, records[i], m.text[n], "op %d: record %d", op, n)
		assert.Assert(t, int64(n-next) >= 0 && (i == 0 || n > numbers[i-1]), "op %d: record %d", op, n)
		delete(must, n)
	}
	assert.Equal(t, len(must), 0, "op %d: %v are lost; %+v", op, must, counts)
	assert.Equal(t, counts.Records, len(numbers))
	if all := m.q.number - next; uint64(counts.Records)+counts.Holes+counts.Dropped+counts.Damaged > all {
		t.Fatalf("op %d: got %+v of %d records", op, counts, all)
	}
	assert.NilError(t, o.Remove())
}
