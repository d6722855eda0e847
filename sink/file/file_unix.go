// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags keeps Open from waiting for the reader of a named pipe, and from
// making a terminal the controlling one. Files do not care.
const openFlags = unix.O_NONBLOCK | unix.O_NOCTTY

// awayFromStdio moves f to a descriptor above 2. Where the program has closed
// one of its standard descriptors, a new file is given that number, and then
// everything that prints would print into the log.
func awayFromStdio(f *os.File) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	moved := -1
	cerr := conn.Control(func(fd uintptr) {
		if fd < 3 {
			moved, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3)
		}
	})
	if err := errors.Join(cerr, err); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if moved < 0 {
		return f, nil
	}
	name := f.Name()
	// A file that is blocking stays out of the network poller, which is not made
	// for files on every system.
	if err := errors.Join(f.Close(), unix.SetNonblock(moved, false)); err != nil {
		return nil, errors.Join(err, unix.Close(moved))
	}
	return os.NewFile(uintptr(moved), name), nil
}

// syncUnsupported reports whether err only says that this kind of file, a device
// for instance, cannot be synced.
func syncUnsupported(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTTY) || errors.Is(err, errors.ErrUnsupported)
}

// deleted reports whether f has no name any more.
func deleted(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0, nil
}
