// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// born returns when a file was created, or else when it was last written to.
func born(f *os.File, info fs.FileInfo) time.Time {
	var st unix.Statx_t
	conn, err := f.SyscallConn()
	if err != nil {
		return info.ModTime()
	}
	cerr := conn.Control(func(fd uintptr) {
		err = unix.Statx(int(fd), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st)
	})
	if cerr != nil || err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return info.ModTime()
	}
	return time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
}
