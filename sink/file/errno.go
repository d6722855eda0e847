// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !plan9

package file

import "syscall"

// What the system says, of which not every one has all.
const (
	errNoReader = syscall.ENXIO // of opening a pipe
	errPipe     = syscall.EPIPE // of writing to one that has lost its reader
	errTooBig   = syscall.EFBIG // for a limit on the size of files
	errReadOnly = syscall.EROFS // the file system
)
