// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// opened returns an open sink at path, which is closed when the test ends.
func opened(t *testing.T, path string, opts *file.Options) *file.Sink {
	t.Helper()
	return open(t, file.New(path, opts))
}

func open(t *testing.T, s *file.Sink) *file.Sink {
	t.Helper()
	assert.NilError(t, s.Open(t.Context()))
	t.Cleanup(func() { _ = s.Close(t.Context()) })
	return s
}

// contents returns what is in the rotated files of path, oldest first, and last
// what is in it.
func contents(t *testing.T, path string) []string {
	t.Helper()
	var all []string
	for _, b := range backups(t, path) {
		all = append(all, content(t, b))
	}
	return append(all, content(t, path))
}

func TestFault22ManyRotationsPerMillisecondKeepEveryLine(t *testing.T) {
	const lines = 200
	synctest.Test(t, func(t *testing.T) { // where all of them have the same time
		path := filepath.Join(t.TempDir(), "app.log")
		s := file.New(path, nil)
		assert.NilError(t, s.Open(t.Context()))
		var want []string
		for i := range lines {
			line := fmt.Sprint("line ", i)
			want = append(want, line+"\n")
			write(t, s, line)
			assert.NilError(t, s.Rotate())
		}
		assert.NilError(t, s.Close(t.Context()))
		got := contents(t, path)
		assert.DeepEqual(t, got[:lines], want)
		assert.Assert(t, slices.IsSorted(backups(t, path)), "by their names alone")
		assert.Equal(t, filepath.Base(backups(t, path)[lines-1]), "app-20000101T000000.199Z.log")
		assert.Equal(t, s.Stats().Rotations, uint64(lines))
	})
}

func TestFault22AClockSetBackNeitherOverwritesNorReorders(t *testing.T) {
	for _, tt := range []struct {
		name string
		have []string // oldest first
		last string   // after two rotations
	}{
		{"the future", []string{"20991231T235959.998Z"}, "21000101T000000.000Z"},
		{"with a counter", []string{"20991231T235959.997Z", "20991231T235959.997Z-2", "20991231T235959.997Z-10"}, "20991231T235959.999Z"},
		{"the end of time", []string{"99991231T235959.998Z"}, "99991231T235959.999Z-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "app.log")
			var want []string
			for _, have := range tt.have {
				want = append(want, have+"\n")
				assert.NilError(t, os.WriteFile(filepath.Join(dir, "app-"+have+".log"), []byte(have+"\n"), 0o600))
			}
			s := opened(t, path, nil)
			for _, line := range []string{"one", "two"} {
				write(t, s, line)
				assert.NilError(t, s.Rotate())
			}
			assert.DeepEqual(t, contents(t, path), append(want, "one\n", "two\n", ""))
			all := backups(t, path)
			assert.Equal(t, filepath.Base(all[len(all)-1]), "app-"+tt.last+".log")
		})
	}
}

func TestFault22ANameTakenMeanwhileIsNotOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		taken := fault.Fail(&os.LinkError{Op: "rename", Err: syscall.EEXIST})
		s, sys := faulty(path, nil, map[string]fault.Script{fault.Rename: fault.First(2, taken)})
		assert.NilError(t, s.Open(t.Context()))
		write(t, s, "one")
		assert.NilError(t, s.Rotate())
		assert.Equal(t, filepath.Base(only(t, path)), "app-20000101T000000.002Z.log")

		sys.On[fault.Rename] = fault.Always(taken)
		write(t, s, "two")
		assert.ErrorContains(t, s.Rotate(), "every name for the rotated file is taken")
		assert.NilError(t, s.Close(t.Context()))
		assert.DeepEqual(t, contents(t, path), []string{"one\n", "two\n"})
	})
}

func TestFault23AFailedRotationGoesOnWithTheFileAndIsTriedAgain(t *testing.T) {
	tests := []struct {
		name string
		on   map[string]fault.Script // fails the first rotation
	}{
		{name: "folder cannot be opened", on: map[string]fault.Script{fault.Open: fault.At(3, fault.Fail(syscall.EMFILE))}},
		{name: "folder cannot be read", on: map[string]fault.Script{fault.ReadDir: fault.At(1, fault.Fail(syscall.EACCES))}},
		{name: "no rename", on: map[string]fault.Script{fault.Rename: fault.At(1, fault.Fail(syscall.EROFS))}},
		{name: "no look at the name", on: map[string]fault.Script{fault.Lstat: fault.At(4, fault.Fail(syscall.EIO))}},
		{name: "Fault24: no descriptor for the new file", on: map[string]fault.Script{fault.Open: fault.At(4, fault.Fail(syscall.EMFILE))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				s, _ := faulty(path, &file.Options{MaxSize: 1024}, tt.on)
				assert.NilError(t, s.Open(t.Context()))
				big := strings.Repeat("x", 1000)
				write(t, s, big)
				write(t, s, big, "two") // the rotation fails
				assert.Equal(t, s.Stats().RotationErrors, uint64(1))
				assert.Assert(t, s.Stats().LastError != "")
				write(t, s, "three") // it is not tried again at once
				assert.DeepEqual(t, contents(t, path), []string{big + "\n" + big + "\ntwo\nthree\n"})
				time.Sleep(time.Second)
				write(t, s, "four")
				assert.DeepEqual(t, contents(t, path), []string{big + "\n" + big + "\ntwo\nthree\n", "four\n"})
				assert.Equal(t, s.Stats().RotationErrors, uint64(1))
				assert.NilError(t, s.Close(t.Context()))
			})
		})
	}
}

func TestFault24WhereTheOldNameCannotBeHadBackNoLineIsLost(t *testing.T) {
	for _, opts := range []*file.Options{nil, {MaxSize: 1024}} {
		path := filepath.Join(t.TempDir(), "app.log")
		s, _ := faulty(path, opts, map[string]fault.Script{
			fault.Open:   fault.At(4, fault.Fail(syscall.EMFILE)),
			fault.Rename: fault.At(2, fault.Fail(syscall.EIO)),
		})
		open(t, s)
		write(t, s, "one")
		assert.ErrorIs(t, s.Rotate(), syscall.EIO)
		write(t, s, "two") // to a new file, since the name is free
		assert.DeepEqual(t, contents(t, path), []string{"one\n", "two\n"})
	}
}

func TestFault26ARecordAboveTheLimitIsAloneInItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s := opened(t, path, &file.Options{MaxSize: 1024})
	big := strings.Repeat("b", 5000)
	write(t, s, "one", "two", big, "three", big)
	write(t, s, big)
	assert.DeepEqual(t, contents(t, path), []string{"one\ntwo\n", big + "\n", "three\n", big + "\n", big + "\n"})
}

func TestFilesAreFilledToTheLimitAndNotBeyond(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	assert.NilError(t, os.WriteFile(path, []byte(strings.Repeat("-", 1013)+"\n"), 0o640))
	s := opened(t, path, &file.Options{MaxSize: 1024})
	line := strings.Repeat("x", 9)
	var lines []string
	for range 103 {
		lines = append(lines, line)
	}
	write(t, s, lines...)
	assert.NilError(t, s.Close(t.Context()))
	var sizes []int
	for _, c := range contents(t, path) {
		sizes = append(sizes, len(c))
	}
	assert.DeepEqual(t, sizes, []int{1024, 1020})
	info, err := os.Stat(path)
	assert.NilError(t, err)
	if isUnix {
		assert.Equal(t, info.Mode(), fs.FileMode(0o640), "Fault34: kept over the rotation")
	}
}

func TestFault34ANewFileHasTheModeThatTheOneBeforeHasByThen(t *testing.T) {
	if !isUnix {
		t.Skip("files have no modes here")
	}
	tests := []struct {
		name  string
		renew func(t *testing.T, s *file.Sink)
	}{
		{name: "rotated", renew: func(t *testing.T, s *file.Sink) { assert.NilError(t, s.Rotate()) }},
		{name: "moved and reopened", renew: func(t *testing.T, s *file.Sink) {
			assert.NilError(t, os.Rename(s.String(), s.String()+".1"))
			assert.NilError(t, s.Reopen())
		}},
		{name: "deleted", renew: func(t *testing.T, s *file.Sink) {
			assert.NilError(t, os.Remove(s.String()))
			write(t, s, "two")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			s := opened(t, path, nil)
			write(t, s, "one")
			assert.NilError(t, os.Chmod(path, 0o640))
			tt.renew(t, s)
			info, err := os.Stat(path)
			assert.NilError(t, err)
			assert.Equal(t, info.Mode(), fs.FileMode(0o640))
		})
	}
}

func TestRotateSaysWhyNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s := file.New(path, nil)
	assert.ErrorIs(t, s.Rotate(), fs.ErrClosed)
	assert.ErrorIs(t, s.Reopen(), fs.ErrClosed)
	open(t, s)
	assert.NilError(t, s.Rotate()) // there is nothing to rotate
	assert.DeepEqual(t, backups(t, path), []string(nil))
	device := opened(t, os.DevNull, nil)
	assert.ErrorContains(t, device.Rotate(), "no file that can be rotated")
}

func TestTheLosersOfARotationFollowTheWinner(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be renamed here")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	opts := &file.Options{MaxSize: 1024}
	a, b := opened(t, path, opts), opened(t, path, opts)
	write(t, a, "a1")
	write(t, b, "b1")
	assert.NilError(t, a.Rotate())
	write(t, b, "b2")
	write(t, a, "a2")
	assert.DeepEqual(t, contents(t, path), []string{"a1\nb1\n", "b2\na2\n"})
	assert.Equal(t, b.Stats().Reopens, uint64(1))

	// Both are full; the second to see it finds a new file.
	write(t, a, strings.Repeat("a", 1000))
	write(t, a, strings.Repeat("c", 1000))
	write(t, b, "b3")
	assert.Equal(t, len(backups(t, path)), 2)
	assert.Equal(t, a.Stats().Rotations+b.Stats().Rotations, uint64(2))
}

// TestFault8 finds what a process leaves that dies within a rotation.
func TestFault8ARotationThatWasInterruptedIsFinished(t *testing.T) {
	if !isUnix {
		t.Skip("names are not counted here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	backup := filepath.Join(dir, "app-20260102T030405.006Z.log")
	assert.NilError(t, os.WriteFile(path, []byte("one\n"), 0o600))
	assert.NilError(t, os.Link(path, backup))
	s := opened(t, path, nil)
	write(t, s, "two")
	assert.DeepEqual(t, contents(t, path), []string{"one\n", "two\n"})
}

func TestFault8WhereItCannotBeFinishedTheFileGoesOn(t *testing.T) {
	if !isUnix {
		t.Skip("names are not counted here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	assert.NilError(t, os.WriteFile(path, []byte("one\n"), 0o600))
	assert.NilError(t, os.Link(path, filepath.Join(dir, "app-20260102T030405.006Z.log")))
	unlock := lockFolder(t, dir)
	s := opened(t, path, nil)
	write(t, s, "two")
	unlock()
	assert.Equal(t, content(t, path), "one\ntwo\n")
	assert.NilError(t, s.Reopen())
}

func TestFault8WhereTheNewFileCannotBeHadAtOnceItIsTriedAgain(t *testing.T) {
	if !isUnix {
		t.Skip("names are not counted here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	backup := filepath.Join(dir, "app-20260102T030405.006Z.log")
	assert.NilError(t, os.WriteFile(path, []byte("one\n"), 0o600))
	assert.NilError(t, os.Link(path, backup))
	// The file, its last byte, the folder; then the new file.
	s, _ := faulty(path, nil, map[string]fault.Script{fault.Open: fault.At(4, fault.Fail(syscall.EMFILE))})
	open(t, s)
	write(t, s, "two")
	assert.DeepEqual(t, contents(t, path), []string{"one\n", "two\n"})
}

func TestFault22FilesWithoutTheRenameThatNeverReplaces(t *testing.T) {
	unsupported := errors.ErrUnsupported
	tests := []struct {
		name string
		link error
		want error
	}{
		{name: "hard links"},
		{name: "name taken", link: fs.ErrExist, want: fs.ErrExist},
		{name: "no hard links", link: unsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			from, to := filepath.Join(dir, "a"), filepath.Join(dir, "b")
			assert.NilError(t, os.WriteFile(from, []byte("a"), 0o600))
			err := file.RenameSlowly(from, to, tt.link)
			assert.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				assert.Equal(t, content(t, to), "a")
				assert.NilError(t, os.WriteFile(from, []byte("a"), 0o600))
				assert.ErrorIs(t, file.RenameSlowly(from, to, tt.link), fs.ErrExist)
			}
			assert.Equal(t, content(t, from), "a", "never replaced")
		})
	}
}

func TestFilesAreRotatedWhereOpenFilesKeepTheirNames(t *testing.T) {
	defer file.HoldNames()()
	fail := fault.Fail(syscall.EIO)
	tests := []struct {
		name string
		on   map[string]fault.Script
		want []string
	}{
		{name: "no fault", want: []string{"one\n", "two\n", "three\n"}},
		{name: "no rename", on: map[string]fault.Script{fault.Rename: fault.First(1, fail)}, want: []string{"one\ntwo\n", "three\n"}},
		{name: "no new file", on: map[string]fault.Script{fault.Open: fault.At(4, fail)}, want: []string{"one\ntwo\n", "three\n"}},
		{name: "neither new nor old", on: map[string]fault.Script{fault.Open: fault.At(4, fail), fault.Rename: fault.At(2, fail)}, want: []string{"one\n", "two\n", "three\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				s, _ := faulty(path, &file.Options{MaxFiles: 3, Compress: "gzip"}, tt.on)
				// The background takes no part in the count of calls.
				s.SetSystem(&fault.FS{FileSystem: file.Everywhere, On: tt.on, Only: func(op, name string) bool {
					return op == fault.Rename || name == path || name == filepath.Dir(path)
				}})
				assert.NilError(t, s.Open(t.Context()))
				synctest.Wait() // until the background has looked into the empty folder
				for _, line := range []string{"one", "two", "three"} {
					write(t, s, line)
					if line != "three" {
						_ = s.Rotate()
					}
				}
				synctest.Wait()
				assert.NilError(t, s.Close(t.Context()))
				found := backups(t, path)
				var got []string
				for _, b := range found {
					if strings.HasSuffix(b, ".gz") {
						got = append(got, unzip(t, b))
					} else {
						got = append(got, content(t, b))
					}
				}
				assert.DeepEqual(t, append(got, content(t, path)), tt.want)
			})
		})
	}
}

func TestWriteFailsWhileThereIsNoFile(t *testing.T) {
	defer file.HoldNames()()
	path := filepath.Join(t.TempDir(), "app.log")
	s, sys := faulty(path, &file.Options{MaxSize: 1024}, nil)
	open(t, s)
	write(t, s, strings.Repeat("x", 1000))
	sys.On = map[string]fault.Script{fault.Open: func(n int) fault.Action {
		if n <= 3 { // Open, and the folder of the rotation
			return fault.Action{}
		}
		return fault.Fail(syscall.EMFILE)
	}, fault.Rename: fault.At(1, fault.Fail(syscall.EIO))}
	n, err := s.Write(t.Context(), batchOf(strings.Repeat("y", 1000)))
	assert.ErrorContains(t, err, "it could not be opened again after a rotation")
	assert.Equal(t, n, 0)
	_, err = s.Write(t.Context(), batchOf("z"))
	assert.ErrorIs(t, err, syscall.EMFILE)
	sys.On = nil
	write(t, s, "z")
	assert.Equal(t, content(t, path), strings.Repeat("x", 1000)+"\nz\n")
}
