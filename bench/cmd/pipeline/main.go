// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Pipeline measures how fast each stack brings records to the file: records
// of 200 bytes, from 1 to 64 goroutines, as fast as they go, until everything
// is on file and the stack is closed. It reads the file back, and reports what
// is missing.
package main

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hydra-logger/hydra/bench"
	"github.com/hydra-logger/hydra/bench/internal/run"
)

func main() { command(flag.CommandLine).Main() }

func command(flags *flag.FlagSet) run.Command {
	records := flags.Int("records", 400_000, "how many records each stack is given, at least 1 for each goroutine")
	return run.Command{
		Name: "Pipeline", Setting: "goroutines", Settings: []int{1, 2, 8, 64},
		Check: func(goroutines []int) error {
			if most := slices.Max(goroutines); *records < most {
				return fmt.Errorf("-records %d: must be at least %d, 1 for each of the goroutines", *records, most)
			}
			return nil
		},
		Measure: func(s bench.Stack, goroutines int) (int, []run.Value, error) {
			values, err := measure(s, goroutines, *records/goroutines)
			return *records / goroutines * goroutines, values, err
		},
	}
}

// measure has goroutines log each records to a file.
func measure(s bench.Stack, goroutines, each int) ([]run.Value, error) {
	if err := s.Warm(); err != nil {
		return nil, err
	}
	t, err := bench.NewTarget()
	if err != nil {
		return nil, err
	}
	defer t.Remove()
	l, err := s.Open(t.File, bench.Options{})
	if err != nil {
		return nil, err
	}

	cpu, start := bench.CPU(), time.Now()
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for n := g * each; n < (g+1)*each; n++ {
				l.Numbered(n)
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		return nil, err
	}
	wall, used := time.Since(start), bench.CPU()-cpu
	peak := bench.PeakMemory() // before the file is read back

	records, lost := goroutines*each, 0
	if s.Kind != bench.Floor {
		if lost, err = t.Verify(records); err != nil {
			return nil, err
		}
	}
	values := []run.Value{
		// Of those that are on file.
		{Unit: "records/s", Value: float64(records-lost) / wall.Seconds()},
		{Unit: "cpu-ns/op", Value: float64(used) / float64(records)},
		{Unit: "peak-MiB", Value: float64(peak) / (1 << 20)},
		{Unit: "lost/op", Value: float64(lost) / float64(records)},
	}
	if l.Dropped != nil {
		values = append(values, run.Value{Unit: "counted/op", Value: float64(l.Dropped()) / float64(records)})
	}
	return values, nil
}
