// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !unix

package file

import (
	"errors"
	"io/fs"
	"os"
)

// Opening does not wait here, and links are found out after it.
const openFlags, noFollow = 0, 0

// asFolder opens folders; nothing in the place of one is waited for.
const asFolder = os.O_RDONLY

// hangup: there is no such signal.
var hangup os.Signal

// syncUnsupported reports whether err only says that this kind of file cannot be
// synced.
func syncUnsupported(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// number: files have no numbers that a later process could ask for.
func number(fs.FileInfo) (device, inode uint64) { return 0, 0 }

// likeness has nothing to copy.
func likeness(*os.File, *os.File) error { return nil }
