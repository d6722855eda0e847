// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// The file, in the byte order of the machine:
//
//	0          head, one page
//	4096       slots, 24 bytes each, at ticket modulo their number
//	           batch: the bytes of the batch in flight, then its ends, 4 bytes each
//	           data: the queue's bytes
//	size - 8   canary, a word that is no longer there once the file was cut
//
// Each part but the last begins on a page. The head:
//
//	0     magic, version, order, sum of the first part
//	32    identity, salt, boot, created, pid, started
//	96    geometry, first number, size of the file
//	144   lengths and bytes of the destination's and the program's name
//	1536  words that change: status | mark | attempts, left
//	1792  two accounts of a batch; status says which one holds
//	2304  two intents; the account says which one holds
//
// A word that changes carries a check of its own (seal), so each of them changes
// at one instruction and a damaged one is known. Where several words belong
// together there are two copies, and one word that says which is meant: a process
// that dies at any instruction leaves the one or the other. No order of memory is
// needed beyond that of the program: what a processor retired before the process
// was killed is in the pages, whichever processor it was.
const (
	pageBytes  = 4096
	slotBytes  = 24
	magic      = 0x676e697261726479
	version    = 1
	orderMark  = 0x0102030405060708
	maxName    = 1024
	maxProgram = 256

	// MaxState is the longest state that Begin keeps.
	MaxState = 128
	// MaxPlace is the longest place that Note keeps.
	MaxPlace = 256

	offMagic        = 0
	offVersion      = 8
	offOrder        = 16
	offSum          = 24
	offID           = 32
	offSalt         = 48
	offBoot         = 56
	offCreated      = 72
	offPID          = 80
	offStarted      = 88
	offData         = 96
	offSlots        = 104
	offBatch        = 112
	offBatchRecords = 120
	offFirst        = 128
	offSize         = 136
	offNameLen      = 144
	offProgramLen   = 152
	offName         = 160
	offProgram      = offName + maxName
	firstPart       = offProgram + maxProgram

	offStatus   = 1536
	offMark     = 1600
	offAttempts = 1664
	offLeft     = 1672
	offAccounts = 1792
	offIntents  = 2304

	accountBytes = 256
	accSeq       = 0
	accFirst     = 8
	accNext      = 16
	accBytes     = 24
	accRecords   = 32
	accLead      = 40
	accStateLen  = 48
	accPayload   = 56 // checksum of bytes and ends
	accState     = 64
	accSum       = 192 // of all before it
	accDone      = 200
	accIntent    = 208

	intentBytes = 320
	intFrom     = 0
	intUpto     = 8
	intPlaceLen = 16
	intPlace    = 24
	intSum      = intPlace + MaxPlace
)

// An image is the bytes of a ring's file: the mapping of it, but for tests.
type image []byte

// at returns the word at an offset that is a multiple of 8.
func (m image) at(off int) *uint64 {
	// In bounds, for the last of the eight bytes is; aligned, for a mapping begins
	// on a page and every offset above is a multiple of 8.
	_ = m[off+7]
	return (*uint64)(unsafe.Pointer(&m[off]))
}

func (m image) load(off int) uint64     { return atomic.LoadUint64(m.at(off)) }
func (m image) store(off int, v uint64) { atomic.StoreUint64(m.at(off), v) }

// seal returns a word that holds v and a check of it, for the place it is stored
// at, so that another word does not pass for it.
func seal(v uint32, salt uint64, off int) uint64 {
	h := (salt ^ uint64(off)*prime2 + uint64(v)) * prime1
	h = (h ^ h>>29) * prime3
	return h&^0xffffffff | uint64(v)
}

// unseal returns what a sealed word holds.
func unseal(w, salt uint64, off int) (v uint32, ok bool) {
	return uint32(w), seal(uint32(w), salt, off) == w
}

// A plan is where the parts of a ring with some geometry lie.
type plan struct {
	slots, batch, ends, data, size int
}

// planOf returns the plan of a geometry, or says what is wrong with that.
func planOf(g Geometry) (plan, error) {
	const most = 1 << 30
	switch {
	case g.Data < 1 || g.Data > most+most/2:
		return plan{}, fmt.Errorf("ring: Geometry.Data: %d bytes are not within 1 and %d", g.Data, most+most/2)
	case g.Slots < 1 || g.Slots > 1<<25 || g.Slots&(g.Slots-1) != 0:
		return plan{}, fmt.Errorf("ring: Geometry.Slots: %d is no power of two within 1 and %d", g.Slots, 1<<25)
	case g.Batch < 1 || g.Batch > most:
		return plan{}, fmt.Errorf("ring: Geometry.Batch: %d bytes are not within 1 and %d", g.Batch, most)
	case g.BatchRecords < 1 || g.BatchRecords > 1<<25:
		return plan{}, fmt.Errorf("ring: Geometry.BatchRecords: %d is not within 1 and %d", g.BatchRecords, 1<<25)
	}
	slots := int64(pageBytes)
	batch := slots + pages(int64(g.Slots)*slotBytes)
	ends := batch + (int64(g.Batch)+7)&^7
	data := batch + pages(ends-batch+4*int64(g.BatchRecords))
	size := data + pages(int64(g.Data)+8)
	if size > most*2-pageBytes {
		return plan{}, fmt.Errorf("ring: Geometry: %d bytes are more than %d", size, most*2-pageBytes)
	}
	return plan{int(slots), int(batch), int(ends), int(data), int(size)}, nil
}

func pages(n int64) int64 { return (n + pageBytes - 1) &^ (pageBytes - 1) }

// A label is the part of a head that never changes.
type label struct {
	geometry Geometry
	id       [16]byte
	salt     uint64
	boot     [16]byte
	created  int64 // Unix time in ns
	pid      int64
	started  int64 // Unix time in ns of the process; 0 if that is not known
	name     string
	program  string
}

// write stores the label, with its sum, in a head of zeros.
func (l *label) write(m image, p plan) {
	for off, v := range map[int]uint64{
		offMagic: magic, offVersion: version, offOrder: orderMark, offSalt: l.salt,
		offCreated: uint64(l.created), offPID: uint64(l.pid), offStarted: uint64(l.started),
		offData: uint64(l.geometry.Data), offSlots: uint64(l.geometry.Slots), offBatch: uint64(l.geometry.Batch),
		offBatchRecords: uint64(l.geometry.BatchRecords), offFirst: l.geometry.First, offSize: uint64(p.size),
		offNameLen: uint64(len(l.name)), offProgramLen: uint64(len(l.program)),
	} {
		m.store(off, v)
	}
	copy(m[offID:], l.id[:])
	copy(m[offBoot:], l.boot[:])
	copy(m[offName:offName+maxName], l.name)
	copy(m[offProgram:offProgram+maxProgram], l.program)
	m.store(offSum, sumOfLabel(m))
}

// sumOfLabel covers all of the first part but the sum itself.
func sumOfLabel(m image) uint64 {
	return checksum(checksum(magic, m[:offSum]), m[offSum+8:firstPart])
}

// readLabel returns what the first page of a file of so many bytes says, or why it
// is no ring that can be read here. Nothing in it is trusted.
func readLabel(head []byte, size int64) (l label, p plan, err error) {
	if len(head) < pageBytes {
		return l, p, fmt.Errorf("the file has %d bytes, less than a head", size)
	}
	get := func(off int) uint64 { return binary.NativeEndian.Uint64(head[off:]) }
	switch {
	case get(offMagic) != magic:
		return l, p, errors.New("no ring: the magic number is missing")
	case get(offOrder) != orderMark:
		return l, p, errors.New("a ring of a machine with another byte order")
	case get(offVersion) != version:
		return l, p, fmt.Errorf("a ring of version %d, where only %d can be read", get(offVersion), version)
	case get(offSum) != sumOfLabel(head[:pageBytes:pageBytes]):
		return l, p, errors.New("the head is damaged")
	}
	var g [4]int
	for i, off := range []int{offData, offSlots, offBatch, offBatchRecords} {
		g[i] = int(min(get(off), 1<<31-1))
	}
	l = label{
		geometry: Geometry{Data: g[0], Slots: g[1], Batch: g[2], BatchRecords: g[3], First: get(offFirst)},
		id:       [16]byte(head[offID:]),
		salt:     get(offSalt),
		boot:     [16]byte(head[offBoot:]),
		created:  int64(get(offCreated)),
		pid:      int64(get(offPID)),
		started:  int64(get(offStarted)),
		name:     string(head[offName : offName+min(get(offNameLen), maxName)]),
		program:  string(head[offProgram : offProgram+min(get(offProgramLen), maxProgram)]),
	}
	if p, err = planOf(l.geometry); err != nil {
		return l, p, fmt.Errorf("impossible sizes: %w", err)
	}
	if int64(p.size) != size || get(offSize) != uint64(size) {
		return l, p, fmt.Errorf("the file has %d bytes instead of %d", size, p.size)
	}
	return l, p, nil
}

// canary is the last word of a ring with that salt.
func canary(salt uint64) uint64 { return ^salt * prime4 }
