// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// now returns how long the calling thread has been on a processor. What else runs on
// the machine, hydra's writer included, does not make it longer.
func now() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		panic(err) // every Linux has that clock
	}
	return time.Duration(at.Nano())
}
