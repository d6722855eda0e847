// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build fault && linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSuiteTellsWhatRan runs every numbered test once more, so that
// go test -tags=fault ./... prints the table of this command.
func TestSuiteTellsWhatRan(t *testing.T) {
	w := os.Stdout
	if !testing.Verbose() {
		out, err := stdoutOfGo()
		if err != nil {
			t.Logf("the table is shown with -v only: %v", err)
		} else {
			defer out.Close()
			w = out
		}
	}
	if err := run(w); err != nil {
		t.Error(err)
	}
}

// stdoutOfGo returns the standard output of the go command that runs this test. Of a
// package that passes, go test shows nothing without -v; and a test that opened the
// same file anew would have an offset of its own and write over what is there.
func stdoutOfGo() (*os.File, error) {
	parent := os.Getppid()
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", parent))
	if err != nil {
		return nil, err
	}
	if filepath.Base(name) != "go" {
		return nil, fmt.Errorf("the parent of this process is %s, not the go command", name)
	}
	process, err := unix.PidfdOpen(parent, 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(process)
	fd, err := unix.PidfdGetfd(process, unix.Stdout, 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_getfd", err)
	}
	return os.NewFile(uintptr(fd), "standard output of go test"), nil
}
