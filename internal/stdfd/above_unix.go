// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package stdfd

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Above returns f, or the same file on a descriptor above 2, in which case it has
// closed f. On an error it has closed f, too.
func Above(f *os.File) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	moved := -1
	cerr := conn.Control(func(fd uintptr) {
		if fd < 3 {
			moved, err = Dup(fd)
		}
	})
	if err := errors.Join(cerr, err); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if moved < 0 {
		return f, nil
	}
	name := f.Name()
	info, err := f.Stat()
	if err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return os.NewFile(uintptr(moved), name), f.Close()
	}
	// A file that is blocking stays out of the network poller, which is not made
	// for files on every system.
	if err := errors.Join(f.Close(), unix.SetNonblock(moved, false)); err != nil {
		return nil, errors.Join(err, unix.Close(moved))
	}
	return os.NewFile(uintptr(moved), name), nil
}
