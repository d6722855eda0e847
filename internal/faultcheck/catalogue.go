// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// document is where the faults are, below the root of the module.
const document = "docs/FAULTS.md"

// untested begins the reason why a fault has no test.
const untested = "Not tested: "

// A fault is a row of the document.
type fault struct {
	number int
	name   string
	reason string // why it has no test; empty if it has
}

// readFaults returns the faults of a document, by number.
func readFaults(path string) ([]fault, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var faults []fault
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			continue
		}
		number, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if err != nil {
			continue // the head of a table
		}
		f := fault{number: number, name: strings.TrimSpace(cells[1])}
		if _, reason, ok := strings.Cut(cells[2], untested); ok {
			f.reason = strings.TrimSpace(reason)
		}
		faults = append(faults, f)
	}
	slices.SortFunc(faults, func(a, b fault) int { return cmp.Compare(a.number, b.number) })
	for i := 1; i < len(faults); i++ {
		if faults[i].number == faults[i-1].number {
			return nil, fmt.Errorf("%s: number %d is there twice", path, faults[i].number)
		}
	}
	if len(faults) == 0 {
		return nil, fmt.Errorf("%s: no row of a table begins with a number", path)
	}
	return faults, nil
}

// findTests returns the names of the tests in the module at root that bear the
// number of a fault, whatever their build tags.
func findTests(root string) ([]string, error) {
	var names []string
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path == root {
				return nil
			}
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			if nested == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && len(numbersOf(f.Name.Name)) > 0 {
				names = append(names, f.Name.Name)
			}
		}
		return nil
	})
	return names, err
}

var numbered = regexp.MustCompile(`^(?:Test|Fuzz)Fault([0-9]+(?:And[0-9]+)*)`)

// numbersOf returns the numbers of the faults that a test injects.
func numbersOf(test string) []int {
	m := numbered.FindStringSubmatch(test)
	if m == nil {
		return nil
	}
	var numbers []int
	for s := range strings.SplitSeq(m[1], "And") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil // too long for a number
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// agree returns where the document and the tests do not: a fault with neither a
// test nor a reason, or with both, and a test of an unknown fault.
func agree(faults []fault, tests []string) error {
	count := make(map[int]int)
	known := make(map[int]bool)
	var problems []error
	for _, f := range faults {
		known[f.number] = true
	}
	for _, t := range tests {
		for _, n := range numbersOf(t) {
			if count[n]++; !known[n] {
				problems = append(problems, fmt.Errorf("%s: fault %d is not in %s", t, n, document))
			}
		}
	}
	for _, f := range faults {
		switch {
		case count[f.number] == 0 && f.reason == "":
			problems = append(problems, fmt.Errorf("fault %d, %s: no test bears its number; write one, or %q and why in %s", f.number, f.name, untested, document))
		case count[f.number] > 0 && f.reason != "":
			problems = append(problems, fmt.Errorf("fault %d, %s: has tests; remove %q from %s", f.number, f.name, untested, document))
		}
	}
	return errors.Join(problems...)
}
