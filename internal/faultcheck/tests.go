// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
)

// A result is what became of a test, or of a part of one.
type result struct {
	test   string // with the names of its parts, as in TestFault17/rename
	action string // pass, skip or fail
	reason string // of a skip
}

// runTests runs the tests of faults in the module at root. What they print goes to
// w if they fail. A test that fails is an error, and so is one that does not build.
func runTests(root string, w io.Writer) ([]result, error) {
	cmd := exec.Command("go", "test", "-json", "-tags=fault", "-count=1", "-run=^(Test|Fuzz)Fault", "./...")
	cmd.Dir, cmd.Stderr = root, w
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	results, err := collect(out, w)
	return results, errors.Join(err, cmd.Wait())
}

// collect reads what go test -json prints.
func collect(r io.Reader, w io.Writer) ([]result, error) {
	var results []result
	var failed []string
	said := make(map[string][]string) // by package and test
	events := json.NewDecoder(r)
	for {
		var e struct{ Action, ImportPath, Package, Test, Output string }
		if err := events.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return results, fmt.Errorf("the output of go test: %w", err)
		}
		id := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			said[id] = append(said[id], e.Output)
		case "pass", "skip", "fail", "build-fail":
			if e.Test != "" {
				results = append(results, result{e.Test, e.Action, reasonIn(said[id])})
			}
			if strings.HasSuffix(e.Action, "fail") {
				failed = append(failed, strings.TrimSpace(id))
				fmt.Fprint(w, strings.Join(said[id], ""))
			}
			delete(said, id)
		}
	}
	if len(failed) > 0 {
		return results, fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return results, nil
}

// reasonIn returns the last line that a test printed itself, without its place.
func reasonIn(output []string) string {
	for _, line := range slices.Backward(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "=== ") {
			continue
		}
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			_, line, _ = strings.Cut(text, ": ")
		}
		return line
	}
	return ""
}

// report prints a table of what became of each fault, and how many ran.
func report(w io.Writer, faults []fault, results []result) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "fault\tresult\ttests\t")
	totals := make(map[string]int)
	for _, f := range faults {
		verdict, tests, reasons := judge(f, results)
		totals[verdict]++
		fmt.Fprintf(table, "%d\t%s\t%d\t%s\n", f.number, verdict, tests, f.name)
		for _, r := range reasons {
			fmt.Fprintf(table, "\t\t\t  %s\n", r)
		}
	}
	table.Flush()
	fmt.Fprintf(w, "%d faults: %d ran, %d skipped, %d failed, %d not tested\n",
		len(faults), totals["ran"]+totals["ran in part"], totals["skipped"], totals["FAILED"], totals["not tested"])
}

// judge says what became of the tests of a fault, how many ran to their end, and
// why others did not.
func judge(f fault, results []result) (verdict string, ran int, reasons []string) {
	if f.reason != "" {
		return "not tested", 0, []string{f.reason}
	}
	failed := false
	for _, r := range results {
		if !slices.Contains(numbersOf(r.test), f.number) {
			continue
		}
		part := strings.Contains(r.test, "/")
		switch {
		case r.action == "skip":
			reasons = append(reasons, fmt.Sprintf("%s skipped: %s", r.test, r.reason))
		case r.action == "fail":
			failed = true
			reasons = append(reasons, r.test+" failed")
		case !part:
			ran++
		}
	}
	switch {
	case failed:
		return "FAILED", ran, reasons
	case ran == 0 && len(reasons) == 0:
		return "skipped", 0, []string{"its tests are not for this system"}
	case ran == 0:
		return "skipped", 0, reasons
	case len(reasons) > 0:
		return "ran in part", ran, reasons
	}
	return "ran", ran, nil
}
