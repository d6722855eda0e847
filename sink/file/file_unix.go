// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags keeps Open from waiting for the reader of a named pipe, and from
// making a terminal the controlling one. Files do not care.
const openFlags = unix.O_NONBLOCK | unix.O_NOCTTY

// noFollow makes opening a symbolic link an error.
const noFollow = unix.O_NOFOLLOW

// asFolder opens folders and fails for anything else: a named pipe in the place of
// one would be waited for.
const asFolder = os.O_RDONLY | unix.O_DIRECTORY

// hangup is the signal that asks to open files anew.
var hangup os.Signal = syscall.SIGHUP

// syncUnsupported reports whether err only says that this kind of file, a device
// for instance, cannot be synced.
func syncUnsupported(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTTY) || errors.Is(err, errors.ErrUnsupported)
}

// number returns the numbers of a file's device and of the file on it.
func number(info fs.FileInfo) (device, inode uint64) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return uint64(st.Dev), uint64(st.Ino)
}

// likeness gives dst the owner and the permissions of src. Who may not give files
// away keeps what nobody else may read then.
func likeness(dst, src *os.File) error {
	info, err := src.Stat()
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := dst.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return nil
		}
	}
	return dst.Chmod(info.Mode().Perm())
}
