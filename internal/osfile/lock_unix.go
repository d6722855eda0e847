// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package osfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// TryLock takes f, a file or a folder, for this open file alone, or together with
// others that share it, without waiting. It reports whether f is ours now: where the
// file system knows no locks it is, with an error that says so. The lock ends with the
// last descriptor of the open file.
func TryLock(f *os.File, shared bool) (ours bool, err error) {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	cerr := conn.Control(func(fd uintptr) {
		for {
			err = unix.Flock(int(fd), how|unix.LOCK_NB)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	if cerr != nil {
		return false, cerr
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return true, err
}
