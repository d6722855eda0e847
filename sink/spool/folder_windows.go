// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFolder locks nothing: a file that is open, as that with the lock, cannot be
// removed.
func lockFolder(*os.Root) (f *os.File, ours bool, err error) { return nil, true, nil }

func syncFolder(*os.File) error { return nil } // the system keeps names in a journal

// noSpace reports whether the disk or the quota is full.
func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
