// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package audit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"

	"github.com/hydra-logger/hydra/internal/trail"
)

// maxLine is the longest line that can have a trail: a queue takes no record beyond
// 16 MiB.
const maxLine = 16<<20 + trail.Max

// Read takes the lines of a file, which may be compressed with gzip. That it is
// damaged, or cannot be read to its end, is a finding; an error means that it is
// nothing that an Auditor can read, or more than it can hold.
func (a *Auditor) Read(name string, r io.Reader) error {
	a.files = append(a.files, File{Name: name})
	f := &a.files[len(a.files)-1]
	in := bufio.NewReaderSize(r, 64<<10)
	magic, _ := in.Peek(4) // a shorter file is of none of these kinds
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		plain, err := gzip.NewReader(in)
		if err != nil {
			f.Damage = err.Error()
			return nil
		}
		in = bufio.NewReaderSize(plain, 64<<10)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return errors.New("it is compressed with zstd; decompress it, as with zstd -dc FILE | hydra audit -")
	}
	err := a.lines(in)
	a.dropBare()
	if errors.Is(err, errTooMany) {
		return err
	}
	if err != nil {
		f.Damage = err.Error()
	}
	return nil
}

// lines takes the lines of in.
func (a *Auditor) lines(in *bufio.Reader) error {
	var long []byte // the beginning of a line that is longer than what in holds
	cut := false    // and too long for a trail
	for {
		p, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			return err
		}
		if len(long)+len(p) > maxLine {
			long, cut = long[:0], true
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, p...)
			continue
		}
		line := p
		if len(long) > 0 {
			long = append(long, p...)
			line = long
		}
		if cut {
			line = []byte("(too long)\n")
		}
		if len(line) > 0 {
			if err := a.add(line); err != nil {
				return err
			}
		}
		long, cut = long[:0], false
		if err != nil {
			return nil // the end
		}
	}
}
