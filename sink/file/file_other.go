// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !unix

package file

import (
	"errors"
	"os"
)

// openFlags: opening does not wait here.
const openFlags = 0

// awayFromStdio has nothing to do: handles are not numbered from zero.
func awayFromStdio(f *os.File) (*os.File, error) { return f, nil }

// syncUnsupported reports whether err only says that this kind of file cannot be
// synced.
func syncUnsupported(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// deleted has nothing to report: Windows refuses to delete an open file.
func deleted(*os.File) (bool, error) { return false, nil }
