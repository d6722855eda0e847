// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import (
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// sigkill is the one way that a process is helped to.
const sigkill = "SIGKILL"

// outOfMemory needs a cgroup.
const outOfMemory = "out of memory"

// ways are the ways in which a process dies, by name.
var ways = map[string]struct {
	die    func()
	signal unix.Signal // that the system reports, or 0
	status int         // that the system reports otherwise
}{
	sigkill:          {signal: unix.SIGKILL},
	"panic":          {die: func() { panic("crash") }, status: 2},
	"os.Exit":        {die: func() { os.Exit(0) }},
	"SIGSEGV":        {die: segfault, status: 2},
	"SIGABRT":        {die: abort, status: 2},
	"stack overflow": {die: overflow, status: 2},
	outOfMemory:      {die: exhaust, signal: unix.SIGKILL},
}

// segfault writes where nobody may. The address is not in Go's memory, so that it
// is no panic.
func segfault() {
	p, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		fail(err)
	}
	p[0] = 1
}

// abort sends a signal, which takes its time.
func abort() {
	if err := unix.Kill(os.Getpid(), unix.SIGABRT); err != nil {
		fail(err)
	}
	select {}
}

// overflow ends the stack, which would take a gigabyte otherwise.
func overflow() {
	debug.SetMaxStack(8 << 20)
	deeper(1)
}

// deeper does not end before the stack does.
func deeper(n int) int {
	var room [128]int
	if room[n%len(room)] = n; n > 0 {
		room[0] += deeper(n + 1)
	}
	return room[0]
}

// exhaust takes memory until the cgroup has had enough. One that does not
// limit must not cost the machine its memory.
func exhaust() {
	first := new(hoard)
	for range 8 * groupLimit >> 20 {
		first = &hoard{next: first}
		for i := 0; i < len(first.room); i += 4096 {
			first.room[i] = 1
		}
	}
	panic("the cgroup does not limit its memory")
}

// A hoard is memory that is not given back.
type hoard struct {
	next *hoard
	room [1 << 20]byte
}
