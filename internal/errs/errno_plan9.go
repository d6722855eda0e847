// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package errs

import "syscall"

// An errno is a system error, which is a text here.
type errno = syscall.ErrorString

// errnoKind returns the kind of a system error, or "" when errors.Is and Timeout
// know it better.
func errnoKind(e errno) string {
	switch e {
	case syscall.EMFILE:
		return TooManyFiles
	case syscall.EIO:
		return IO
	}
	return ""
}
