// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink/file"
)

// layouts are the ways to name the file app.log in the folder logs of dir.
var layouts = []struct {
	name string
	sink func(dir string, opts file.Options) (*file.Sink, error)
}{
	{name: "a path", sink: func(dir string, opts file.Options) (*file.Sink, error) {
		return file.New(filepath.Join(dir, "logs", "app.log"), &opts), nil
	}},
	{name: "below the folder", sink: func(dir string, opts file.Options) (*file.Sink, error) {
		opts.Root = filepath.Join(dir, "logs")
		return file.New("app.log", &opts), nil
	}},
	{name: "below the one above", sink: func(dir string, opts file.Options) (*file.Sink, error) {
		opts.Root = dir
		return file.New("logs/app.log", &opts), nil
	}},
	{name: "below a folder in a root", sink: func(dir string, opts file.Options) (*file.Sink, error) {
		opts.Root = "logs"
		s := file.New("app.log", &opts)
		return s, s.Confine(dir)
	}},
}

// TestFault31 puts a pipe in the place of the folder of a file that is open.
func TestFault31APipeInTheFoldersPlaceIsNotWaitedFor(t *testing.T) {
	calls := []struct {
		name string
		call func(t *testing.T, s *file.Sink) error
	}{
		{name: "rotation", call: func(_ *testing.T, s *file.Sink) error { return s.Rotate() }},
		{name: "sync", call: func(t *testing.T, s *file.Sink) error { _ = s.Sync(t.Context()); return s.Rotate() }},
		{name: "reopening", call: func(_ *testing.T, s *file.Sink) error { return s.Reopen() }},
		{name: "opening", call: func(t *testing.T, s *file.Sink) error {
			return errors.Join(s.Close(t.Context()), s.Open(t.Context()))
		}},
	}
	for _, tt := range layouts {
		for _, c := range calls {
			t.Run(tt.name+"/"+c.name, func(t *testing.T) {
				dir := t.TempDir()
				folder := filepath.Join(dir, "logs")
				assert.NilError(t, os.Mkdir(folder, 0o700))
				s, err := tt.sink(dir, file.Options{MaxFiles: 1})
				assert.NilError(t, err)
				open(t, s)
				write(t, s, "one")
				assert.NilError(t, os.Rename(folder, filepath.Join(dir, "before")))
				assert.NilError(t, unix.Mkfifo(folder, 0o600))

				result := make(chan error, 1)
				go func() { result <- c.call(t, s) }() // ends at last when somebody opens the pipe
				select {
				case err = <-result:
				case <-time.After(10 * time.Second):
					for waiting := true; waiting; {
						pipe, err := os.OpenFile(folder, os.O_RDWR, 0)
						assert.NilError(t, err)
						select {
						case <-result:
							waiting = false
						case <-time.After(time.Millisecond):
						}
						assert.NilError(t, pipe.Close())
					}
					t.Fatal("it waited for the pipe")
				}
				assert.ErrorIs(t, err, syscall.ENOTDIR)
			})
		}
	}
}

func TestFault30FoldersWhoseNamesAreNotUTF8AreLikeOthers(t *testing.T) {
	const name = "l\xff\xfegs"
	parent := t.TempDir()
	if err := os.Mkdir(filepath.Join(parent, name), 0o700); err != nil {
		t.Skipf("this file system has no such names: %v", err)
	}
	roots := []struct {
		name string
		root string
		path string
	}{
		{name: "the folder of the file", root: parent, path: name + "/app.log"},
		{name: "the root", root: filepath.Join(parent, name), path: "app.log"},
	}
	for _, tt := range roots {
		t.Run(tt.name, func(t *testing.T) {
			s := file.New(tt.path, &file.Options{Root: tt.root, MaxFiles: 1})
			path := filepath.Join(tt.root, tt.path)
			open(t, s)
			for _, line := range []string{"one", "two", "three"} {
				write(t, s, line)
				assert.NilError(t, s.Rotate())
			}
			write(t, s, "four")
			assert.NilError(t, s.Close(t.Context()))
			assert.NilError(t, s.Open(t.Context())) // retention is in time for Close
			assert.NilError(t, s.Close(t.Context()))
			assert.Equal(t, s.Stats().RotationErrors+s.Stats().RemoveErrors, uint64(0), s.Stats().LastError)

			// A file that was renamed is found.
			tr := died(t, path, nil, "", batchOf("five", "six"), 7)
			place, p, ends := tr.last()
			assert.NilError(t, os.Rename(path, path+".moved"))
			n, err := file.New(tt.path, &file.Options{Root: tt.root}).Arrived(t.Context(), place, p, ends)
			assert.NilError(t, err)
			assert.Equal(t, n, 5)
			assert.Assert(t, strings.HasSuffix(content(t, path+".moved"), "five\n"))
			assert.NilError(t, os.Remove(path+".moved"))
		})
	}
}
