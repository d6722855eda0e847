// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package fault

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MemoryGroup makes a cgroup whose processes may have limit bytes of memory, of
// whichever version of cgroups there is. The caller removes it.
func MemoryGroup(limit int64) (dir string, err error) {
	var failures []string
	for _, g := range []struct{ parent, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	} {
		dir, err := os.MkdirTemp(g.parent, "hydra-test-")
		if err != nil {
			failures = append(failures, err.Error())
			continue
		}
		if err = setLimit(filepath.Join(dir, g.limit), limit); err == nil {
			return dir, nil
		}
		failures = append(failures, errors.Join(err, os.Remove(dir)).Error())
	}
	return "", errors.New(strings.ReplaceAll(strings.Join(failures, "; "), "\n", "; "))
}

// setLimit writes to a file that must be there: in a folder that is one like any other
// a new file would limit nothing, and a process that is to run out of memory would take
// all that the machine has.
func setLimit(name string, limit int64) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.FormatInt(limit, 10))
	return errors.Join(err, f.Close())
}
