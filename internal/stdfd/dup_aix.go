// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package stdfd

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Dup duplicates a descriptor as one above 2, which child processes do not inherit.
func Dup(fd uintptr) (int, error) {
	syscall.ForkLock.RLock() // the system does it in two steps
	defer syscall.ForkLock.RUnlock()
	moved, err := unix.FcntlInt(fd, unix.F_DUPFD, 3)
	if err == nil {
		unix.CloseOnExec(moved)
	}
	return moved, err
}
