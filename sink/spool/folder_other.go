// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package spool

import (
	"errors"
	"os"
)

// lock refuses: without a lock two processes would deliver, and remove, each
// other's records.
func lock(*os.File) (ours bool, err error) {
	return false, errors.New("this system has no lock for the folder: use the sink without a spool")
}

func lockFolder(*os.Root) (f *os.File, ours bool, err error) { return nil, true, nil }

func syncFolder(*os.File) error { return nil }

func noSpace(error) bool { return false }
