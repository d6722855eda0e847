// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"os"
	"syscall"
)

// canColor reports whether terminals of this kind know colours. Consoles of
// Windows name none.
func canColor(term string) bool { return term != "dumb" }

// isTerminal reports whether f is a console that takes escape sequences for what
// they are; one that does not would show them.
func isTerminal(f *os.File) bool {
	const virtualTerminalProcessing = 4
	var mode uint32
	err := syscall.GetConsoleMode(syscall.Handle(f.Fd()), &mode)
	return err == nil && mode&virtualTerminalProcessing != 0
}
