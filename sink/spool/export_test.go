// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"os"
	"slices"
	"strings"
)

// OtherVersion returns a segment as another version would have written it.
func OtherVersion(segment []byte) []byte {
	segment = slices.Clone(segment)
	binary.LittleEndian.PutUint32(segment[8:], version+1)
	binary.LittleEndian.PutUint32(segment[36:], crc32.Checksum(segment[:36], castagnoli))
	return segment
}

// SetTail puts another file in the place of the segment that is appended to.
func (s *Sink) SetTail(f *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.store.tail.Close() // nothing is to be written to it any more
	s.store.tail = f
}

// Noted reports whether the last error of some kind is one of op.
func (s *Sink) Noted(op string) bool {
	for _, e := range s.books.errors.Snapshot() {
		if strings.HasPrefix(e.Last, op+": ") {
			return true
		}
	}
	return false
}

// Await waits as Flush does, for an answer that is there if answered says so, of a
// courier that has ended if ended says so.
func Await(ctx context.Context, answered, ended bool) error {
	s := Sink{done: make(chan struct{})}
	asked := make(chan error, 1)
	if answered {
		asked <- ErrFull
	}
	if ended {
		close(s.done)
	}
	return s.await(ctx, asked)
}

// ErrEnded is the error of a courier that ended.
var ErrEnded = errEnded

// WatchFolders has a function called with the path of each folder whose names are
// brought to the disk, until the one that it returns is called.
func WatchFolders(see func(path string)) (end func()) {
	bringToDisk = func(f *os.File) error {
		see(f.Name())
		return syncFolder(f)
	}
	return func() { bringToDisk = syncFolder }
}
