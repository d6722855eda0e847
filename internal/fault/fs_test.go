// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package fault_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydra-logger/hydra/internal/fault"
)

// real is a FileSystem without faults.
type real struct{}

func (real) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}
func (real) Lstat(name string) (fs.FileInfo, error)           { return os.Lstat(name) }
func (real) ReadDir(name string) ([]fs.DirEntry, error)       { return os.ReadDir(name) }
func (real) MkdirAll(name string, perm fs.FileMode) error     { return os.MkdirAll(name, perm) }
func (real) Rename(_ *os.File, oldname, newname string) error { return os.Rename(oldname, newname) }
func (real) Remove(name string) error                         { return os.Remove(name) }
func (real) Write(f *os.File, p []byte) (int, error)          { return f.Write(p) }
func (real) Truncate(f *os.File, size int64) error            { return f.Truncate(size) }
func (real) Sync(f *os.File) error                            { return f.Sync() }

func TestFSFailsTheCallsThatItsScriptsName(t *testing.T) {
	ops := []string{fault.MkdirAll, fault.Open, fault.Write, fault.Truncate, fault.Sync, fault.Lstat, fault.ReadDir, fault.Rename, fault.Remove}
	for _, op := range ops {
		t.Run(op, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b")
			want := errors.New("no")
			f := &fault.FS{FileSystem: real{}, On: map[string]fault.Script{op: fault.At(2, fault.Fail(want))}}
			for i, wantErr := range []error{nil, want, nil} {
				if err := useAll(f, dir); !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
					t.Errorf("got error %v in round %d, want %v", err, i, wantErr)
				}
			}
			if got := f.Count(op); got != 3 {
				t.Errorf("got %d calls, want 3", got)
			}
		})
	}
}

// useAll calls everything once, and stops at the first error.
func useAll(f *fault.FS, dir string) error {
	if err := f.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(dir, "x")
	file, err := f.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if n, err := f.Write(file, []byte("abc")); err != nil || n != 3 {
		return err
	}
	err = f.Truncate(file, 1)
	if err == nil {
		err = f.Sync(file)
	}
	if err != nil {
		return err
	}
	if info, err := f.Lstat(name); err != nil || info.Size() != 1 {
		return err
	}
	if entries, err := f.ReadDir(dir); err != nil || len(entries) == 0 {
		return err
	}
	if err := f.Rename(nil, name, name+"y"); err != nil {
		return err
	}
	return f.Remove(name + "y")
}

func TestFSWritesShortAndPassesErrorsOn(t *testing.T) {
	want := errors.New("full")
	path := filepath.Join(t.TempDir(), "x")
	f := &fault.FS{FileSystem: real{}, On: map[string]fault.Script{fault.Write: fault.At(1, fault.Short(2, want))}}
	file, err := f.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write(file, []byte("abc")); n != 2 || !errors.Is(err, want) {
		t.Errorf("got %d, %v, want 2, %v", n, err, want)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write(file, []byte("abc")); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %d, %v, want 0, %v", n, err, os.ErrClosed)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "ab" {
		t.Errorf("got %q, %v, want %q", got, err, "ab")
	}
}

func TestFSFailsOnlyWhatIsPicked(t *testing.T) {
	f := &fault.FS{
		FileSystem: real{}, On: map[string]fault.Script{fault.Lstat: fault.Always(fault.Fail(errors.New("no")))},
		Only: func(_, name string) bool { return strings.HasSuffix(name, "x") },
	}
	dir := t.TempDir()
	if _, err := f.Lstat(dir); err != nil {
		t.Error(err)
	}
	if _, err := f.Lstat(filepath.Join(dir, "x")); err == nil {
		t.Error("got no error, want one")
	}
	if got := f.Count(fault.Lstat); got != 1 {
		t.Errorf("got %d calls, want 1", got)
	}
}
