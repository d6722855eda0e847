// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows

package spool

import (
	"errors"
	"os"

	"github.com/hydra-logger/hydra/internal/osfile"
)

// lock makes f ours until it is closed, and reports false if somebody else has it.
// Unlike package file it does without a lock nowhere: two processes would deliver, and
// remove, each other's records.
func lock(f *os.File) (ours bool, err error) {
	ours, err = osfile.TryLock(f, false)
	if ours && err != nil {
		err = errors.Join(errors.New("the folder cannot be locked: choose one on a local disk"), err)
	}
	return ours, err
}
