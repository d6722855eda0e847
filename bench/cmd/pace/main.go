// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Pace measures what a log call costs at the pace of real services, 10 to
// 10,000 records a second from one goroutine, where it is the waking of
// sleeping writers that costs, and how long a record takes to the file.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hydra-logger/hydra/bench"
	"github.com/hydra-logger/hydra/bench/internal/run"
)

// leastRecords is how many calls it takes for a p99 that is not just the longest.
const leastRecords = 220

func main() { command(flag.CommandLine).Main() }

func command(flags *flag.FlagSet) run.Command {
	last := flags.Duration("for", 2*time.Second, fmt.Sprintf("how long each stack is measured at each rate, or %d records if that is longer", leastRecords))
	return run.Command{
		Name: "Pace", Setting: "rate", Settings: []int{10, 1000, 10_000},
		Check: func(rates []int) error {
			if most := slices.Max(rates); most > int(time.Second) {
				return fmt.Errorf("-rate %d: must be at most %d", most, int(time.Second))
			}
			return nil
		},
		Measure: func(s bench.Stack, rate int) (int, []run.Value, error) { return measure(s, rate, *last) },
	}
}

func measure(s bench.Stack, rate int, last time.Duration) (int, []run.Value, error) {
	if err := s.Warm(); err != nil {
		return 0, nil, err
	}
	t, err := bench.NewTarget()
	if err != nil {
		return 0, nil, err
	}
	defer t.Remove()
	interval := time.Second / time.Duration(rate)
	records := max(int(last/interval), leastRecords)
	w := &stamper{file: t.File, written: make([]time.Time, 0, records)}
	l, err := s.Open(w, bench.Options{})
	if err != nil {
		return 0, nil, err
	}

	calls := bench.NewLatencies(interval)
	logged := make([]time.Time, records)
	cpu := bench.CPU()
	bench.Pace(records, interval, func(n int) {
		logged[n] = time.Now()
		if n < records/10 { // the stack settles
			l.Numbered(n)
			return
		}
		calls.Call(func() { l.Numbered(n) })
	})
	if err := l.Close(); err != nil {
		return 0, nil, err
	}
	values := []run.Value{
		{Unit: "p50-ns", Value: calls.Quantile(0.5)},
		{Unit: "p99-ns", Value: calls.Quantile(0.99)},
		{Unit: "cpu-ns/op", Value: float64(bench.CPU()-cpu) / float64(records)},
	}
	if s.Kind == bench.Floor {
		return records, values, nil
	}
	lost, err := t.Verify(records)
	values = append(values, run.Value{Unit: "lost/op", Value: float64(lost) / float64(records)})
	if err == nil && lost == 0 { // else line n is not record n
		toFile := bench.NewLatencies(math.MaxInt64) // nothing is due behind a record on its way
		for n, at := range w.written[:records] {
			toFile.Add(at.Sub(logged[n]))
		}
		values = append(values,
			run.Value{Unit: "file-p50-ns", Value: toFile.Quantile(0.5)},
			run.Value{Unit: "file-max-ns", Value: toFile.Max()})
	}
	return records, values, err
}

// stamper writes to a file and notes when each line was there.
type stamper struct {
	mu      sync.Mutex
	file    *os.File
	written []time.Time // guarded by mu
}

func (s *stamper) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.file.Write(p)
	now := time.Now()
	for range bytes.Count(p[:n], []byte{'\n'}) {
		s.written = append(s.written, now)
	}
	return n, err
}
