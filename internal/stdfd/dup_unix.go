// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix && !aix

package stdfd

import "golang.org/x/sys/unix"

// Dup duplicates a descriptor as one above 2, which child processes do not inherit.
func Dup(fd uintptr) (int, error) { return unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) }
