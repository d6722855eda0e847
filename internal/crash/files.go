// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const logName = "app.log"

// logFiles returns the paths of the log file and of those that were rotated,
// oldest first.
func logFiles(dir string) ([]string, error) {
	rotated, err := filepath.Glob(filepath.Join(dir, "app-*.log"))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rotated, func(a, b string) int {
		timeA, countA := rotation(a)
		timeB, countB := rotation(b)
		return cmp.Or(strings.Compare(timeA, timeB), cmp.Compare(countA, countB))
	})
	active := filepath.Join(dir, logName)
	if _, err := os.Stat(active); err == nil {
		rotated = append(rotated, active)
	}
	return rotated, nil
}

// rotation returns when a file was rotated, and which of that moment it is.
func rotation(path string) (when string, count int) {
	when, rest, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".log"), "Z")
	count, _ = strconv.Atoi(strings.TrimPrefix(rest, "-")) // none is the first
	return when, count
}

// readLines calls f with each line of a file from offset on, and returns the
// offset behind the last whole line. What stands behind it is a line, too, if
// unfinished is true.
func readLines(path string, offset int64, unfinished bool, f func([]byte)) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return offset, err
	}
	defer file.Close()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return offset, err
	}
	r := bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := r.ReadSlice('\n')
		if err == nil {
			offset += int64(len(line))
			f(bytes.TrimSuffix(line, []byte("\n")))
			continue
		}
		if unfinished && len(line) > 0 {
			f(line)
		}
		if err == io.EOF {
			err = nil
		}
		return offset, err
	}
}

// identity returns what a file keeps when it is renamed.
func identity(path string) (string, error) {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Sprint(s.Dev, " ", s.Ino), nil
}

// A progress counts the records of each life as the files grow.
type progress struct {
	offsets map[string]int64 // by what the file is, for its name changes
	count   map[int]int
}

// read counts what has come since the last time.
func (p *progress) read(dir string) error {
	files, err := logFiles(dir)
	if err != nil {
		return err
	}
	for _, path := range files {
		key, err := identity(path)
		if err != nil {
			return err
		}
		p.offsets[key], err = readLines(path, p.offsets[key], false, func(line []byte) {
			if k, r := parse(line); k == record {
				p.count[r.life]++
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
