// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"context"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hydra-logger/hydra/internal/stdfd"
)

// packedMost is how many compressed files are searched. The first that was rotated after
// a file was created is that file, unless others have the name, or the clock was set.
const packedMost = 3

// packed is settle for a file that is not there any more: another process may have
// rotated and compressed it. What there is of the next record stays, on a line of its
// own. It reports whether anything of p was found.
func (s *Sink) packed(ctx context.Context, at place, p []byte, ends []int) (n int, found bool) {
	if at.born == 0 {
		return 0, false
	}
	backups, _ := list(s.sys, filepath.Dir(s.name), s.pattern) // those that can be seen
	born := time.Unix(0, at.born).Truncate(time.Millisecond)
	searched := 0
	for _, b := range backups {
		c, ok := compressorFor(b.rest)
		if !ok || b.stamp.at.Before(born) {
			continue
		}
		if searched++; searched > packedMost || ctx.Err() != nil {
			break
		}
		if n := s.unpack(b, c, at, p, ends); n > 0 {
			return n, true
		}
	}
	return 0, false
}

// unpack returns how many bytes of p, whole records, are where they should be in a
// compressed file.
func (s *Sink) unpack(b backup, c Compressor, at place, p []byte, ends []int) int {
	f, err := s.sys.OpenFile(b.path, os.O_RDONLY|openFlags|noFollow, 0)
	if err != nil {
		return 0
	}
	if f, err = stdfd.Above(f); err != nil {
		return 0
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || s.acceptable(b.path, info) != nil {
		return 0
	}
	r, err := c.Reader(f)
	if err != nil {
		return 0
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, at.offset-int64(at.begun)); err != nil {
		return 0
	}
	want := int64(at.begun) + int64(len(p))
	if !at.exact {
		want += searched
	}
	have, err := io.ReadAll(io.LimitReader(r, want))
	if err != nil || len(have) < int(at.begun) || at.begun > 0 && crc32.Checksum(have[:at.begun], castagnoli) != at.sum {
		return 0
	}
	return look(have, at, p, ends).whole
}
