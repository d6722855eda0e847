// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "time"

// Remember makes the second of t the one that records are being logged in, or no second
// if none can be. A record of another one is not encoded on the stack.
func Remember(t time.Time) {
	now.Store(nil)
	remember(t)
}
