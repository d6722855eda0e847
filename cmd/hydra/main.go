// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Hydra is the command that goes with the library: it proves from log files alone
// that nothing is missing in them.
//
//	hydra audit [-key FILE] [-partial] [-json] FILE...
//	hydra version
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// What the command returns to the shell.
const (
	exitOK    = 0
	exitNo    = 1 // what was asked for is not so
	exitUsage = 2 // the command cannot be carried out, or cannot tell
)

const usage = `hydra proves from log files alone that nothing is missing in them.

  hydra audit [-key FILE] [-partial] [-json] FILE...   see hydra audit -h
  hydra version
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run carries a command out and returns what to exit with.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "audit":
		return runAudit(args[1:], in, out, errs)
	case "version", "-version", "--version":
		fmt.Fprintln(out, "hydra", version())
		return exitOK
	case "help", "-h", "-help", "--help":
		fmt.Fprint(out, usage)
		return exitOK
	case "":
	default:
		fmt.Fprintf(errs, "hydra: there is no command %q\n\n", command)
	}
	fmt.Fprint(errs, usage)
	return exitUsage
}

// version returns the version of the module that the command was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
