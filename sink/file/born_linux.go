// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// birth returns when a file was created, or the zero time if that is not known.
func birth(f *os.File, _ fs.FileInfo) time.Time {
	var st unix.Statx_t
	conn, err := f.SyscallConn()
	if err != nil {
		return time.Time{}
	}
	cerr := conn.Control(func(fd uintptr) {
		err = unix.Statx(int(fd), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st)
	})
	if cerr != nil || err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}
	}
	return time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
}
