// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package stdfd keeps files away from the standard descriptors. Where a program has
// closed one of them the next file that it opens is given that number, and everything
// that prints would print into it.
package stdfd
