// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package errs

import "syscall"

// An errno is a system error.
type errno = syscall.Errno

// errnoKind returns the kind of a system error, or "" when errors.Is and Timeout
// know it better. The numbers are those of winerror.h: package syscall names few
// of them, and its ENOSPC and the like are inventions that no call returns.
func errnoKind(e errno) string {
	switch e {
	case 39, 112, 1295, syscall.ENOSPC, syscall.EDQUOT: // HANDLE_DISK_FULL, DISK_FULL, DISK_QUOTA_EXCEEDED
		return NoSpace
	case 19, syscall.EROFS: // WRITE_PROTECT
		return ReadOnly
	case 4, 10024, syscall.EMFILE, syscall.ENFILE: // TOO_MANY_OPEN_FILES, WSAEMFILE
		return TooManyFiles
	case 223, 10040, syscall.EFBIG, syscall.EMSGSIZE: // FILE_TOO_LARGE, WSAEMSGSIZE
		return TooLarge
	case 109, 232, 10053, 10054, syscall.EPIPE: // BROKEN_PIPE, NO_DATA, WSAECONNABORTED, WSAECONNRESET
		return ClosedPipe
	case 10061, 1225, syscall.ECONNREFUSED: // WSAECONNREFUSED, CONNECTION_REFUSED
		return Refused
	case 10050, 10051, 10065, 1231, 1232: // WSAENETDOWN, WSAENETUNREACH, WSAEHOSTUNREACH, NETWORK_ and HOST_UNREACHABLE
		return Unreachable
	case 29, 1117, syscall.EIO: // WRITE_FAULT, IO_DEVICE
		return IO
	}
	return ""
}
