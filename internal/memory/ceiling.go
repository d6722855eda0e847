// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package memory

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
)

// Ceiling returns the smallest limit of the process's cgroup and those above it, and
// the least that one of them has free, in bytes; limit is 0 where there is none. It is
// for whoever is about to allocate much at once: past it the kernel does not refuse, it
// kills.
func Ceiling() (limit, free uint64, err error) {
	if runtime.GOOS != "linux" {
		return 0, 0, nil
	}
	return ceiling(os.DirFS("/"))
}

func ceiling(files fs.FS) (limit, free uint64, err error) {
	c := cgroup{files: files}
	if _, _, err := c.read(); err != nil && len(c.levels) == 0 {
		return 0, 0, err
	}
	var problems []error
	for _, l := range c.levels {
		used, most, err := l.read(files)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if most == 0 {
			continue
		}
		left := most - min(used, most)
		if limit == 0 {
			limit, free = most, left
		}
		limit, free = min(limit, most), min(free, left)
	}
	return limit, free, errors.Join(problems...)
}
