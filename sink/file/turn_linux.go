// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockBytes locks the bytes of f, which has nothing to do with lock, against every
// other open file. It does not wait: busy says that another one has them.
func lockBytes(f *os.File) (locked, busy bool) {
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	return err == nil, errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EINTR)
}

// unlockBytes undoes lockBytes. Closing f does as well.
func unlockBytes(f *os.File) {
	_ = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK})
}
