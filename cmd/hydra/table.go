// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/hydra-logger/hydra/internal/audit"
)

// printTable prints a report for people: a line for each run, then what is wrong.
func printTable(out io.Writer, r audit.Report) error {
	var b bytes.Buffer // takes everything
	if len(r.Runs) > 0 {
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "run\tnumbers\tlines\ttold missing\tmissing\ttwice\tdisorder\tMAC wrong\tended\tverdict\tfiles")
		for _, run := range r.Runs {
			wrong, ended := "-", "no"
			if r.Keyed {
				wrong = fmt.Sprint(run.Forged.Count)
			}
			if run.Ended {
				ended = "yes"
			}
			fmt.Fprintf(w, "%s\t%d..%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", run.ID, run.First, run.Last, run.Lines,
				run.Told, run.Missing, run.Twice.Count, run.Disorder.Count, wrong, ended, run.Verdict, filesOf(run))
		}
		_ = w.Flush()
	}
	for _, run := range r.Runs {
		printRun(&b, run)
	}
	for _, f := range r.Files {
		printFile(&b, f)
	}
	if !r.Keyed && len(r.Runs) > 0 {
		fmt.Fprintln(&b, "Without -key only numbers were looked at: lines that were changed, or forged with care, pass.")
	}
	switch {
	case r.Verdict == audit.Unknown && !slices.ContainsFunc(r.Files, func(f audit.File) bool { return f.Lines > 0 }):
		fmt.Fprintln(&b, "CANNOT TELL: there is no line to look at.")
	case r.Verdict == audit.Unknown:
		fmt.Fprintln(&b, "CANNOT TELL: no line has a trail, so there is no run to prove.")
	case r.Verdict == audit.Proven:
		fmt.Fprintln(&b, "PROVEN: of the runs above, every record is here, or a gap marker tells of it.")
	case r.Verdict == audit.Open:
		fmt.Fprintln(&b, "OPEN: proven for what is here, but not where it begins or ends; -partial accepts that.")
	default:
		fmt.Fprintln(&b, "NOT PROVEN")
	}
	_, err := out.Write(b.Bytes())
	return err
}

// filesOf names the file of a run, or the first of several.
func filesOf(run audit.Run) string {
	if n := len(run.Files); n > 1 {
		return fmt.Sprintf("%s and %d more", run.Files[0], n-1)
	}
	return run.Files[0]
}

// printRun says what the table cannot.
func printRun(b *bytes.Buffer, run audit.Run) {
	say := func(text string, args ...any) { fmt.Fprintf(b, "%s: %s\n", run.ID, fmt.Sprintf(text, args...)) }
	for _, h := range run.MissingAt {
		say("%s missing without account, %s", numbers(h.First, h.Last), around(h))
	}
	list := func(f audit.Finding, text string) {
		if f.Count > 0 {
			say("%s: %d, at %s", text, f.Count, places(f))
		}
	}
	list(run.Twice, "numbers that are here twice")
	list(run.Disorder, "lines behind one with a higher number")
	list(run.AfterEnd, "numbers beyond the end of the run")
	list(run.Forged, "lines whose MAC is wrong, for they were changed, a line before them is gone, or they have another key")
	if n := run.Forged.Count; n > 1 && n >= run.Lines {
		say("these are all of its lines: most likely -key is not the key of this run; the file holds its bytes and nothing else, no line end")
	}
	list(run.Unkeyed, "lines without a MAC")
	list(run.Unproven, "lines that cannot be proven, for the line before them is not here")
	if run.Found > 0 {
		say("%d of the records that are told to be missing are here all the same", run.Found)
	}
	if run.First > 1 {
		say("begins before these files; what came before number %d is not known", run.First)
	}
	if !run.Ended {
		say("has no end: it goes on, or crashed, or lines behind number %d were cut off", run.Last)
	}
}

// printFile says what is wrong with a file.
func printFile(b *bytes.Buffer, f audit.File) {
	switch {
	case f.Lines == 0 && f.Damage == "":
		fmt.Fprintf(b, "%s: has no lines\n", f.Name)
	case f.Lines > 0 && f.Trailed == 0:
		fmt.Fprintf(b, "%s: none of %d lines has a trail; its destination has no Audit\n", f.Name, f.Lines)
	case f.Bare.Count > 0:
		fmt.Fprintf(b, "%s: lines without a trail: %d, at %s\n", f.Name, f.Bare.Count, places(f.Bare))
	}
	if f.Damage != "" {
		fmt.Fprintf(b, "%s: damaged behind line %d: %s\n", f.Name, f.Lines, f.Damage)
	}
}

func numbers(first, last uint64) string {
	if first == last {
		return fmt.Sprintf("number %d is", first)
	}
	return fmt.Sprintf("numbers %d to %d are", first, last)
}

func around(h audit.Hole) string {
	switch {
	case h.After == nil && h.Before == nil:
		return "at an unknown place"
	case h.Before == nil:
		return "behind " + place(*h.After)
	case h.After == nil:
		return "before " + place(*h.Before)
	}
	return "between " + place(*h.After) + " and " + place(*h.Before)
}

// places says where something was found, of lines in a row where they begin.
func places(f audit.Finding) string {
	var all []string
	for i, p := range f.At {
		if i == 0 || f.At[i-1] != (audit.Place{File: p.File, Line: p.Line - 1}) {
			all = append(all, place(p))
		}
	}
	if f.Count > uint64(len(all)) {
		all = append(all, "…")
	}
	return strings.Join(all, ", ")
}

func place(p audit.Place) string { return fmt.Sprintf("%s:%d", p.File, p.Line) }
