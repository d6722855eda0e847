// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// Trace makes Write say where it writes, so that Arrived of a later process finds
// out how far it came. That costs a look at the size of the file for each write.
func (s *Sink) Trace(note func(from, upto int, place []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = note
}

// announce notes where the bytes of a batch from one offset to another are about to
// be written. In its turn the sink is sure of where that is.
func (s *Sink) announce(from, upto int, sure bool) {
	if s.note == nil {
		return
	}
	var buf [placeSize]byte
	if !s.regular {
		s.note(from, upto, place{}.append(buf[:0]))
		return
	}
	at := s.home
	at.regular, at.offset = true, s.size
	if at.exact = sure; !sure {
		if info, err := s.file.Stat(); err == nil {
			at.offset = info.Size()
		}
	}
	t := &s.tail
	at.offset += int64(len(t.lead))
	if len(t.start) > 0 {
		at.begun, at.sum = uint32(len(t.start)), crc32.Checksum(t.start, castagnoli)
	}
	s.note(from, upto, at.append(buf[:0]))
}

// castagnoli: processors compute this sum by themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A place is where the bytes of a write go.
type place struct {
	regular bool // a file; otherwise nothing else is known
	exact   bool // and none of our kind writes to it before us

	// The file: its numbers as far as there are any, and when it was created, since
	// numbers come again.
	device, inode uint64
	born          int64 // Unix time in nanoseconds; 0: not known

	offset int64 // of the bytes in the file

	// If they begin with the rest of a record: how many bytes of it are before
	// offset, and their sum.
	begun, sum uint32
}

// homeOf returns the place of all writes to o, as far as it is the same.
func homeOf(o opened) place {
	var p place
	p.device, p.inode = number(o.info)
	p.born = nanoseconds(birth(o.file, o.info))
	return p
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

const (
	placeSize    = 2 + 4*8 + 2*4
	placeVersion = 1

	// mostBegun is twice the longest record of a queue. More was not noted by us, and
	// need not be allocated, nor fit an int of 32 bits.
	mostBegun = 32 << 20

	flagRegular, flagExact = 1, 2
)

// append appends p as bytes.
func (p place) append(b []byte) []byte {
	var flags byte
	if p.regular {
		flags |= flagRegular
	}
	if p.exact {
		flags |= flagExact
	}
	b = append(b, placeVersion, flags)
	for _, v := range [...]uint64{p.device, p.inode, uint64(p.born), uint64(p.offset)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = binary.BigEndian.AppendUint32(b, p.begun)
	return binary.BigEndian.AppendUint32(b, p.sum)
}

// parsePlace undoes append.
func parsePlace(b []byte) (place, error) {
	if len(b) != placeSize || b[0] != placeVersion {
		return place{}, errors.New("it was noted in a way that this version does not read")
	}
	p := place{
		regular: b[1]&flagRegular != 0,
		exact:   b[1]&flagExact != 0,
		device:  binary.BigEndian.Uint64(b[2:]),
		inode:   binary.BigEndian.Uint64(b[10:]),
		born:    int64(binary.BigEndian.Uint64(b[18:])),
		offset:  int64(binary.BigEndian.Uint64(b[26:])),
		begun:   binary.BigEndian.Uint32(b[34:]),
		sum:     binary.BigEndian.Uint32(b[38:]),
	}
	if p.regular && (p.offset < int64(p.begun) || p.begun > mostBegun) {
		return place{}, errors.New("what was noted of it makes no sense")
	}
	return p, nil
}
