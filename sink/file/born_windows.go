// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// birth returns when a file was created, or the zero time if that is not known.
func birth(_ *os.File, info fs.FileInfo) time.Time {
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		return time.Unix(0, data.CreationTime.Nanoseconds())
	}
	return time.Time{}
}
