// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import "github.com/hydra-logger/hydra/internal/fault"

// groupLimit is the memory of a process that is to run out of it: enough for its
// queue and its file.
const groupLimit = 96 << 20

// newGroup makes a cgroup with little memory.
func newGroup() (dir string, err error) { return fault.MemoryGroup(groupLimit) }
