// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameExclusive renames within a folder in one step, or not at all.
func renameExclusive(folder *os.File, oldname, newname string) error {
	fd := int(folder.Fd())
	err := unix.Renameat2(fd, oldname, fd, newname, unix.RENAME_NOREPLACE)
	// What a file system that cannot do it says.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return errors.ErrUnsupported
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	return nil
}
