// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

func TestFault29LinksAreRefusedUnlessAllowed(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	assert.NilError(t, os.WriteFile(victim, nil, 0o600))
	link := filepath.Join(dir, "link")
	assert.NilError(t, os.Symlink("victim", link))
	assert.ErrorContains(t, file.New(link, nil).Open(t.Context()), "it is a symbolic link: name what it points to or set Options.AllowLinks")

	s := opened(t, link, &file.Options{AllowLinks: true})
	write(t, s, "one")
	assert.NilError(t, s.Rotate())
	write(t, s, "two")
	assert.DeepEqual(t, contents(t, victim), []string{"one\n", "two\n"}) // the link still points to the file
	assert.Equal(t, content(t, link), "two\n")
	assert.NilError(t, s.Close(t.Context()))

	hard := filepath.Join(dir, "hard")
	assert.NilError(t, os.Link(victim, hard))
	assert.ErrorContains(t, file.New(hard, nil).Open(t.Context()), "it has another name, a hard link")
	opened(t, hard, &file.Options{AllowLinks: true})
}

func TestFault29ALinkThatTheSystemFollowsIsFoundOut(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "app.log"), filepath.Join(dir, "other.log")
	assert.NilError(t, os.WriteFile(path, nil, 0o600))
	assert.NilError(t, os.WriteFile(other, nil, 0o600))
	s := file.New(path, nil)
	s.SetSystem(diverted{file.Everywhere, other})
	assert.ErrorContains(t, s.Open(t.Context()), "it was replaced while it was opened")
	assert.NilError(t, os.Remove(path))
	assert.NilError(t, os.Symlink(other, path))
	assert.ErrorContains(t, s.Open(t.Context()), "it is a symbolic link")
}

// diverted opens another file than it was asked for.
type diverted struct {
	file.System
	to string
}

func (d diverted) OpenFile(_ string, flag int, perm fs.FileMode) (*os.File, error) {
	return d.System.OpenFile(d.to, flag, perm)
}

func TestALinkWhoseTargetMakesBadNamesIsAnError(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "1.log"), nil, 0o600))
	link := filepath.Join(dir, "app.log")
	assert.NilError(t, os.Symlink("1.log", link))
	err := file.New(link, &file.Options{AllowLinks: true, Names: "{time}{base}"}).Open(t.Context())
	assert.ErrorContains(t, err, "Options.Names")
}

func TestFault29And34FilesOfOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only the superuser can give files away")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	assert.NilError(t, os.WriteFile(path, nil, 0o600))
	assert.NilError(t, os.Chown(path, 65534, 65534))
	err := file.New(path, nil).Open(t.Context())
	assert.ErrorContains(t, err, "it belongs to the user 65534, who could change it: give it a file of its own or set Options.AllowForeign")
	s := opened(t, path, &file.Options{AllowForeign: true})
	assert.NilError(t, s.Close(t.Context()))

	// What the sink itself gives away is no stranger's.
	s = opened(t, path, &file.Options{UID: 65534, GID: 65533, Compress: "gzip"})
	write(t, s, "one")
	assert.NilError(t, s.Rotate())
	info, err := os.Stat(path)
	assert.NilError(t, err)
	st := info.Sys().(*syscall.Stat_t)
	assert.Equal(t, fmt.Sprint(st.Uid, ":", st.Gid, " ", info.Mode()), "65534:65533 -rw-------")
}

func TestAnOwnerThatCannotBeHadIsAnErrorAndLeavesNoFile(t *testing.T) {
	if isChild(t) {
		if os.Getuid() == 0 {
			if err := unix.Setuid(65534); err != nil {
				endChild("setuid: %v", err)
			}
		}
		path := filepath.Join(os.Getenv(childDir), "app.log")
		err := file.New(path, &file.Options{UID: 1}).Open(context.Background())
		_, statErr := os.Stat(path)
		endChild("%v, %v", err, errors.Is(statErr, fs.ErrNotExist))
	}
	dir := t.TempDir()
	assert.NilError(t, os.Chmod(dir, 0o777))
	assert.NilError(t, os.Chmod(filepath.Dir(dir), 0o755))
	got := report(t, dir)
	assert.Assert(t, strings.Contains(got, "cannot give it to Options.UID and GID: leave them out or run as the superuser"), got)
	assert.Assert(t, strings.HasSuffix(got, ", true"), got)
}

func TestFault16AReadOnlyFileSystemIsNamed(t *testing.T) {
	s, _ := faulty(filepath.Join(t.TempDir(), "app.log"), nil, map[string]fault.Script{fault.Open: fault.Always(fault.Fail(syscall.EROFS))})
	assert.ErrorContains(t, s.Open(t.Context()), "the file system is read-only: choose another path")
}

func TestFault29AFileThatAppearsAndDisappearsIsNotWaitedFor(t *testing.T) {
	s, _ := faulty(filepath.Join(t.TempDir(), "app.log"), nil, map[string]fault.Script{fault.Open: func(n int) fault.Action {
		if n%2 == 1 {
			return fault.Fail(fs.ErrNotExist)
		}
		return fault.Fail(fs.ErrExist)
	}})
	assert.ErrorContains(t, s.Open(t.Context()), "it appears and disappears")
}

func TestFault31APipeIsWrittenToWhileSomebodyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	assert.NilError(t, unix.Mkfifo(path, 0o600))
	read := func() *os.File {
		r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		assert.NilError(t, err)
		return r
	}
	r := read()
	s := opened(t, path, &file.Options{Sync: file.SyncFlush, MaxFiles: 1})
	write(t, s, "one")
	assert.NilError(t, s.Flush(t.Context()))
	buf := make([]byte, 1<<20)
	n, err := r.Read(buf)
	assert.NilError(t, err)
	assert.Equal(t, string(buf[:n]), "one\n")

	// The reader stops reading: what fits is taken, and Write returns.
	big := batchOf(strings.Repeat("a", 1<<20), "b")
	taken, err := s.Write(t.Context(), big)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	assert.Assert(t, taken > 0 && taken < 1<<20, taken)

	// The reader is gone, and comes again: the record begins anew.
	assert.NilError(t, r.Close())
	_, err = s.Write(t.Context(), rest(big, taken))
	assert.ErrorIs(t, err, syscall.EPIPE)
	_, err = s.Write(t.Context(), rest(big, taken))
	assert.ErrorContains(t, err, "it is a pipe that nobody reads: start its reader")
	r = read()
	defer r.Close()
	hold, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0) // no end of file before the sink writes
	assert.NilError(t, err)
	defer hold.Close()
	done := make(chan string)
	go func() { // ends when it has all
		var got []byte
		for len(got) < len(big.Bytes) {
			n, err := r.Read(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				break
			}
		}
		done <- string(got)
	}()
	_, err = s.Write(t.Context(), rest(big, taken))
	assert.NilError(t, err)
	assert.Equal(t, <-done, string(big.Bytes))
}

func TestFault38APipeToo(t *testing.T) {
	path := filepath.Join(os.Getenv(childDir), "pipe")
	if isChild(t) {
		_, _, pipeErr := os.Pipe()
		r, readErr := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		err := errors.Join(pipeErr, readErr, unix.Close(0), unix.Close(1), unix.Close(2))
		s := file.New(path, nil)
		err = errors.Join(err, s.Open(context.Background()))
		n, writeErr := s.Write(context.Background(), batchOf(strings.Repeat("a", 1<<20)))
		timely := errors.Is(writeErr, os.ErrDeadlineExceeded)
		_, fdErr := unix.FcntlInt(0, unix.F_GETFD, 0)
		endChild("%v %v %v %v %v", err, timely, n > 0, errors.Is(fdErr, unix.EBADF), r != nil)
	}
	dir := t.TempDir()
	assert.NilError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	assert.Equal(t, report(t, dir), "<nil> true true true true")
}

func TestOnHangupReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s := opened(t, path, nil)
	stop := file.OnHangup(s)
	defer stop()
	write(t, s, "one")
	assert.NilError(t, os.Rename(path, path+".1"))
	assert.NilError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	for s.Stats().Reopens == 0 {
		runtime.Gosched() // the signal is on its way; go test has a timeout
	}
	write(t, s, "two")
	assert.Equal(t, content(t, path+".1"), "one\n")
	assert.Equal(t, content(t, path), "two\n")
	stop()
	stop()
}

// A remover removes the file that was just opened anew, once, right after the sink has
// looked at its name: another process has rotated and compressed it.
type remover struct {
	file.System
	path  string
	opens int // until then
}

func (r *remover) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := r.System.OpenFile(name, flag, perm)
	if name == r.path && err == nil {
		r.opens--
	}
	return f, err
}

func (r *remover) Lstat(name string) (fs.FileInfo, error) {
	info, err := r.System.Lstat(name)
	if name == r.path && r.opens == 0 {
		r.opens--
		err = errors.Join(err, os.Remove(name))
	}
	return info, err
}

func TestFault27AFileThatOthersRemoveWhileItIsOpenedTakesNoRecordsWithIt(t *testing.T) {
	for _, opens := range []int{1, 2} { // at Open, and at a rotation in the middle of a batch
		path := filepath.Join(t.TempDir(), "app.log")
		s := file.New(path, &file.Options{MaxSize: 1024})
		r := &remover{file.Everywhere, path, opens}
		s.SetSystem(r)
		open(t, s)
		one, two := strings.Repeat("1", 600), strings.Repeat("2", 600)
		write(t, s, one, two)
		assert.Assert(t, r.opens < 0, "nothing was removed")
		assert.Equal(t, strings.Join(contents(t, path), ""), one+"\n"+two+"\n")
	}
}
