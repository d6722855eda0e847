// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// pointed makes folders with a log file in each, and a link to that in the first.
func pointed(t *testing.T, folders ...string) (link string) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range folders {
		assert.NilError(t, os.Mkdir(filepath.Join(dir, d), 0o700))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, d, "app.log"), nil, 0o600))
	}
	link = filepath.Join(dir, "app.log")
	assert.NilError(t, os.Symlink(filepath.Join(folders[0], "app.log"), link))
	return link
}

// point makes a link point elsewhere.
func point(t *testing.T, link, to string) {
	t.Helper()
	assert.NilError(t, os.Remove(link))
	assert.NilError(t, os.Symlink(to, link))
}

func TestSyncFindsWhatWasWrittenBeforeALinkWasPointedElsewhere(t *testing.T) {
	link := pointed(t, "one", "two")
	s, sys := faulty(link, &file.Options{AllowLinks: true}, nil)
	synced := make(map[string]int)
	sys.Only = func(op, name string) bool {
		if op == fault.Sync {
			if name, err := filepath.Rel(filepath.Dir(link), name); err == nil {
				synced[name]++
			}
		}
		return false
	}
	open(t, s)
	write(t, s, "one")
	assert.NilError(t, s.Rotate())
	write(t, s, "two")
	point(t, link, "two/app.log")
	assert.NilError(t, s.Reopen())
	write(t, s, "three")
	rotated := filepath.Base(only(t, filepath.Join(filepath.Dir(link), "one", "app.log")))
	assert.NilError(t, s.Sync(t.Context()))
	assert.DeepEqual(t, synced, map[string]int{
		"one/" + rotated: 1, "one/app.log": 1, "one": 2, // once for each file
		"two/app.log": 1, "two": 1,
	})
}

func TestRetentionGoesWithALinkThatIsPointedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := pointed(t, "one", "two")
		s := opened(t, link, &file.Options{AllowLinks: true, MaxFiles: 1})
		rotated(t, s, "one")
		point(t, link, "two/app.log")
		assert.NilError(t, s.Reopen())
		rotated(t, s, "two", "three", "four")
		synctest.Wait()
		assert.NilError(t, s.Close(t.Context()))
		for folder, want := range map[string]string{"one": "one\n", "two": "four\n"} {
			assert.Equal(t, content(t, only(t, filepath.Join(filepath.Dir(link), folder, "app.log"))), want)
		}
	})
}

func TestAFileInThePlaceOfAPipeIsLookedAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		assert.NilError(t, unix.Mkfifo(path, 0o600))
		reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		assert.NilError(t, err)
		defer reader.Close()
		s := opened(t, path, &file.Options{MaxFiles: 1})
		write(t, s, "to the pipe")
		got := make([]byte, len("to the pipe\n"))
		_, err = io.ReadFull(reader, got)
		assert.NilError(t, err)
		assert.NilError(t, os.Remove(path))
		assert.NilError(t, s.Reopen())
		for i := range 3 {
			rotated(t, s, fmt.Sprint(i))
		}
		synctest.Wait()
		assert.NilError(t, s.Close(t.Context()))
		assert.Equal(t, content(t, only(t, path)), "2\n")
	})
}
