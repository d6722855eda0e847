// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"github.com/hydra-logger/hydra/sink"
)

// tail is the start of a record whose rest did not fit into the file, as on a
// full disk. Who frees the disk by deleting the log gets a new file, and that
// begins with the whole record.
type tail struct {
	start []byte // the bytes of the record that are in the file
	left  []byte // the part of start that a new file still lacks
}

// wrote notes that the first n bytes of b are in the file.
func (t *tail) wrote(b sink.Batch, n int) {
	if n == len(b.Bytes) {
		t.start = t.start[:0]
		return
	}
	record := 0
	for _, end := range b.Ends {
		if end > n {
			break
		}
		record = end
	}
	if record > 0 {
		// The record of before is complete, and another one is begun.
		t.start = t.start[:0]
	}
	t.start = append(t.start, b.Bytes[record:n]...)
}

// replaceIfDeleted opens the file anew if somebody has deleted it. It keeps the
// deleted one until that succeeds. One look for each batch is cheap; what is
// written between a look and a deletion is gone with the file.
func (s *Sink) replaceIfDeleted() error {
	gone, err := deleted(s.file)
	if err != nil {
		return err
	}
	if gone {
		f, err := s.open()
		if err != nil {
			return err
		}
		// Nothing of the deleted file can be saved any more.
		_ = s.file.Close()
		s.file, s.syncErr, s.tail.left = f, nil, s.tail.start
	}
	if len(s.tail.left) == 0 {
		return nil
	}
	n, err := s.file.Write(s.tail.left)
	s.tail.left = s.tail.left[n:]
	return err
}
