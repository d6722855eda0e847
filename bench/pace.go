// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import "time"

// Pace makes n calls, one due every interval. It sleeps until the next is due;
// when it wakes late, which an idle machine does by about a millisecond, it
// makes all that are due by then.
func Pace(n int, interval time.Duration, call func(n int)) {
	start := time.Now()
	for i := range n {
		if d := time.Duration(i)*interval - time.Since(start); d > 0 {
			time.Sleep(d)
		}
		call(i)
	}
}
