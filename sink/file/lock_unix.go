// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

import (
	"os"

	"github.com/hydra-logger/hydra/internal/osfile"
)

// lock takes f for this open file alone, or together with others that share it,
// without waiting. It reports whether f is ours now; where the file system knows no
// locks it is, for a log file without a lock is better than none. The lock ends with
// the last descriptor of the open file.
func lock(f *os.File, shared bool) bool {
	ours, _ := osfile.TryLock(f, shared)
	return ours
}
