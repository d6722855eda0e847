// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink/file"
)

const isUnix = true

// lockFolder takes the lock that rotations in a folder take.
func lockFolder(t *testing.T, dir string) (unlock func()) {
	t.Helper()
	f, err := os.Open(dir)
	assert.NilError(t, err)
	assert.NilError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	return func() { assert.NilError(t, f.Close()) }
}

// childEnv tells a process that it is the child of the test named in it, and
// childDir which directory is the test's.
const childEnv, childDir = "HYDRA_TEST_CHILD", "HYDRA_TEST_DIR"

// isChild reports whether this process is the child for the test t.
func isChild(t *testing.T) bool { return os.Getenv(childEnv) == t.Name() }

// report starts the test binary again for the test t alone, and returns what
// that process gives to endChild.
func report(t *testing.T, dir string) string {
	t.Helper()
	r, w, err := os.Pipe()
	assert.NilError(t, err)
	defer r.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name(), childDir+"="+dir, "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = []*os.File{w}
	assert.NilError(t, cmd.Start())
	assert.NilError(t, w.Close())
	got, err := io.ReadAll(r)
	assert.NilError(t, err)
	assert.NilError(t, cmd.Wait(), "report: %s", got)
	return string(got)
}

// endChild ends the process with its report.
func endChild(format string, args ...any) {
	if _, err := fmt.Fprintf(os.NewFile(3, "report"), format, args...); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func TestFault34ModeIsExactWhateverTheUmask(t *testing.T) {
	tests := []struct {
		name  string
		umask int
		mode  fs.FileMode
		want  fs.FileMode
	}{
		{name: "default, umask 0", umask: 0, want: 0o600},
		{name: "default, umask 777", umask: 0o777, want: 0o600},
		{name: "666, umask 0", umask: 0, mode: 0o666, want: 0o666},
		{name: "644, umask 77", umask: 0o77, mode: 0o644, want: 0o644},
		{name: "640, umask 777", umask: 0o777, mode: 0o640, want: 0o640},
		{name: "permission bits alone", umask: 0o22, mode: fs.ModeSetuid | 0o620, want: 0o620},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if isChild(t) {
				unix.Umask(tt.umask)
				path := filepath.Join(os.Getenv(childDir), "app.log")
				s := file.New(path, &file.Options{Mode: tt.mode})
				err := s.Open(context.Background())
				_, writeErr := s.Write(context.Background(), batchOf("one"))
				info, statErr := os.Stat(path)
				rotateErr := s.Rotate()
				rotated, rotatedErr := os.Stat(path)
				if err := errors.Join(err, writeErr, statErr, rotateErr, rotatedErr); err != nil {
					endChild("%v", err)
				}
				endChild("%v %d %v %d", info.Mode(), info.Size(), rotated.Mode(), rotated.Size())
			}
			assert.Equal(t, report(t, t.TempDir()), fmt.Sprintf("%v 4 %v 0", tt.want, tt.want))
		})
	}
}

func TestOpenLeavesTheModeOfAFileThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	assert.NilError(t, os.WriteFile(path, nil, 0o600))
	assert.NilError(t, os.Chmod(path, 0o606))
	s := file.New(path, &file.Options{Mode: 0o640})
	assert.NilError(t, s.Open(t.Context()))
	assert.NilError(t, s.Close(t.Context()))
	info, err := os.Stat(path)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode(), fs.FileMode(0o606))
}

func TestFault32NewDirectoriesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	s := file.New(filepath.Join(dir, "b", "app.log"), &file.Options{MkdirAll: true, Mode: 0o644})
	assert.NilError(t, s.Open(t.Context()))
	assert.NilError(t, s.Close(t.Context()))
	for _, d := range []string{dir, filepath.Join(dir, "b")} {
		info, err := os.Stat(d)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), fs.FileMode(0o700))
	}
}

func TestFault17OpenOfAForbiddenPathSaysWhatToDo(t *testing.T) {
	if isChild(t) {
		// The superuser may write anywhere.
		if os.Getuid() == 0 {
			if err := unix.Setuid(65534); err != nil {
				endChild("setuid: %v", err)
			}
		}
		s := file.New(filepath.Join(os.Getenv(childDir), "app.log"), nil)
		endChild("%v", s.Open(context.Background()))
	}
	dir := t.TempDir()
	assert.NilError(t, os.Chmod(dir, 0o500))
	got := report(t, dir)
	assert.Assert(t, strings.Contains(got, "this user may not write there"), "got %q", got)
}

func TestFault31And32OpenRefusesWhatIsNoFileWithoutWaiting(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	assert.NilError(t, unix.Mkfifo(fifo, 0o600))
	plain := filepath.Join(dir, "plain")
	assert.NilError(t, os.WriteFile(plain, nil, 0o600))
	dangling := filepath.Join(dir, "dangling")
	assert.NilError(t, os.Symlink(filepath.Join(dir, "nothing"), dangling))
	// Not in dir: the path of a socket must be short.
	t.Chdir(dir)
	l, err := net.Listen("unix", "socket")
	assert.NilError(t, err)
	defer l.Close()
	tests := []struct {
		name string
		path string
		want string
	}{
		{name: "Fault31: pipe nobody reads", path: fifo, want: "it is a pipe that nobody reads: start its reader"},
		{name: "socket", path: filepath.Join(dir, "socket"), want: "it is a socket"},
		{name: "file as a directory", path: filepath.Join(plain, "app.log"), want: "a part of the path is a file"},
		{name: "dangling symbolic link", path: dangling, want: "symbolic link"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.ErrorContains(t, file.New(tt.path, nil).Open(t.Context()), tt.want)
		})
	}
}

func TestFault32DevicesAreFiles(t *testing.T) {
	s := file.New(os.DevNull, &file.Options{Sync: file.SyncFlush})
	assert.NilError(t, s.Open(t.Context()))
	write(t, s, "one")
	assert.NilError(t, s.Flush(t.Context()))
	assert.NilError(t, s.Close(t.Context()))
}

func TestFault11AFullDiskIsAnError(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no full device here: ", err)
	}
	s := file.New("/dev/full", nil)
	assert.NilError(t, s.Open(t.Context()))
	n, err := s.Write(t.Context(), batchOf("one"))
	assert.ErrorIs(t, err, unix.ENOSPC)
	assert.ErrorContains(t, err, "/dev/full")
	assert.Equal(t, n, 0)
	assert.NilError(t, s.Close(t.Context()))
}

func TestFault38TheFileNeverBecomesAStandardDescriptor(t *testing.T) {
	if isChild(t) {
		ctx := context.Background()
		s := file.New(filepath.Join(os.Getenv(childDir), "app.log"), nil)
		// The first pipe opens the runtime's own descriptors, which would take
		// the free numbers otherwise.
		_, _, pipeErr := os.Pipe()
		err := errors.Join(pipeErr, unix.Close(0), unix.Close(1), unix.Close(2), s.Open(ctx))
		var free []bool
		for fd := range uintptr(3) {
			_, ferr := unix.FcntlInt(fd, unix.F_GETFD, 0)
			free = append(free, errors.Is(ferr, unix.EBADF))
		}
		_, writeErr := s.Write(ctx, batchOf("one"))
		endChild("%v %v", errors.Join(err, writeErr), free)
	}
	dir := t.TempDir()
	assert.Equal(t, report(t, dir), "<nil> [true true true]")
	assert.Equal(t, content(t, filepath.Join(dir, "app.log")), "one\n")
}

func TestFault18ADeletedFileIsCreatedAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "app.log")
	s := file.New(path, &file.Options{MkdirAll: true})
	assert.NilError(t, s.Open(t.Context()))
	write(t, s, "one")
	assert.NilError(t, os.RemoveAll(filepath.Join(dir, "a")))
	write(t, s, "two")
	write(t, s, "three")
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, content(t, path), "two\nthree\n")
}

func TestADeletedFileIsTriedAgainUntilItCanBeCreated(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	assert.NilError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "app.log")
	s := file.New(path, nil)
	assert.NilError(t, s.Open(t.Context()))
	assert.NilError(t, os.RemoveAll(dir))
	for range 2 {
		n, err := s.Write(t.Context(), batchOf("one"))
		assert.ErrorContains(t, err, "was deleted")
		assert.ErrorIs(t, err, fs.ErrNotExist)
		assert.Equal(t, n, 0)
	}
	assert.NilError(t, os.Mkdir(dir, 0o700))
	write(t, s, "one")
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, content(t, path), "one\n")
}
