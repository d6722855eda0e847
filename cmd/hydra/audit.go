// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/hydra-logger/hydra/internal/audit"
	"github.com/hydra-logger/hydra/internal/trail"
)

const auditUsage = `usage: hydra audit [-key FILE] [-partial] [-json] FILE...

It reads what destinations with Audit wrote, in any order: files, rotated ones, with
gzip or without; - is standard input. It exits with 0 if they prove that nothing is
missing of the runs in them, 1 if they do not, and 2 if it cannot tell, as where no
line has a trail. A run of which no line is left is not missed.

`

// runAudit is hydra audit.
func runAudit(args []string, in io.Reader, out, errs io.Writer) int {
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), auditUsage)
		flags.PrintDefaults()
	}
	keyFile := flags.String("key", "", "`file` that holds the bytes of Audit.Key, and nothing else")
	partial := flags.Bool("partial", false, "accept runs that begin before the files or go on after them, and lines that cannot be\n"+
		"proven, for the line before them is not here: those it lists may be forged")
	asJSON := flags.Bool("json", false, "print JSON in place of a table")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() == 0:
		flags.Usage()
		return exitUsage
	}
	report, err := auditFiles(*keyFile, flags.Args(), in)
	if err == nil {
		err = printReport(out, report, *asJSON)
	}
	if err != nil {
		fmt.Fprintf(errs, "hydra audit: %v\n", err)
		return exitUsage
	}
	switch v := report.Verdict; {
	case v == audit.Proven, v == audit.Open && *partial:
		return exitOK
	case v == audit.Unknown:
		return exitUsage
	}
	return exitNo
}

// auditFiles reads all files and returns what they prove.
func auditFiles(keyFile string, names []string, in io.Reader) (audit.Report, error) {
	var key []byte
	if keyFile != "" {
		var err error
		if key, err = os.ReadFile(keyFile); err != nil {
			return audit.Report{}, err
		}
		if len(key) < trail.MinKey {
			return audit.Report{}, fmt.Errorf("%s holds %d bytes; a key has at least %d", keyFile, len(key), trail.MinKey)
		}
	}
	a := audit.New(key)
	for _, name := range names {
		if err := readFile(a, name, in); err != nil {
			return audit.Report{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return a.Report(), nil
}

func readFile(a *audit.Auditor, name string, in io.Reader) error {
	if name == "-" {
		return a.Read("standard input", in)
	}
	f, err := os.Open(name)
	if err != nil {
		if e := (*os.PathError)(nil); errors.As(err, &e) {
			err = e.Err // whoever calls names the file
		}
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return errors.New("is a directory; name the files in it")
	}
	return a.Read(name, f)
}

func printReport(out io.Writer, r audit.Report, asJSON bool) error {
	if !asJSON {
		return printTable(out, r)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
