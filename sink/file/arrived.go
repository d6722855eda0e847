// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"github.com/hydra-logger/hydra/internal/stdfd"
)

// Arrived finds out how much of a write came into the file before its process died,
// in the folder of the sink's path, also under another name, or compressed by another
// process with a Compressor that has a Reader. What is there of a
// record at the end of the file it removes, and it ends the line where that cannot
// be. It fails where the file is gone, replaced, or not safe to write
// to, as in Open.
//
// Other processes may append to the file meanwhile. Where records of several
// processes do not differ, not even in their time, one may be taken for another. A
// process that was stopped in the middle of Write for longer than others wait, a fifth
// of a second, writes behind theirs when it goes on; if it dies of that before Write
// returns, its batch is not found, and comes twice.
func (s *Sink) Arrived(ctx context.Context, place, p []byte, ends []int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.arrived(ctx, place, p, ends)
	if err != nil {
		return 0, fmt.Errorf("hydra: log file %q: cannot tell what came into it before the process died: %w", s.path, err)
	}
	return n, nil
}

func (s *Sink) arrived(ctx context.Context, noted, p []byte, ends []int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	at, err := parsePlace(noted)
	if err != nil {
		return 0, err
	}
	if !at.regular {
		return 0, errors.New("it was no file that can be read again")
	}
	if err := errors.Join(append(s.check(), s.resolve())...); err != nil {
		return 0, err
	}
	f, err := s.find(s.name, at, os.O_RDWR|os.O_APPEND, s.acceptable)
	if errors.Is(err, errElsewhere) {
		if n, found := s.packed(ctx, at, p, ends); found {
			return n, nil
		}
	}
	if err != nil {
		return 0, err
	}
	n, err := s.settle(f, at, p, ends)
	return n, errors.Join(err, f.Close())
}

// find opens the file of a place once called so, whatever it is called in
// that folder by now, if accept does not mind.
func (s *Sink) find(once string, at place, flags int, accept func(name string, info fs.FileInfo) error) (*os.File, error) {
	if f, err := s.openNoted(once, at, flags, accept); !errors.Is(err, errElsewhere) {
		return f, err
	}
	dir := filepath.Dir(once)
	entries, err := s.sys.ReadDir(dir)
	for _, e := range entries {
		if !e.Type().IsRegular() || at.inode == 0 {
			continue
		}
		if f, err := s.openNoted(filepath.Join(dir, e.Name()), at, flags, accept); !errors.Is(err, errElsewhere) {
			return f, err
		}
	}
	if err != nil {
		return nil, err
	}
	return nil, errElsewhere
}

// errElsewhere says that a name is not that of the file of a place.
var errElsewhere = errors.New("it is not there any more: deleted, compressed or replaced")

// openNoted opens the file called name if it is that of a place.
func (s *Sink) openNoted(name string, at place, flags int, accept func(name string, info fs.FileInfo) error) (*os.File, error) {
	// Opening something else than a file may wait, or be noticed.
	info, err := s.sys.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !at.is(info) {
		return nil, errElsewhere
	}
	if err != nil {
		return nil, err
	}
	f, err := s.sys.OpenFile(name, flags|openFlags|noFollow, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errElsewhere
	}
	if err != nil {
		return nil, err
	}
	if f, err = stdfd.Above(f); err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = accept(name, info)
	}
	if errors.Is(err, errReplaced) || err == nil && (!at.is(info) || nanoseconds(birth(f, info)) != at.born) {
		err = errElsewhere
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// is reports whether info may be of the file of the place.
func (p place) is(info fs.FileInfo) bool {
	device, inode := number(info)
	return info.Mode().IsRegular() && device == p.device && inode == p.inode
}

// searched is how much of a file is searched for what others may have written
// something before, who had looked at its size before. They did so within some
// milliseconds; what is not found is only written again.
const searched = 8 << 20

// settle returns how many bytes of p, whole records, are in f, and ends or removes
// what there is of the next one.
func (s *Sink) settle(f *os.File, at place, p []byte, ends []int) (int, error) {
	// Neither is anybody of our kind in the middle of a write now, nor does anybody
	// compress the file.
	sole := lock(f, false)
	shared := lock(f, true)
	locked, _ := lockBytesSoon(f, patient)
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size, start := info.Size(), at.offset-int64(at.begun)
	if size < at.offset {
		return 0, nil // if there is the beginning of a record, Open ends its line
	}
	want := int(at.begun) + len(p)
	if !at.exact {
		want += searched
	}
	have := make([]byte, min(int64(want), size-start))
	if _, err := io.ReadFull(io.NewSectionReader(f, start, size), have); err != nil {
		return 0, err
	}
	if crc32.Checksum(have[:at.begun], castagnoli) != at.sum && at.begun > 0 {
		return 0, nil // somebody changed the file
	}
	found := look(have, at, p, ends)
	if start+int64(len(have)) < size || found.torn == 0 {
		return found.whole, nil
	}
	// Programs of another kind, which know nothing of the locks, may append between
	// this look at the size and the next step; they would lose what they append.
	if now, err := f.Stat(); err != nil || now.Size() != size {
		return found.whole, err
	}
	cut := size - int64(found.torn)
	if shared && (sole || locked) && s.sys.Truncate(f, cut) == nil {
		if s.file != nil && os.SameFile(info, s.info) {
			s.size = cut
			s.restart() // no line needs an end any more
		}
		return found.whole, nil
	}
	_, err = s.sys.Write(f, []byte{'\n'})
	return found.whole, err
}

// remains is what is found of the bytes of a write.
type remains struct {
	whole int // bytes, up to the end of a record
	torn  int // bytes of the next record, at the end of what was searched
}

// look looks in have, which begins with what was there before the write, for p.
func look(have []byte, at place, p []byte, ends []int) remains {
	begun := int(at.begun)
	rest := have[begun:]
	if at.exact || begun > 0 {
		found := remains{whole: wholeRecords(ends, sameStart(rest, p))}
		if behind := rest[found.whole:]; bytes.HasPrefix(p[found.whole:], behind) && found.whole < len(p) {
			found.torn = len(behind)
			if found.whole == 0 {
				found.torn += begun
			}
		}
		return found
	}
	// Others may have written before us. The more records of p are together
	// somewhere, the fewer are as well.
	k := sort.Search(len(ends), func(i int) bool { return indexLine(rest, p[:ends[i]]) < 0 })
	var found remains
	begin := bytes.LastIndexByte(rest, '\n') + 1
	if k > 0 {
		found.whole = ends[k-1]
		begin = indexLine(rest, p[:found.whole]) + found.whole
	}
	if behind := rest[begin:]; bytes.HasPrefix(p[found.whole:], behind) && found.whole < len(p) {
		found.torn = len(behind)
	}
	return found
}

// sameStart returns how many bytes a and b begin with in common.
func sameStart(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// wholeRecords returns the last of ends that is not behind n, or 0.
func wholeRecords(ends []int, n int) int {
	i := sort.SearchInts(ends, n+1)
	if i == 0 {
		return 0
	}
	return ends[i-1]
}

// indexLine returns where in b lines are that begin with sep; -1 if nowhere.
func indexLine(b, sep []byte) int {
	for from := 0; ; {
		i := bytes.Index(b[from:], sep)
		if i < 0 {
			return -1
		}
		if i += from; i == 0 || b[i-1] == '\n' {
			return i
		}
		from = i + 1
	}
}
