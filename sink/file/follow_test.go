// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

func TestFault18AFileDeletedOverAndOverIsCreatedAgain(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be deleted here")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	s := opened(t, path, nil)
	for i := range 50 {
		line := fmt.Sprint("line ", i)
		write(t, s, line)
		assert.Equal(t, content(t, path), line+"\n")
		assert.NilError(t, os.Remove(path))
	}
	assert.Equal(t, s.Stats().Reopens, uint64(49))
}

func TestFault18AFileReplacedByAnotherIsFollowed(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be replaced here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	s := opened(t, path, nil)
	write(t, s, "one")
	edited := filepath.Join(dir, "edited")
	assert.NilError(t, os.WriteFile(edited, []byte("edited\n"), 0o600))
	assert.NilError(t, os.Rename(edited, path))
	write(t, s, "two")
	assert.Equal(t, content(t, path), "edited\ntwo\n")
}

func TestFault19LinesBeforeReopenAreInTheOldFileAndLaterOnesInTheNew(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be renamed here")
	}
	const times = 1000
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	s := opened(t, path, nil)
	for i := range times {
		write(t, s, "before", "the")
		assert.NilError(t, os.Rename(path, fmt.Sprint(path, i)))
		write(t, s, "move", "after", "it")
		assert.NilError(t, s.Reopen())
	}
	for i := range times {
		assert.Equal(t, content(t, fmt.Sprint(path, i)), "before\nthe\nmove\nafter\nit\n")
	}
	assert.Equal(t, content(t, path), "")
}

func TestFault19NoLineIsLostWhenTheFileIsMovedUnderLoad(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be renamed here")
	}
	const times = 1000
	path := filepath.Join(t.TempDir(), "app.log")
	s := opened(t, path, nil)
	quit, done := make(chan struct{}), make(chan int)
	go func() { // until quit is closed
		for i := 0; ; i++ {
			select {
			case <-quit:
				done <- i
				return
			default:
			}
			if _, err := s.Write(t.Context(), batchOf(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range times {
		assert.NilError(t, os.Rename(path, fmt.Sprint(path, i)))
		assert.NilError(t, s.Reopen())
	}
	close(quit)
	written := <-done
	var got, want strings.Builder
	for i := range times {
		got.WriteString(content(t, fmt.Sprint(path, i)))
	}
	got.WriteString(content(t, path))
	for i := range written {
		fmt.Fprintln(&want, i)
	}
	assert.Assert(t, got.String() == want.String(), "of %d lines some are missing or moved", written)
}

func TestFault17AReopenThatFailsKeepsTheFileAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		s, sys := faulty(path, nil, nil)
		assert.NilError(t, s.Open(t.Context()))
		write(t, s, "one")
		if !isUnix {
			t.Skip("open files cannot be renamed here")
		}
		assert.NilError(t, os.Rename(path, path+".1"))
		sys.On = map[string]fault.Script{fault.Open: fault.Always(fault.Fail(syscall.EACCES))}
		err := s.Reopen()
		assert.ErrorIs(t, err, fs.ErrPermission)
		assert.ErrorContains(t, err, "cannot reopen it: this user may not write there")
		write(t, s, "two")
		time.Sleep(time.Second)
		write(t, s, "three")
		assert.Equal(t, s.Stats().ReopenErrors, uint64(2))
		sys.On = nil
		time.Sleep(time.Minute)
		write(t, s, "four")
		assert.NilError(t, s.Close(t.Context()))
		assert.Equal(t, content(t, path+".1"), "one\ntwo\nthree\n")
		assert.Equal(t, content(t, path), "four\n")
	})
}

func TestFault20ATruncatedFileHasNoHoles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s := opened(t, path, &file.Options{MaxSize: 1024})
	big := strings.Repeat("x", 999)
	for i := range 20 {
		write(t, s, big)
		if i < 19 {
			assert.NilError(t, os.Truncate(path, 0))
		}
	}
	assert.DeepEqual(t, contents(t, path), []string{big + "\n"}) // never rotated: the size is the file's
	assert.Equal(t, s.Stats().Truncations, uint64(19))
}

func TestALineThatADeadProcessLeftUnfinishedIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	assert.NilError(t, os.WriteFile(path, []byte("one\ntw"), 0o600))
	s := opened(t, path, nil)
	assert.Equal(t, content(t, path), "one\ntw", "nothing is written without need")
	write(t, s, "three")
	write(t, s, "four")
	assert.Equal(t, content(t, path), "one\ntw\nthree\nfour\n")
}

func TestFault5AnUnfinishedLineIsEndedWithinTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	assert.NilError(t, os.WriteFile(path, []byte(strings.Repeat("-", 1020)), 0o600))
	s := opened(t, path, &file.Options{MaxSize: 1024})
	write(t, s, "abc")
	assert.DeepEqual(t, contents(t, path), []string{strings.Repeat("-", 1020), "abc\n"})
}

func TestAFileThatCannotBeReadIsAppendedToOnALineOfItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	assert.NilError(t, os.WriteFile(path, []byte("half"), 0o600))
	s, _ := faulty(path, nil, map[string]fault.Script{fault.Open: fault.At(2, fault.Fail(syscall.EACCES))})
	open(t, s)
	write(t, s, "one")
	write(t, s, "two")
	assert.Equal(t, content(t, path), "half\none\ntwo\n")
}

func TestARotatingSinkFollowsWhoMovesTheFileAway(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be renamed here")
	}
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		s, sys := faulty(path, &file.Options{MaxSize: 1024}, nil)
		assert.NilError(t, s.Open(t.Context()))
		write(t, s, "one")
		assert.NilError(t, os.Rename(path, path+".1"))
		sys.On = map[string]fault.Script{fault.Open: fault.Always(fault.Fail(syscall.EMFILE))}
		write(t, s, "two")
		write(t, s, "three")
		assert.Equal(t, s.Stats().ReopenErrors, uint64(1))
		sys.On = nil
		time.Sleep(time.Second)
		write(t, s, "four")
		assert.NilError(t, s.Close(t.Context()))
		assert.Equal(t, content(t, path+".1"), "one\ntwo\nthree\n")
		assert.Equal(t, content(t, path), "four\n")
	})
}

func TestFault28OneFileUnderTwoNamesIsFoundOut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	s := opened(t, path, nil)
	other := filepath.Join(dir, "other.log")
	assert.NilError(t, os.Link(path, other))
	err := file.New(other, &file.Options{AllowLinks: true}).Open(t.Context())
	assert.ErrorContains(t, err, fmt.Sprintf("this process writes to the same file as %q already: give both the same path", path))
	err = file.New(path, &file.Options{MaxSize: 4096, AllowLinks: true}).Open(t.Context())
	assert.ErrorContains(t, err, "with other options already: give both the same")
	if isUnix {
		link := filepath.Join(dir, "link.log")
		assert.NilError(t, os.Symlink(path, link))
		err = file.New(link, &file.Options{AllowLinks: true}).Open(t.Context())
		assert.ErrorContains(t, err, "with other options already")
	}
	assert.NilError(t, os.Remove(other))
	same := opened(t, filepath.Join(dir, ".", "app.log"), nil)
	write(t, s, "one")
	write(t, same, "two")
	assert.Equal(t, content(t, path), "one\ntwo\n")

	// What is closed is forgotten.
	assert.NilError(t, s.Close(t.Context()))
	assert.NilError(t, same.Close(t.Context()))
	opened(t, path, &file.Options{MaxSize: 4096})
}

func TestAFileThatIsBeingCompressedIsNotWrittenTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, sys := faulty(path, &file.Options{MaxSize: 1024}, nil)
	assert.NilError(t, os.WriteFile(path, []byte("one\n"), 0o600))
	unlock := lockFolder(t, path) // as a compression does
	open(t, s)
	assert.NilError(t, os.Rename(path, path+".1"))
	sys.On = map[string]fault.Script{fault.Open: fault.Always(fault.Fail(syscall.EMFILE))}
	_, err := s.Write(t.Context(), batchOf("two"))
	assert.ErrorIs(t, err, syscall.EMFILE)
	sys.On = nil
	write(t, s, "two")
	unlock()
	assert.Equal(t, content(t, path+".1"), "one\n")
	assert.Equal(t, content(t, path), "two\n")
}

func TestFault5TheHalfLineOfAnotherProcessThatDiedIsEnded(t *testing.T) {
	if !takesBack {
		t.Skip("who has died and who is writing is not told apart here")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	s := opened(t, path, nil)
	write(t, s, "one")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	assert.NilError(t, err)
	_, err = f.WriteString("whole\nhal")
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	write(t, s, "two")
	write(t, s, "three")
	assert.Equal(t, content(t, path), "one\nwhole\nhal\ntwo\nthree\n")
}
