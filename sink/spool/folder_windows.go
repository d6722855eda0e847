// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// lockFolder locks nothing: a file that is open, as that with the lock, cannot be
// removed.
func lockFolder(*os.Root) (f *os.File, ours bool, err error) { return nil, true, nil }

// lock makes f ours until it is closed, and reports false if somebody else has it.
func lock(f *os.File) (ours bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	cerr := conn.Control(func(fd uintptr) {
		err = windows.LockFileEx(windows.Handle(fd), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
			0, 1, 0, &windows.Overlapped{})
	})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return true, errors.Join(cerr, err)
}

func links(fs.FileInfo) uint64 { return 1 }

func ownedBy(fs.FileInfo) (uid int, ours bool) { return 0, true }

func syncFolder(*os.File) error { return nil } // the system keeps names in a journal

// noSpace reports whether the disk or the quota is full.
func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
