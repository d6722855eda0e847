// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hydra-logger/hydra/internal/stdfd"
	"github.com/hydra-logger/hydra/sink"
)

// descriptor is a duplicate of a standard descriptor. It is used with plain
// system calls. An os.File would end the process on a closed pipe if it were
// descriptor 1 or 2, and would have to change the blocking mode, which belongs
// to every process that shares the pipe, to honour a deadline.
type descriptor struct {
	fd    int  // immutable
	waits bool // immutable: a write may wait for a reader
	turn  turn // immutable
}

// streamID names what is behind a descriptor, whatever its number.
type streamID struct{ dev, ino uint64 }

// standardName returns the name of f if it is descriptor 1 or 2, and "" if not.
func standardName(f *os.File) string {
	var name string
	conn, err := f.SyscallConn()
	if err != nil {
		return ""
	}
	// Not f.Fd(), which may change the blocking mode.
	_ = conn.Control(func(fd uintptr) {
		switch fd {
		case 1:
			name = "stdout"
		case 2:
			name = "stderr"
		}
	})
	return name
}

// dupFile duplicates f's descriptor.
func dupFile(f *os.File) (*descriptor, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var d *descriptor
	if cerr := conn.Control(func(fd uintptr) { d, err = dupDescriptor(fd) }); cerr != nil {
		return nil, cerr
	}
	return d, err
}

// dupStderr duplicates descriptor 2, whatever it is now.
func dupStderr() (*descriptor, error) { return dupDescriptor(2) }

func dupDescriptor(old uintptr) (*descriptor, error) {
	// From 3 upwards: where 1 or 2 is closed its number stays free for the
	// program, and child processes do not inherit the duplicate.
	fd, err := stdfd.Dup(old)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &descriptor{
		fd:    fd,
		waits: mayWait(fd, uint32(st.Mode)),
		turn:  turnFor(streamID{uint64(st.Dev), uint64(st.Ino)}),
	}, nil
}

// mayWait reports whether a write can last until somebody reads: pipes, sockets
// and terminals do that, files and /dev/null do not.
func mayWait(fd int, mode uint32) bool {
	switch mode & unix.S_IFMT {
	case unix.S_IFIFO, unix.S_IFSOCK:
		return true
	case unix.S_IFCHR:
		_, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		return err == nil
	}
	return false
}

// write writes b and returns how much of it was taken. Where a write may wait,
// it goes out in pieces that a pipe with room takes at once and undivided, and
// each waits for room no longer than ctx allows. Another process that takes the
// room between the two can still make the write itself wait.
func (d *descriptor) write(ctx context.Context, b sink.Batch) (n int, err error) {
	if err := d.turn.take(ctx); err != nil {
		return 0, err
	}
	defer d.turn.give()
	ends := b.Ends
	for n < len(b.Bytes) {
		to := len(b.Bytes)
		if d.waits {
			to, ends = nextPiece(ends, n)
		}
		m, err := d.writeOnce(ctx, b.Bytes[n:to])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// nextPiece returns where the piece that starts at from ends: at the end of the
// last record that fits, or, within a record that does not fit, where the piece
// is full. It also returns what of ends is past the start.
func nextPiece(ends []int, from int) (to int, rest []int) {
	// PIPE_BUF. A pipe that is writable has room for so much, and does not mix
	// it with the writes of others.
	limit := from + 512
	if runtime.GOOS == "linux" {
		limit = from + 4096
	}
	for len(ends) > 0 && ends[0] <= from {
		ends = ends[1:]
	}
	to = limit
	for _, end := range ends {
		if end > limit {
			break
		}
		to = end
	}
	return to, ends
}

// writeOnce makes one write that takes at least a byte, unless it fails.
func (d *descriptor) writeOnce(ctx context.Context, p []byte) (int, error) {
	for {
		if d.waits {
			if err := d.waitForRoom(ctx); err != nil {
				return 0, err
			}
		}
		n, err := unix.Write(d.fd, p)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, errors.New("the system took nothing and gave no reason")
		case errors.Is(err, unix.EAGAIN):
			// The descriptor is non-blocking, and there was no room after all.
			// Not every terminal and socket can be polled, so never spin here.
			if err := waitAwhile(ctx, time.Millisecond); err != nil {
				return 0, err
			}
		case !errors.Is(err, unix.EINTR):
			return 0, err
		}
	}
}

// waitForRoom waits until a write would take something or would fail.
func (d *descriptor) waitForRoom(ctx context.Context) error {
	// poll knows no contexts. So often we look whether ctx has ended, while
	// nobody reads; otherwise poll returns at once.
	const interval = 20 * time.Millisecond
	fds := [1]unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLOUT}}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		wait := interval
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, max(time.Until(deadline), 0)+time.Millisecond)
		}
		n, err := unix.Poll(fds[:], int(wait/time.Millisecond))
		switch {
		case n > 0:
			// Errors and hang-ups come this way too: the write will name them.
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		}
	}
}

// close closes the duplicate.
func (d *descriptor) close() error { return unix.Close(d.fd) }

// waitAwhile waits for t, or until ctx ends.
func waitAwhile(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// syncUnsupported reports whether err only says that this kind of file cannot
// be synced: pipes, sockets and terminals cannot.
func syncUnsupported(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTTY) || errors.Is(err, errors.ErrUnsupported)
}
