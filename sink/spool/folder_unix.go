// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package spool

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hydra-logger/hydra/internal/stdfd"
)

// lockFolder opens the folder and makes it ours until the file is closed; ours is false
// if somebody else has it. Where folders cannot be locked, as on NFS, it is ours.
func lockFolder(root *os.Root) (f *os.File, ours bool, err error) {
	if f, err = root.Open("."); err != nil {
		return nil, false, err
	}
	if f, err = stdfd.Above(f); err != nil {
		return nil, false, err
	}
	ours, err = lock(f)
	return f, ours || err != nil, nil
}

// lock makes f ours until it is closed, and reports false if somebody else has it.
func lock(f *os.File) (ours bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	cerr := conn.Control(func(fd uintptr) {
		for {
			err = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		err = errors.Join(errors.New("the folder cannot be locked: choose one on a local disk"), err)
	}
	return true, errors.Join(cerr, err)
}

// links returns how many names a file has; one that is removed has none.
func links(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(st.Nlink)
}

// ownedBy returns whose a file is, and whether that is this process.
func ownedBy(info fs.FileInfo) (uid int, ours bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, true
	}
	return int(st.Uid), int(st.Uid) == os.Geteuid()
}

// syncFolder brings the names in a folder to the disk.
func syncFolder(f *os.File) error { return f.Sync() }

// noSpace reports whether the disk or the quota is full.
func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
