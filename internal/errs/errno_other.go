// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !plan9 && !windows

package errs

import "syscall"

// An errno is a system error.
type errno = syscall.Errno

// errnoKind returns the kind of a system error, or "" when errors.Is and Timeout
// know it better.
func errnoKind(e errno) string {
	switch e {
	case syscall.ENOSPC, syscall.EDQUOT:
		return NoSpace
	case syscall.EROFS:
		return ReadOnly
	case syscall.EMFILE, syscall.ENFILE:
		return TooManyFiles
	case syscall.EFBIG, syscall.EMSGSIZE:
		return TooLarge
	case syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNABORTED:
		return ClosedPipe
	case syscall.ECONNREFUSED:
		return Refused
	case syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN:
		return Unreachable
	case syscall.EIO:
		return IO
	}
	return ""
}
