// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package trail

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
)

// MinKey is the least length of a key, in bytes: shorter ones can be guessed.
const MinKey = 16

// A Key makes MACs. It is not safe for concurrent use.
type Key struct {
	h   hash.Hash
	sum [sha256.Size]byte
}

// NewKey returns the key with these bytes, which it does not keep.
func NewKey(key []byte) *Key { return &Key{h: hmac.New(sha256.New, key)} }

// Start returns what takes the place of the MAC of the line before the first.
func (k *Key) Start(r Run) MAC {
	k.h.Reset()
	k.h.Write(r[:])
	return k.mac()
}

// Link returns the MAC of a line that covers these bytes and stands behind a line
// with the MAC before. Both parts are told apart by the second one's fixed length,
// and from what Start makes by being longer.
func (k *Key) Link(covered []byte, before MAC) MAC {
	k.h.Reset()
	k.h.Write(covered)
	k.h.Write(k.sum[:copy(k.sum[:], before[:])]) // before itself would be allocated
	return k.mac()
}

func (k *Key) mac() MAC { return MAC(k.h.Sum(k.sum[:0])) }

// A Part is the MAC of a line of which something is not known yet: the rest of its
// bytes, or the MAC before it.
type Part struct{ h hash.Hash }

// Part returns the beginning of a MAC, over nothing yet.
func (k *Key) Part() *Part {
	k.h.Reset()
	return &Part{clone(k.h)}
}

// With returns what p is with more bytes of the line. It leaves p as it is.
func (p *Part) With(covered []byte) *Part {
	h := clone(p.h)
	h.Write(covered)
	return &Part{h}
}

// Link is Key.Link. It leaves p as it is.
func (p *Part) Link(before MAC) MAC { return MAC(p.With(before[:]).h.Sum(nil)) }

func clone(h hash.Hash) hash.Hash {
	c, err := h.(hash.Cloner).Clone() // an HMAC of SHA-256 can
	if err != nil {
		panic(err)
	}
	return c
}

// State is where a run stands behind a line.
type State struct {
	Run  Run
	Next uint64 // the number of the next line
	MAC  MAC    // of the line before; zero without a key

	// Begun is whether the run has a line. One that only tells of records without a
	// number, which were never in a queue, leaves Next as it is.
	Begun bool
}

// A Chain gives the lines of a run their trails, one after the other. Where it
// stands is its State, which may be set back.
type Chain struct {
	State
	key   *Key // nil for numbers alone
	start MAC  // of the run; zero without a key
}

// NewChain returns the chain of a new run. An empty key means numbers alone.
func NewChain(key []byte) *Chain {
	c := &Chain{State: State{Run: NewRun(), Next: 1}}
	c.begin(key)
	c.MAC = c.start
	return c
}

func (c *Chain) begin(key []byte) {
	if len(key) > 0 {
		c.key = NewKey(key)
		c.start = c.key.Start(c.Run)
	}
}

// KeptSize is the length of what AppendKept appends.
const KeptSize = len(Run{}) + 8 + 2*len(MAC{})

// begunMAC is kept in place of a MAC, where there is no key, of a run that has begun.
var begunMAC = MAC{1}

// AppendKept appends to dst what Resume needs to go on with the chain. Who reads it
// learns nothing of the key that a line would not tell.
func (c *Chain) AppendKept(dst []byte) []byte {
	dst = append(dst, c.Run[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, c.Next)
	mac := c.MAC
	if c.Begun && c.key == nil {
		mac = begunMAC
	}
	dst = append(dst, mac[:]...)
	return append(dst, c.start[:]...)
}

// Resume returns the chain that an earlier process has kept so, and whether that one had
// the same key. With another key the chain goes on in its numbers, but what it makes is
// linked, by the MACs, to the lines before for neither key.
func Resume(kept, key []byte) (c *Chain, sameKey bool, err error) {
	if len(kept) != KeptSize {
		return nil, false, errNotKept
	}
	c = &Chain{State: State{Run: Run(kept), Next: binary.LittleEndian.Uint64(kept[len(Run{}):])}}
	if !c.Run.valid() || c.Next == 0 || c.Next > maxNumber {
		return nil, false, errNotKept
	}
	macs := kept[len(Run{})+8:]
	start := MAC(macs[len(MAC{}):])
	c.MAC = MAC(macs)
	c.Begun = c.Next > 1 || c.MAC != start
	c.begin(key)
	switch {
	case !c.Begun:
		c.MAC = c.start // it begins with this key
	case start == MAC{}:
		c.MAC = MAC{}
	}
	return c, c.start == start, nil
}

var errNotKept = errors.New("trail: not a chain that was kept")

// Line appends a record with its trail, as the line of that number, to dst.
func (c *Chain) Line(dst, record []byte, number uint64) []byte {
	return c.append(dst, record, Mark{Kind: Line, First: number, Last: number})
}

// Gap appends a record that tells that all lines from the next one to last are
// missing at this place.
func (c *Chain) Gap(dst, record []byte, last uint64) []byte {
	return c.append(dst, record, Mark{Kind: Gap, First: c.Next, Last: max(last, c.Next-1)})
}

// End appends a record that tells that the run is over.
func (c *Chain) End(dst, record []byte) []byte {
	return c.append(dst, record, Mark{Kind: End, First: c.Next, Last: c.Next - 1})
}

func (c *Chain) append(dst, record []byte, m Mark) []byte {
	m.Run = c.Run
	dst = m.append(dst, record, c.key, c.MAC)
	c.goOn(m)
	return dst
}

// goOn makes the line with this mark the one before.
func (c *Chain) goOn(m Mark) { c.Next, c.MAC, c.Begun = m.Next(), m.MAC, true }

// Relink gives a line that the chain made the MAC that it has to have where the chain
// stands now, in place. The chain goes on behind the line.
func (c *Chain) Relink(line []byte) {
	m, covered, ok := Parse(line)
	if !ok {
		return
	}
	if m.Keyed {
		m.MAC = c.key.Link(covered, c.MAC)
		encoding.Encode(line[len(covered):], m.MAC[:])
	}
	c.goOn(m)
}

// Return sets the chain back to where it stood behind a line that it made.
func (c *Chain) Return(line []byte) {
	if m, _, ok := Parse(line); ok {
		c.goOn(m)
	}
}
