// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package osfile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// TryLock takes the first byte of f for this open file alone, or together with others
// that share it, without waiting. It reports whether f is ours now: where the file
// system knows no locks it is, with an error that says so. Nobody else can write that
// byte, nor read it unless it is shared. The lock ends when f is closed.
func TryLock(f *os.File, shared bool) (ours bool, err error) {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	cerr := conn.Control(func(fd uintptr) {
		err = windows.LockFileEx(windows.Handle(fd), how, 0, 1, 0, &windows.Overlapped{})
	})
	if cerr != nil {
		return false, cerr
	}
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return true, err
}
