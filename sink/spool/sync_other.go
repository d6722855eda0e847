// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !linux

package spool

import "os"

// syncData brings what was written to f to the disk.
func syncData(f *os.File) error { return f.Sync() }
