// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !windows

package format

import "os"

// canColor reports whether terminals of this kind know colours. Where no kind is
// named, as under a service manager or cron, nobody is looking.
func canColor(term string) bool { return term != "" && term != "dumb" }

// isTerminal reports whether f is a character device other than the null
// device. It asks no more, because each system has another way to.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
