// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes f for this open file alone, or together with others that share it,
// without waiting. It reports whether f is ours now; where the file system knows
// no locks it is. The lock ends with the last descriptor of the open file.
func lock(f *os.File, shared bool) bool {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	cerr := conn.Control(func(fd uintptr) {
		for {
			err = unix.Flock(int(fd), how|unix.LOCK_NB)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	return cerr == nil && !errors.Is(err, unix.EWOULDBLOCK)
}
