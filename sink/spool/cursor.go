// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
)

// A cursor is the file that says how far the inner sink has got. It has two slots
// that are written in turn, so that one of them is whole whenever the process
// ends. Where neither can be read the oldest segment is delivered once more.
//
//	slot     0  8  magic
//	         8  8  turn, which counts up; the higher one counts
//	        16  8  id of the segment
//	        24  8  number of the next record
//	        32  4  CRC32C of the 32 bytes before
//	        36     zero, up to 64 bytes
type cursor struct {
	file *os.File
	turn uint64
	id   uint64 // of the oldest segment when the slot was written
	next uint64
}

const (
	cursorMagic = "hydracur"
	slotSize    = 64
)

// load reads the slots.
func (c *cursor) load() error {
	var p [2 * slotSize]byte
	if _, err := c.file.ReadAt(p[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	c.parse(p)
	return nil
}

func (c *cursor) parse(p [2 * slotSize]byte) {
	for slot := range 2 {
		s := p[slot*slotSize:]
		turn := binary.LittleEndian.Uint64(s[8:])
		if string(s[:8]) != cursorMagic || turn < c.turn ||
			crc32.Checksum(s[:32], castagnoli) != binary.LittleEndian.Uint32(s[32:]) {
			continue
		}
		c.turn, c.id, c.next = turn, binary.LittleEndian.Uint64(s[16:]), binary.LittleEndian.Uint64(s[24:])
	}
}

// reserve takes the room that the slots need on the disk, which may be full when they
// are to be written.
func (c *cursor) reserve() error {
	info, err := c.file.Stat()
	if err != nil || info.Size() >= 2*slotSize {
		return err
	}
	_, err = c.file.WriteAt(make([]byte, 2*slotSize-info.Size()), info.Size())
	return err
}

// store writes that next is the record that comes next, in the segment of that id.
// After a failure the same slot is written again: the other one is whole.
func (c *cursor) store(id, next uint64) error {
	turn := c.turn + 1
	s := make([]byte, 0, slotSize)
	s = append(s, cursorMagic...)
	s = binary.LittleEndian.AppendUint64(s, turn)
	s = binary.LittleEndian.AppendUint64(s, id)
	s = binary.LittleEndian.AppendUint64(s, next)
	s = binary.LittleEndian.AppendUint32(s, crc32.Checksum(s, castagnoli))
	if _, err := c.file.WriteAt(s[:slotSize], int64(turn%2)*slotSize); err != nil {
		return err
	}
	c.turn, c.id, c.next = turn, id, next
	return nil
}
