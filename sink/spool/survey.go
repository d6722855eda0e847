// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// This file is what a store finds in its folder when it is opened.

// find adds a segment that is in the folder.
func (t *store) find(number uint64) error {
	s := &segment{number: number, off: headerSize}
	f, err := openFile(t.root, s.name(), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.size = info.Size()
	if s.size <= headerSize { // the process ended before anything was in it, or it was spent
		_ = t.root.Remove(s.name()) // or it stays: it does no harm
		return nil
	}
	var top [headerSize + 8]byte
	n, err := f.ReadAt(top[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.id, s.first, err = parseHeader(top[:min(n, headerSize)])
	switch {
	case errors.Is(err, errVersion):
		return t.quarantine(s.name(), err)
	case err != nil: // the first frame tells the id as well
		s.bad = errors.New("its header is damaged")
		if n == len(top) {
			s.id = binary.LittleEndian.Uint64(top[headerSize:])
		}
	}
	if s.id == t.cursor.id {
		s.skip = t.cursor.next
	}
	t.segments = append(t.segments, s)
	t.bytes += s.size
	return nil
}

// survey finds the numbers of the first record and of the one to come.
func (t *store) survey() error {
	t.next = max(t.cursor.next, 1)
	for i, seen := len(t.segments)-1, false; i >= 0; i-- {
		s := t.segments[i]
		t.next = max(t.next, s.first)
		if seen && s.bad == nil {
			continue
		}
		first, next, err := t.measure(s)
		if err != nil {
			return err
		}
		t.next = max(t.next, next)
		if s.bad != nil {
			s.first = first
		}
		seen = seen || next > 0
	}
	t.taken, t.from = t.next, t.next
	if len(t.segments) > 0 && t.segments[0].first > 0 {
		t.taken = max(t.segments[0].first, t.segments[0].skip)
	}
	return nil
}

// measure returns the number of a segment's first record and that of the one
// behind its last, or zeros.
func (t *store) measure(s *segment) (first, next uint64, err error) {
	f, err := openFile(t.root, s.name(), os.O_RDONLY)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	r := reader{file: f, id: s.id}
	for off := int64(headerSize); ; {
		fr, err := r.at(off, s.size)
		switch {
		case err == nil:
			if first == 0 {
				first = fr.first
			}
			off += fr.size
		case errors.Is(err, errDamaged), errors.Is(err, errTorn):
			if off, err = r.find(off+1, s.size); err != nil {
				return 0, 0, err
			}
		case errors.Is(err, io.EOF):
			return first, r.seen, nil
		default:
			return 0, 0, err
		}
	}
}
