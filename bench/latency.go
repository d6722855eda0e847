// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies collects how long calls took, corrected for coordinated omission:
// a call that an earlier one held up is charged the time that it would have
// waited had it come when it was due. One goroutine uses it at a time.
type Latencies struct {
	interval time.Duration // between calls that are due; immutable
	behind   time.Duration // how far the earlier calls hold up the next one
	h        *hdrhistogram.Histogram
}

// NewLatencies returns an empty collection for calls that are due once every
// interval.
func NewLatencies(interval time.Duration) *Latencies {
	// 1 ns to 100 s with three significant figures.
	return &Latencies{interval: interval, h: hdrhistogram.New(1, int64(100*time.Second), 3)}
}

// Call makes a call, and records how long it took.
func (l *Latencies) Call(call func()) {
	start := time.Now()
	call()
	l.Add(time.Since(start))
}

// Add records a call that took d of its own.
func (l *Latencies) Add(d time.Duration) {
	seen := l.behind + d
	_ = l.h.RecordValue(min(max(int64(seen), 1), l.h.HighestTrackableValue()))
	l.behind = max(0, seen-l.interval)
}

// Merge adds what other has.
func (l *Latencies) Merge(other *Latencies) { l.h.Merge(other.h) }

// Quantile returns the latency that a share q of the calls stays below, in
// nanoseconds.
func (l *Latencies) Quantile(q float64) float64 { return float64(l.h.ValueAtQuantile(q * 100)) }

// Max returns the longest latency, in nanoseconds.
func (l *Latencies) Max() float64 { return float64(l.h.Max()) }
