// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groupLimit is the memory of a process that is to run out of it: enough for its
// queue and its file.
const groupLimit = 96 << 20

// newGroup makes a control group with little memory, of whichever version there is.
func newGroup() (dir string, err error) {
	name := fmt.Sprintf("hydra-crash-%d", os.Getpid())
	limit := strconv.Itoa(groupLimit)
	for _, g := range []struct{ parent, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(g.parent, name)
		mkdirErr := os.Mkdir(dir, 0o755)
		if mkdirErr != nil {
			err = errors.Join(err, mkdirErr)
			continue
		}
		writeErr := os.WriteFile(filepath.Join(dir, g.limit), []byte(limit), 0o600)
		if writeErr == nil {
			return dir, nil
		}
		err = errors.Join(err, writeErr, os.Remove(dir))
	}
	return "", errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}
