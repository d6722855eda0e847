// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package osfile

import (
	"io/fs"
	"os"
	"syscall"
)

// Links returns how many names a file has; one that is deleted has none.
func Links(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(st.Nlink)
}

// OwnedBy returns whose a file is, and whether that is this process or, unless that is
// 0, the user asked for.
func OwnedBy(info fs.FileInfo, asked int) (uid int, ours bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, true
	}
	uid = int(st.Uid)
	return uid, uid == os.Geteuid() || asked != 0 && uid == asked
}
