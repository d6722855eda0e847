// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !linux && !windows

package file

import (
	"io/fs"
	"os"
	"time"
)

// born returns when a file was last written to: it is at least that old.
func born(_ *os.File, info fs.FileInfo) time.Time { return info.ModTime() }
