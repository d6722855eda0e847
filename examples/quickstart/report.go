// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hydra-logger/hydra"
)

// lines returns how many lines the log files have, by their names.
func lines(dir string) (map[string]uint64, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	found := make(map[string]uint64)
	for _, name := range files {
		if found[name], _, err = count(name); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// report shows the files and the counters, and fails if they do not agree on what is
// new in the files.
func report(dir string, before map[string]uint64, health hydra.Health) error {
	fmt.Printf("\nLog files in %s:\n", dir)
	for _, d := range health.Destinations {
		if filepath.Ext(d.Sink) != ".jsonl" {
			continue
		}
		lines, gaps, err := count(d.Sink)
		if err != nil {
			return err
		}
		fmt.Printf("  %-12s %5d lines, %d of them gap markers\n", filepath.Base(d.Sink), lines, gaps)
		if lines -= before[d.Sink]; lines != d.Written+d.GapMarkers {
			return fmt.Errorf("%s has %d new lines, but %d records and %d gap markers were written",
				d.Sink, lines, d.Written, d.GapMarkers)
		}
	}
	fmt.Println("\nWhat became of the records:")
	for _, d := range health.Destinations {
		fmt.Printf("  %-10s %5d offered = %d written + %d fallback + %d dropped + %d rejected + %d spooled + %d pending\n",
			d.Name, d.Offered, d.Written, d.Fallback, d.Dropped, d.Rejected, d.Spooled, d.Pending)
		if d.Offered != d.Written+d.Fallback+d.Dropped+d.Rejected+d.Spooled+d.Pending {
			return fmt.Errorf("the counters of %s do not add up", d.Name)
		}
	}
	fmt.Printf("\nHealth: %v", health)
	return nil
}

// count returns how many lines a file has, each of which must be JSON, and how
// many of them are gap markers.
func count(name string) (lines, gaps uint64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); ; {
		if !s.Scan() {
			return lines, gaps, s.Err()
		}
		var line struct{ Msg string }
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			return lines, gaps, fmt.Errorf("%s, line %d: %w", name, lines+1, err)
		}
		lines++
		if line.Msg == hydra.GapMessage {
			gaps++
		}
	}
}
