// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// faulty returns a sink at path whose calls do as on says.
func faulty(path string, opts *file.Options, on map[string]fault.Script) (*file.Sink, *fault.FS) {
	s := file.New(path, opts)
	sys := &fault.FS{FileSystem: file.Everywhere, On: on}
	s.SetSystem(sys)
	return s, sys
}

// TestFault11And12 fills the disk three times in the middle of records.
func TestFault11And12ShortWritesAreContinued(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, s *file.Sink, path string) // after the short writes
		want   []string                                      // in the files at last
		torn   []string                                      // the same where half a record cannot be taken back
	}{
		{
			name: "in the file",
			want: []string{"one\ntwo\nthree\nfour\n"}, torn: []string{"one\ntwo\nthree\nfour\n"},
		},
		{
			name: "deleted", change: func(t *testing.T, _ *file.Sink, path string) {
				if !isUnix {
					t.Skip("open files cannot be deleted here")
				}
				assert.NilError(t, os.Remove(path))
			},
			want: []string{"three\nfour\n"}, torn: []string{"three\nfour\n"},
		},
		{
			name: "truncated", change: func(t *testing.T, _ *file.Sink, path string) {
				assert.NilError(t, os.Truncate(path, 0))
			},
			want: []string{"three\nfour\n"}, torn: []string{"three\nfour\n"},
		},
		{
			name: "somebody else wrote", change: func(t *testing.T, _ *file.Sink, path string) {
				f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
				assert.NilError(t, err)
				_, err = f.WriteString("--\n")
				assert.NilError(t, err)
				assert.NilError(t, f.Close())
			},
			want: []string{"one\ntwo\n--\nthree\nfour\n"}, torn: []string{"one\ntwo\nthre--\nthree\nfour\n"},
		},
		{
			name: "rotated", change: func(t *testing.T, s *file.Sink, _ string) { assert.NilError(t, s.Rotate()) },
			want: []string{"one\ntwo\n", "three\nfour\n"}, torn: []string{"one\ntwo\nthre\n", "three\nfour\n"},
		},
		{
			name: "closed and opened", change: func(t *testing.T, s *file.Sink, _ string) {
				assert.NilError(t, s.Close(t.Context()))
				assert.NilError(t, s.Open(t.Context()))
			},
			want: []string{"one\ntwo\nthree\nfour\n"}, torn: []string{"one\ntwo\nthre\nthree\nfour\n"},
		},
	}
	for _, tt := range tests {
		for _, torn := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, ", torn: ", torn), func(t *testing.T) {
				full := func(n int) fault.Action { return fault.Short(n, syscall.ENOSPC) }
				path := filepath.Join(t.TempDir(), "app.log")
				// The disk is full within "two", once or twice within "three", and then
				// nothing fits.
				on := map[string]fault.Script{fault.Write: fault.Steps(full(6), full(4), full(2), full(0))}
				taken, wantTaken, want := 0, []int{4, 8, 8, 8}, tt.want
				if torn {
					on[fault.Truncate] = fault.Always(fault.Fail(syscall.EPERM))
					wantTaken, want = []int{6, 10, 12, 12}, tt.torn
				} else if !takesBack {
					t.Skip("nothing is taken back here")
				}
				s, _ := faulty(path, nil, on)
				assert.NilError(t, s.Open(t.Context()))
				b := batchOf("one", "two", "three", "four")
				for _, wantTaken := range wantTaken {
					n, err := s.Write(t.Context(), rest(b, taken))
					assert.ErrorIs(t, err, syscall.ENOSPC)
					taken += n
					assert.Equal(t, taken, wantTaken)
				}
				if tt.change != nil {
					tt.change(t, s, path)
				}
				n, err := s.Write(t.Context(), rest(b, taken))
				assert.NilError(t, err)
				assert.Equal(t, taken+n, len(b.Bytes))
				assert.NilError(t, s.Close(t.Context()))
				assert.DeepEqual(t, contents(t, path), want)
			})
		}
	}
}

// TestFault12 has half a record that cannot be taken back at first, and is later.
func TestFault12ARecordBegunInAnEarlierBatchIsTakenBackAndWrittenWhole(t *testing.T) {
	if !takesBack {
		t.Skip("nothing is taken back here")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	s, _ := faulty(path, nil, map[string]fault.Script{
		fault.Write:    fault.Steps(fault.Short(2, syscall.ENOSPC), fault.Short(1, syscall.ENOSPC)),
		fault.Truncate: fault.At(1, fault.Fail(syscall.EIO)),
	})
	open(t, s)
	b := batchOf("abcde")
	for i, want := range []int{2, 1} {
		n, err := s.Write(t.Context(), rest(b, 2*i))
		assert.ErrorIs(t, err, syscall.ENOSPC)
		assert.Equal(t, n, want)
	}
	assert.Equal(t, content(t, path), "")
	_, err := s.Write(t.Context(), rest(b, 3))
	assert.NilError(t, err)
	assert.Equal(t, content(t, path), "abcde\n")
}

// A hasty is a System in which somebody appends text to the file right after a write
// that took only a part, without a turn.
type hasty struct {
	file.System
	path, text string
}

func (h *hasty) Write(f *os.File, p []byte) (int, error) {
	n, err := h.System.Write(f, p)
	if err != nil && h.text != "" {
		other, oerr := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND, 0)
		if oerr == nil {
			_, oerr = other.WriteString(h.text)
		}
		h.text = ""
		err = errors.Join(err, oerr, other.Close())
	}
	return n, err
}

func TestFault12And27WhatOthersAppendBehindHalfARecordIsNotTakenBackWithIt(t *testing.T) {
	if !takesBack {
		t.Skip("nothing is taken back here")
	}
	tests := []struct {
		name string
		text string
		want string
	}{
		{name: "a process that has not got its turn", text: "\nother\n", want: "one\ntw\nother\ntwo\nthree\n"},
		{name: "a stranger", text: "other\n", want: "one\ntwother\ntwo\nthree\n"},
		{name: "less than the half record", text: "\n", want: "one\ntw\ntwo\nthree\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			s, sys := faulty(path, nil, map[string]fault.Script{fault.Write: fault.At(1, fault.Short(6, syscall.ENOSPC))})
			s.SetSystem(&hasty{sys, path, tt.text})
			open(t, s)
			b := batchOf("one", "two", "three")
			n, err := s.Write(t.Context(), b)
			assert.ErrorIs(t, err, syscall.ENOSPC)
			_, err = s.Write(t.Context(), rest(b, n))
			assert.NilError(t, err)
			assert.Equal(t, content(t, path), tt.want)
		})
	}
}

func TestFault12And24WhereTheEndOfTheFileCannotBeReadNoRecordIsJoinedToAHalfOne(t *testing.T) {
	if !takesBack {
		t.Skip("nobody has a turn here")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	a, _ := faulty(path, nil, map[string]fault.Script{
		fault.Write:    fault.At(1, fault.Short(2, syscall.ENOSPC)),
		fault.Truncate: fault.Always(fault.Fail(syscall.EIO)),
	})
	b, sys := faulty(path, nil, nil)
	open(t, a)
	open(t, b)
	n, err := a.Write(t.Context(), batchOf("abc"))
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, n, 2)

	// No descriptor is left to read what is in the file, and the disk is still full.
	sys.On = map[string]fault.Script{
		fault.Open:  fault.Always(fault.Fail(syscall.EMFILE)),
		fault.Write: fault.At(1, fault.Short(0, syscall.ENOSPC)),
	}
	_, err = b.Write(t.Context(), batchOf("other"))
	assert.ErrorIs(t, err, syscall.ENOSPC)
	write(t, b, "other")
	write(t, b, "another")
	_, err = a.Write(t.Context(), rest(batchOf("abc"), n))
	assert.NilError(t, err)
	assert.Equal(t, content(t, path), "ab\nother\nanother\nabc\n")
}

// TestFault12 has the disk full again when the record is written anew.
func TestFault12ARecordIsWrittenAnewPieceByPiece(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, _ := faulty(path, nil, map[string]fault.Script{
		fault.Write: fault.Steps(
			fault.Short(3, syscall.ENOSPC), fault.Action{}, // ends the line in the deleted file
			fault.Short(2, syscall.ENOSPC), fault.Short(0, syscall.ENOSPC), fault.Short(2, syscall.ENOSPC)),
		fault.Truncate: fault.Always(fault.Fail(syscall.EPERM)),
	})
	assert.NilError(t, s.Open(t.Context()))
	b := batchOf("abcde", "f")
	taken := 0
	for i, want := range []int{3, 3, 3, 4} {
		n, err := s.Write(t.Context(), rest(b, taken))
		assert.ErrorIs(t, err, syscall.ENOSPC)
		taken += n
		assert.Equal(t, taken, want)
		if i == 0 {
			assert.NilError(t, os.Remove(path))
		}
	}
	_, err := s.Write(t.Context(), rest(b, taken))
	assert.NilError(t, err)
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, content(t, path), "abcde\nf\n")
}

func TestFault12WhereTheTornRecordCannotBeTakenBackItGetsALineOfItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, _ := faulty(path, nil, map[string]fault.Script{
		fault.Write:    fault.At(1, fault.Short(2, syscall.ENOSPC)),
		fault.Truncate: fault.Always(fault.Fail(syscall.EPERM)),
	})
	assert.NilError(t, s.Open(t.Context()))
	_, err := s.Write(t.Context(), batchOf("abc"))
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.NilError(t, s.Rotate())
	_, err = s.Write(t.Context(), rest(batchOf("abc"), 2))
	assert.NilError(t, err)
	assert.Equal(t, content(t, only(t, path)), "ab\n")
	assert.Equal(t, content(t, path), "abc\n")
	assert.NilError(t, s.Close(t.Context()))
}

func TestFault14AFileThatIsTooLargeIsRotatedOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	s, sys := faulty(path, nil, map[string]fault.Script{fault.Write: fault.Steps(
		fault.Short(5, syscall.EFBIG), fault.Action{}, fault.Short(0, syscall.EFBIG), fault.Short(2, syscall.EFBIG))})
	assert.NilError(t, s.Open(t.Context()))
	write(t, s, "one", "two") // full within the second record
	assert.Equal(t, content(t, only(t, path)), "one\n")
	assert.Equal(t, content(t, path), "two\n")

	// A record that fits nowhere: the file is rotated, and not a second time.
	b := batchOf("three")
	n, err := s.Write(t.Context(), b)
	assert.ErrorIs(t, err, syscall.EFBIG)
	assert.Equal(t, s.Stats().Rotations, uint64(2))
	sys.On[fault.Write] = fault.Always(fault.Short(0, syscall.EFBIG))
	for range 3 {
		more, err := s.Write(t.Context(), rest(b, n))
		assert.ErrorIs(t, err, syscall.EFBIG)
		assert.Equal(t, more, 0)
	}
	assert.Equal(t, s.Stats().Rotations, uint64(2))
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, len(backups(t, path)), 2, fmt.Sprint(backups(t, path)))
}

func TestFault12And17SinksThatMayNotReadTheirFileLeaveNoEmptyLinesBetweenThem(t *testing.T) {
	if !takesBack {
		t.Skip("nobody has a turn here")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	a, as := faulty(path, nil, nil)
	b, bs := faulty(path, nil, nil)
	open(t, a)
	open(t, b)
	for _, sys := range []*fault.FS{as, bs} { // as where only others may read it
		sys.On = map[string]fault.Script{fault.Open: fault.Always(fault.Fail(syscall.EACCES))}
	}
	for range 2 {
		write(t, a, "one", "two")
		write(t, b, "three")
	}
	late, sys := faulty(path, nil, nil)
	sys.On = map[string]fault.Script{fault.Open: fault.At(2, fault.Fail(syscall.EACCES))}
	open(t, late)
	write(t, late, "four")
	assert.Equal(t, sys.Count(fault.Open), 2)

	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	assert.NilError(t, err)
	_, err = f.WriteString("half a li") // of somebody who dies
	assert.NilError(t, errors.Join(err, f.Close()))
	write(t, a, "five")
	want := strings.Repeat("one\ntwo\nthree\n", 2) + "four\nhalf a li\nfive\n"
	assert.Equal(t, content(t, path), want)
}
