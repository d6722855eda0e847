// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hydra-logger/hydra/internal/stdfd"
)

// lockFolder opens the folder and makes it ours until the file is closed; ours is false
// if somebody else has it. Where folders cannot be locked, as on NFS, it is ours.
func lockFolder(root *os.Root) (f *os.File, ours bool, err error) {
	if f, err = root.Open("."); err != nil {
		return nil, false, err
	}
	if f, err = stdfd.Above(f); err != nil {
		return nil, false, err
	}
	ours, err = lock(f)
	return f, ours || err != nil, nil
}

// syncFolder brings the names in a folder to the disk.
func syncFolder(f *os.File) error { return f.Sync() }

// noSpace reports whether the disk or the quota is full.
func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
