// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import "time"

// stampOf returns t in microseconds, as far as 32 bits carry; 0 stands for no
// time. Two stamps tell durations of up to an hour.
func stampOf(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return max(uint32(t.UnixMicro()), 1)
}

// sinceStamp returns the time from when to now. A when that is a little in the
// future, as clocks go, counts as now.
func sinceStamp(now, when uint32) time.Duration {
	d := now - when
	if -d < uint32(time.Minute/time.Microsecond) {
		return 0
	}
	return time.Duration(d) * time.Microsecond
}
