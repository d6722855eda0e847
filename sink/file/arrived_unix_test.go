// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"

	"github.com/hydra-logger/hydra/sink/file"
)

// TestFault29 puts something else in the place of the file of a process that died
// in the middle of "two".
func TestFault29And32ArrivedTouchesNothingThatOpenWouldRefuse(t *testing.T) {
	const torn = "zero\none\nt"
	victim := func(path string) string { return filepath.Join(filepath.Dir(path), "elsewhere", "victim") }
	tests := []struct {
		name   string
		opts   file.Options
		change func(t *testing.T, path string)
		want   string // in the error; empty if there is none
	}{
		{name: "a link to another file", change: func(t *testing.T, path string) {
			assert.NilError(t, os.Rename(path, victim(path)))
			assert.NilError(t, os.Symlink(victim(path), path))
		}, want: "it is not there any more"},
		{name: "a second name", change: func(t *testing.T, path string) {
			assert.NilError(t, os.Link(path, victim(path)))
		}, want: "it has another name, a hard link"},
		{name: "a second name, and it may", opts: file.Options{AllowLinks: true}, change: func(t *testing.T, path string) {
			assert.NilError(t, os.Link(path, victim(path)))
		}},
		{name: "somebody else's", change: func(t *testing.T, path string) {
			if err := os.Chown(path, 65533, -1); err != nil {
				t.Skip("only the superuser gives files away")
			}
			assert.NilError(t, os.Link(path, victim(path)))
		}, want: "it has another name"},
		{name: "somebody else's, with one name", change: func(t *testing.T, path string) {
			if err := os.Chown(path, 65533, -1); err != nil {
				t.Skip("only the superuser gives files away")
			}
			assert.NilError(t, os.WriteFile(victim(path), []byte(torn), 0o600))
		}, want: "it belongs to the user 65533"},
		{name: "a pipe", change: func(t *testing.T, path string) {
			assert.NilError(t, os.Rename(path, victim(path)))
			assert.NilError(t, unix.Mkfifo(path, 0o600))
		}, want: "it is not there any more"},
		{name: "a directory", change: func(t *testing.T, path string) {
			assert.NilError(t, os.Rename(path, victim(path)))
			assert.NilError(t, os.Mkdir(path, 0o700))
		}, want: "it is not there any more"},
		{name: "nothing, but its link to the file of before", change: func(t *testing.T, path string) {
			assert.NilError(t, os.Rename(path, victim(path)))
			assert.NilError(t, os.Symlink(victim(path), path+".1"))
		}, want: "it is not there any more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			assert.NilError(t, os.Mkdir(filepath.Dir(victim(path)), 0o700))
			tr := died(t, path, nil, "zero\n", batchOf("one", "two"), 5)
			tt.change(t, path)
			place, p, ends := tr.last()
			n, err := file.New(path, &tt.opts).Arrived(t.Context(), place, p, ends)
			if tt.want == "" {
				assert.NilError(t, err)
				assert.Equal(t, n, 4)
				assert.Equal(t, content(t, victim(path)), "zero\none\n")
				return
			}
			assert.ErrorContains(t, err, tt.want)
			assert.Equal(t, content(t, victim(path)), torn)
		})
	}
}

func TestArrivedFindsTheFileUnderItsNewName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	tr := died(t, path, nil, "zero\n", batchOf("one", "two"), 5)
	assert.NilError(t, os.Rename(path, path+".1")) // logrotate
	n, err := goOn(t, tr, path, nil)
	assert.NilError(t, err)
	assert.Equal(t, n, 4)
	assert.Equal(t, content(t, path+".1")+content(t, path), "zero\none\ntwo\n")
}

func TestFault5WhatAnotherProcessHasCompressedIsFoundThere(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before string
		taken  int
		unsure bool // whether others might have written before it
		want   int
	}{
		{name: "all of it", before: "zero\n", taken: 14, want: 14},
		{name: "at the beginning of the file", taken: 14, want: 14},
		{name: "half a record behind it", before: "zero\n", taken: 10, want: 8},
		{name: "nothing whole", before: "zero\n", taken: 2},
		{name: "behind what others wrote", before: "zero\n", taken: 14, unsure: true, want: 14},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			opts := &file.Options{MaxSize: 1 << 20, Compress: "gzip"}
			b := batchOf("one", "two", "three")
			tr := died(t, path, opts, tt.before, b, tt.taken)
			if tt.unsure {
				last := &tr.notes[len(tr.notes)-1]
				last.place = file.Unsure(last.place, len(tt.before))
			}

			other := file.New(path, opts)
			assert.NilError(t, other.Open(t.Context())) // it ends the line
			assert.NilError(t, other.Rotate())
			write(t, other, "other")
			poll.WaitOn(t, func(poll.LogT) poll.Result {
				if other.Stats().Compressed > 0 {
					return poll.Success()
				}
				return poll.Continue("nothing is compressed")
			})

			n, err := goOn(t, tr, path, opts)
			assert.Equal(t, n, tt.want)
			assert.Equal(t, err == nil, tt.want > 0, "got %v", err)
			assert.NilError(t, other.Close(t.Context()))
			assert.Equal(t, content(t, path), "other\n"+string(b.Bytes[tt.want:]))
		})
	}
}

func TestArrivedFollowsTheLinksThatOpenDoes(t *testing.T) {
	dir := t.TempDir()
	path, target := filepath.Join(dir, "link"), filepath.Join(dir, "app.log")
	assert.NilError(t, os.Symlink(target, path))
	opts := &file.Options{AllowLinks: true}
	tr := died(t, path, opts, "zero\n", batchOf("one", "two"), 5)
	n, err := goOn(t, tr, path, opts)
	assert.NilError(t, err)
	assert.Equal(t, n, 4)
	assert.Equal(t, content(t, target), "zero\none\ntwo\n")
}

func TestFault30ArrivedStaysInItsRoot(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	opts := &file.Options{Root: root}
	s := file.New("logs/app.log", opts)
	assert.NilError(t, os.Mkdir(filepath.Join(root, "logs"), 0o700))
	tr := traceOf(s)
	assert.NilError(t, s.Open(t.Context()))
	tr.batch = batchOf("one", "two")
	write(t, s, "one", "two")
	assert.NilError(t, s.Close(t.Context()))
	path := filepath.Join(root, "logs", "app.log")
	assert.NilError(t, os.Truncate(path, 6))

	// A folder that leads outside, with the file in it.
	assert.NilError(t, os.Rename(filepath.Join(root, "logs"), filepath.Join(outside, "logs")))
	assert.NilError(t, os.Symlink(filepath.Join(outside, "logs"), filepath.Join(root, "logs")))
	place, p, ends := tr.last()
	_, err := file.New("logs/app.log", opts).Arrived(t.Context(), place, p, ends)
	assert.ErrorContains(t, err, "escapes")
	assert.Equal(t, content(t, filepath.Join(outside, "logs", "app.log")), "one\ntw")

	assert.NilError(t, os.Remove(filepath.Join(root, "logs")))
	assert.NilError(t, os.Rename(filepath.Join(outside, "logs"), filepath.Join(root, "logs")))
	n, err := file.New("logs/app.log", opts).Arrived(t.Context(), place, p, ends)
	assert.NilError(t, err)
	assert.Equal(t, n, 4)
	assert.Equal(t, content(t, path), "one\n")
}

func TestAPipeIsWrittenToWithoutAPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	assert.NilError(t, unix.Mkfifo(path, 0o600))
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	assert.NilError(t, err)
	defer reader.Close()
	s := file.New(path, nil)
	tr := traceOf(s)
	assert.NilError(t, s.Open(t.Context()))
	tr.batch = batchOf("one")
	write(t, s, "one")
	assert.NilError(t, s.Close(t.Context()))
	place, p, ends := tr.last()
	_, err = file.New(path, nil).Arrived(t.Context(), place, p, ends)
	assert.ErrorContains(t, err, "it was no file that can be read again")
}
