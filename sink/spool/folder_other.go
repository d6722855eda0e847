// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package spool

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// lock refuses: without a lock two processes would deliver, and remove, each
// other's records.
func lock(*os.File) (ours bool, err error) {
	return false, errors.New("this system has no lock for the folder: use the sink without a spool")
}

func lockFolder(*os.Root) (f *os.File, ours bool, err error) { return nil, true, nil }

func links(fs.FileInfo) uint64 { return 1 }

func ownedBy(fs.FileInfo) (uid int, ours bool) { return 0, true }

func syncFolder(*os.File) error { return nil }

func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) }
