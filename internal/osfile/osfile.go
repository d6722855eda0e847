// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package osfile asks the system about files that are open: for a lock, the number of
// names, the owner. Package ring, which has bare descriptors and only Linux, asks by
// itself.
package osfile
