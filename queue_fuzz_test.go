// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"slices"
	"testing"
)

// queueModel is what a queue is to its users: a slice of all records that got in,
// and how far the consumer and the drops are.
type queueModel struct {
	q       *queue // for its sizes only
	base    uint64 // tickets before all[0]
	all     []modelRecord
	head    int
	claim   int // where the consumer copies from, or -1
	claimed int // where its run ends
	sealed  bool
}

type modelRecord struct {
	text      string
	when      uint32
	published bool
}

// size returns the bytes of the records from one index to another.
func (m *queueModel) size(from, to int) (n uint32) {
	for _, r := range m.all[from:to] {
		n += uint32(len(r.text))
	}
	return n
}

// place makes room for a record of n bytes and says whether it may come in.
func (m *queueModel) place(n uint32, drop bool) outcome {
	switch {
	case n > m.q.bytes:
		return tooLarge
	case m.sealed:
		return closed
	}
	for uint32(len(m.all)-m.head)+1 > m.q.records || m.size(m.head, len(m.all))+n > m.q.bytes {
		if !drop {
			return full
		}
		if !m.all[m.head].published {
			return contended
		}
		m.head++
	}
	border := m.head
	if m.claim >= 0 {
		border = m.claim
	}
	if len(m.all)-border >= len(m.q.entries) || m.size(border, len(m.all))+n >= uint32(len(m.q.data)) {
		return contended
	}
	if uint32(len(m.all)-m.head+1)*5 > m.q.records*4 || (m.size(m.head, len(m.all))+n)*5 > m.q.bytes*4 {
		return crowded
	}
	return accepted
}

// run returns the index behind the records that the consumer may take.
func (m *queueModel) run() int {
	end, n := m.head, uint32(0)
	for end < len(m.all) && m.all[end].published {
		n += uint32(len(m.all[end].text))
		if end > m.head && n > m.q.takeMax {
			break
		}
		end++
	}
	return end
}

// sameRun fails the test if h is not the model's records from one index to
// another.
func (m *queueModel) sameRun(t *testing.T, h *haul, from, to int) {
	t.Helper()
	var texts []string
	var whens []uint32
	for _, r := range m.all[from:to] {
		texts, whens = append(texts, r.text), append(whens, r.when)
	}
	if got := h.texts(); !slices.Equal(got, texts) || !slices.Equal(h.whens, whens) {
		t.Fatalf("got %q made at %v, want %q at %v", got, h.whens, texts, whens)
	}
	if from < to && h.first != m.base+uint64(from) {
		t.Fatalf("got first %d, want %d", h.first, m.base+uint64(from))
	}
}

// same fails the test if what the queue says of itself is not so.
func (m *queueModel) same(t *testing.T) {
	t.Helper()
	records, n := m.q.depth()
	if wantRecords, want := uint32(len(m.all)-m.head), m.size(m.head, len(m.all)); records != wantRecords || n != want {
		t.Fatalf("got depth %d records, %d bytes, want %d, %d", records, n, wantRecords, want)
	}
	if got, want := m.q.offered(), m.base+uint64(len(m.all)); got != want {
		t.Fatalf("got %d offered, want %d", got, want)
	}
	if got, want := m.q.before(m.q.head.Load()), m.base+uint64(m.head); got != want {
		t.Fatalf("got %d before head, want %d", got, want)
	}
	if got, want := m.q.drained(), m.sealed && m.head == len(m.all); got != want {
		t.Fatalf("got drained %t, want %t", got, want)
	}
}

// FuzzQueue does to a queue what the bytes say, with at most one producer and the
// consumer stopped halfway, and compares it with the model after each step.
func FuzzQueue(f *testing.F) {
	f.Add([]byte("\x00\x03\x40abcabc"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) < 3 {
			return
		}
		start := queueStarts[int(ops[0])%len(queueStarts)]
		q := newQueue(1+uint32(ops[1])%9, 1+16*uint32(ops[2]))
		q.reset(start.ticket(q), start.position(q))
		m := queueModel{q: q, base: q.offered(), claim: -1}
		stopped := -1 // index of the record that a producer has not published
		var mark, head uint64
		var h haul
		next := 3
		arg := func() uint32 { // the next byte, or 0
			next++
			if next <= len(ops) {
				return uint32(ops[next-1])
			}
			return 0
		}
		text := func() string { // of up to 4,080 bytes, no two alike
			p := make([]byte, 1+(arg()*arg())%4080)
			for i := range p {
				p[i] = byte(len(m.all) + i)
			}
			return string(p)
		}
		for next < len(ops) {
			switch op := arg() % 8; op {
			case 0, 1, 2: // push; more often with drops
				s := text()
				want := m.place(uint32(len(s)), op > 0)
				if got := put(q, []byte(s), uint32(next), op > 0); got != want {
					t.Fatalf("push %d bytes, drop %t: got outcome %d, want %d", len(s), op > 0, got, want)
				}
				if want <= crowded {
					m.all = append(m.all, modelRecord{text: s, when: uint32(next), published: true})
				}
			case 3: // the first half of a push
				s := text()
				if stopped < 0 && m.place(uint32(len(s)), false) <= crowded {
					mark, stopped = reserve(t, q, uint32(len(s))), len(m.all)
					m.all = append(m.all, modelRecord{text: s, when: uint32(next)})
				}
			case 4: // the second
				if stopped >= 0 {
					q.fill(mark, []byte(m.all[stopped].text), m.all[stopped].when)
					m.all[stopped].published, stopped = true, -1
				}
			case 5: // take
				if m.claim >= 0 {
					break // the consumer is at it
				}
				end := m.run()
				q.take(&h)
				m.sameRun(t, &h, m.head, end)
				m.head = end
			case 6: // the first half of a take, or the second
				if m.claim >= 0 {
					q.carry(&h, head)
					m.sameRun(t, &h, m.claim, m.claimed)
					m.claim = -1
				} else if end := m.run(); end > m.head {
					head = claimRun(t, q, &h)
					m.claim, m.claimed, m.head = m.head, end, end
				}
			case 7: // drop, or seal
				if arg() == 0 {
					q.seal()
					m.sealed = true
				} else if m.head < len(m.all) {
					ok := m.all[m.head].published
					if got := q.dropOldest(q.head.Load()); got != ok {
						t.Fatalf("got dropped %t, want %t", got, ok)
					}
					if ok {
						m.head++
					}
				}
			}
			m.same(t)
		}
	})
}
