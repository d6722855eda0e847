// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Stall measures what callers see while the sink stands still: 4 goroutines
// log 100,000 records/s together, and once a second the sink sleeps for
// 200 ms.
package main

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hydra-logger/hydra/bench"
	"github.com/hydra-logger/hydra/bench/internal/run"
)

const goroutines = 4

func main() { command(flag.CommandLine).Main() }

func command(flags *flag.FlagSet) run.Command {
	var (
		rate  = flags.Int("rate", 100_000, "records/s of all goroutines together")
		queue = flags.Int("queue", bench.DefaultQueue, "how many records may be queued")
		last  = flags.Duration("for", 5*time.Second, "how long each stack is measured; the sink first sleeps after 500ms")
	)
	return run.Command{
		// ms is how long the sink sleeps once a second.
		Name: "Stall", Setting: "ms", Settings: []int{200},
		Check: func([]int) error {
			switch each := interval(*rate); {
			case each == 0:
				return fmt.Errorf("-rate %d: must be at most %d", *rate, int64(goroutines*time.Second))
			case *last < each:
				return fmt.Errorf("-for %v: must be at least %v, the time of 1 record for each goroutine at -rate %d", *last, each, *rate)
			}
			return nil
		},
		Measure: func(s bench.Stack, ms int) (int, []run.Value, error) {
			return measure(s, bench.Options{Queue: *queue}, time.Duration(ms)*time.Millisecond, interval(*rate), *last)
		},
	}
}

// interval returns how often a call is due in each goroutine.
func interval(rate int) time.Duration { return goroutines * time.Second / time.Duration(rate) }

func measure(s bench.Stack, o bench.Options, sleep, interval, last time.Duration) (int, []run.Value, error) {
	if err := s.Warm(); err != nil {
		return 0, nil, err
	}
	t, err := bench.NewTarget()
	if err != nil {
		return 0, nil, err
	}
	defer t.Remove()
	w := &sleeper{file: t.File, sleep: sleep}
	l, err := s.Open(w, o)
	if err != nil {
		return 0, nil, err
	}

	each := int(last / interval)
	calls := make([]*bench.Latencies, goroutines)
	cpu := bench.CPU()
	w.begin(time.Now())
	var wg sync.WaitGroup
	for g := range goroutines {
		calls[g] = bench.NewLatencies(interval)
		wg.Go(func() {
			bench.Pace(each, interval, func(n int) {
				calls[g].Call(func() { l.Numbered(g*each + n) })
			})
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		return 0, nil, err
	}
	used := bench.CPU() - cpu
	for _, c := range calls[1:] {
		calls[0].Merge(c)
	}

	records := goroutines * each
	values := []run.Value{
		{Unit: "p50-ns", Value: calls[0].Quantile(0.5)},
		{Unit: "p99-ns", Value: calls[0].Quantile(0.99)},
		{Unit: "p99.9-ns", Value: calls[0].Quantile(0.999)},
		{Unit: "max-ns", Value: calls[0].Max()},
		{Unit: "cpu-ns/op", Value: float64(used) / float64(records)},
	}
	if s.Kind == bench.Floor {
		return records, values, nil
	}
	lost, err := t.Verify(records)
	values = append(values, run.Value{Unit: "lost/op", Value: float64(lost) / float64(records)})
	if l.Dropped != nil {
		values = append(values, run.Value{Unit: "counted/op", Value: float64(l.Dropped()) / float64(records)})
	}
	return records, values, err
}

// sleeper writes to a file, and sleeps in the first Write of every second.
// Writes wait for each other, as they do for the lock of one file.
type sleeper struct {
	mu    sync.Mutex
	file  *os.File
	sleep time.Duration
	next  time.Time // when to sleep; guarded by mu; zero: not yet
}

// begin has the sink sleep for the first time half a second after now.
func (s *sleeper) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = now.Add(time.Second / 2)
}

func (s *sleeper) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); !s.next.IsZero() && now.After(s.next) {
		s.next = s.next.Add(time.Second)
		time.Sleep(s.sleep)
	}
	return s.file.Write(p)
}
