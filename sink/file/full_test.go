// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"fmt"
	"os"
	"path/filepath"
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

// TestFault11_12 fills the disk three times in the middle of records.
func TestFault11_12ShortWritesAreContinuedAtTheirVeryByte(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, s *file.Sink, path string) // while a record is half written
		want   string                                        // in the file at last
	}{
		{name: "in the file", want: "one\ntwo\nthree\nfour\n"},
		{name: "deleted", want: "three\nfour\n", change: func(t *testing.T, _ *file.Sink, path string) {
			assert.NilError(t, os.Remove(path))
		}},
		{name: "truncated", want: "three\nfour\n", change: func(t *testing.T, _ *file.Sink, path string) {
			assert.NilError(t, os.Truncate(path, 0))
		}},
		{name: "somebody else wrote", want: "one\ntwo\nthre--\nthree\nfour\n", change: func(t *testing.T, _ *file.Sink, path string) {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			assert.NilError(t, err)
			_, err = f.WriteString("--\n")
			assert.NilError(t, err)
			assert.NilError(t, f.Close())
		}},
		{name: "rotated", want: "three\nfour\n", change: func(t *testing.T, s *file.Sink, path string) {
			assert.NilError(t, s.Rotate())
			assert.Equal(t, content(t, only(t, path)), "one\ntwo\n", "the half record is taken back")
		}},
		{name: "closed and opened", want: "one\ntwo\nthree\nfour\n", change: func(t *testing.T, s *file.Sink, path string) {
			assert.NilError(t, s.Close(t.Context()))
			assert.Equal(t, content(t, path), "one\ntwo\n", "the half record is taken back")
			assert.NilError(t, s.Open(t.Context()))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			full := func(n int) fault.Action { return fault.Short(n, syscall.ENOSPC) }
			path := filepath.Join(t.TempDir(), "app.log")
			// The disk is full within "two", twice within "three", and then nothing fits.
			s, _ := faulty(path, nil, map[string]fault.Script{fault.Write: fault.Steps(full(6), full(4), full(2), full(0))})
			assert.NilError(t, s.Open(t.Context()))
			b := batchOf("one", "two", "three", "four")
			taken := 0
			for _, want := range []int{6, 10, 12, 12} {
				n, err := s.Write(t.Context(), rest(b, taken))
				assert.ErrorIs(t, err, syscall.ENOSPC)
				taken += n
				assert.Equal(t, taken, want)
			}
			if tt.change != nil {
				tt.change(t, s, path)
			}
			n, err := s.Write(t.Context(), rest(b, taken))
			assert.NilError(t, err)
			assert.Equal(t, taken+n, len(b.Bytes))
			assert.NilError(t, s.Close(t.Context()))
			assert.Equal(t, content(t, path), tt.want)
		})
	}
}

// TestFault12 has the disk full again when the record is written anew.
func TestFault12ARecordIsWrittenAnewPieceByPiece(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, _ := faulty(path, nil, map[string]fault.Script{fault.Write: fault.Steps(
		fault.Short(3, syscall.ENOSPC), fault.Short(2, syscall.ENOSPC), fault.Short(0, syscall.ENOSPC), fault.Short(2, syscall.ENOSPC))})
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
	assert.Equal(t, n, 2)
	assert.Equal(t, s.Stats().Rotations, uint64(2))
	sys.On[fault.Write] = fault.Always(fault.Short(0, syscall.EFBIG))
	for range 3 {
		n, err = s.Write(t.Context(), rest(b, 2))
		assert.ErrorIs(t, err, syscall.EFBIG)
		assert.Equal(t, n, 0)
	}
	assert.Equal(t, s.Stats().Rotations, uint64(2))
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, len(backups(t, path)), 2, fmt.Sprint(backups(t, path)))
}
