// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Command faultcheck injects the faults of docs/FAULTS.md: it runs, with the build
// tag fault, every test of the module whose name bears a fault's number, as
// TestFault29And34FilesOfOthers does, and prints for each number whether its tests
// ran, and if not, why. It fails when a test does, and when a number has neither a
// test nor a reason for having none.
//
// go test -tags=fault ./... prints the same table, on Linux.
//
// Most faults that a test injects need the superuser: mounts, frozen file systems,
// cgroups. What the machine lacks is skipped with its reason.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "usage: faultcheck")
		os.Exit(2)
	}
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "faultcheck:", err)
		os.Exit(1)
	}
}

func run(w io.Writer) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	faults, err := readFaults(filepath.Join(root, document))
	if err != nil {
		return err
	}
	tests, err := findTests(root)
	if err != nil {
		return err
	}
	if err := agree(faults, tests); err != nil {
		return err
	}
	results, failure := runTests(root, os.Stderr)
	report(w, faults, results)
	return failure
}

// moduleRoot returns the nearest directory, from the working directory up, with a
// go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod here or above: run it in the module")
		}
		dir = parent
	}
}
