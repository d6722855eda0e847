// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Target is a directory of its own with one file in it, for one stack to write
// to.
type Target struct {
	File *os.File
	dir  string
}

// NewTarget makes a target below BENCH_DIR, or below the temporary directory.
func NewTarget() (*Target, error) {
	dir, err := os.MkdirTemp(targetDir(), "bench-")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "log.jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Target{File: f, dir: dir}, nil
}

func targetDir() string {
	if dir := os.Getenv("BENCH_DIR"); dir != "" {
		return dir
	}
	return os.TempDir()
}

// Remove closes the file and removes the directory with all that is in it.
func (t *Target) Remove() error {
	return errors.Join(t.File.Close(), os.RemoveAll(t.dir))
}

// Read returns what is on file: of t.File, and of the files that a stack put
// in its place.
func (t *Target) Read() ([]byte, error) {
	var all []byte
	err := filepath.WalkDir(t.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if all == nil {
			all = b
		} else {
			all = append(all, b...)
		}
		return err
	})
	return all, err
}

// Count returns how many records are on file.
func (t *Target) Count() (int, error) {
	b, err := t.Read()
	return bytes.Count(b, []byte(Message)), err
}

// Verify reads back what Numbered wrote for every n below records, and returns
// how many of them are missing. A line that is torn, or there twice, or that
// nobody logged, is an error.
func (t *Target) Verify(records int) (lost int, err error) {
	b, err := t.Read()
	if err != nil {
		return 0, err
	}
	seen := make([]bool, records)
	lost = records
	for line := range bytes.Lines(b) {
		if !bytes.Contains(line, []byte(Message)) {
			continue // what a stack says about itself
		}
		n, ok := number(line)
		switch {
		case !ok:
			return 0, fmt.Errorf("torn line: %q", line)
		case n >= records:
			return 0, fmt.Errorf("record %d was never logged", n)
		case seen[n]:
			return 0, fmt.Errorf("record %d is there twice", n)
		}
		seen[n] = true
		lost--
	}
	return lost, nil
}

// number returns the n of a whole line that Numbered wrote.
func number(line []byte) (int, bool) {
	if line[0] != '{' || !bytes.HasSuffix(line, []byte("}\n")) || bytes.Count(line, []byte(Message)) != 1 {
		return 0, false
	}
	_, rest, _ := bytes.Cut(line, []byte(`"n":`))
	digits, _, _ := bytes.Cut(rest, []byte(","))
	n, err := strconv.Atoi(string(digits))
	return n, err == nil && n >= 0
}
