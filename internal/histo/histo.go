// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package histo keeps a distribution of durations in a fixed amount of memory.
package histo

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// Buckets are log-linear: below 8 units one bucket per unit, above that 8 per
// doubling. A unit is 128 ns, so that the doublings begin at about 1 µs, and the
// last bucket ends at 2^42 ns, which is 73 minutes. 8 per doubling, with the
// representative that represent chooses, is the coarsest grid within 6 %.
const (
	unitBits = 7
	subBits  = 3
	sub      = 1 << subBits
	endBits  = 42
	buckets  = (endBits - unitBits - subBits + 1) * sub
)

// Histogram counts durations by size. Recording neither allocates nor waits;
// reading takes a fraction of a microsecond. All methods may be called from any
// goroutine at any time; a reader that runs beside a writer sees a distribution
// that was true at some moment of its call or between two of them.
//
// A quantile is within 6 % of the true one, or within 64 ns where that is more
// (about 1 µs and below), up to 73 min; longer ones read as 73 min, except that
// Max is exact. The zero value is empty and ready. A Histogram must not be copied
// after first use.
type Histogram struct {
	max    atomic.Int64 // ns, exact
	counts [buckets]atomic.Uint64
}

// Record counts d. A negative d, which a clock can produce, counts as 0.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	// The maximum goes first, so that a reader never finds a count without it.
	for old := h.max.Load(); int64(d) > old; old = h.max.Load() {
		if h.max.CompareAndSwap(old, int64(d)) {
			break
		}
	}
	// Add rather than Load and Store: one locked instruction either way on amd64,
	// and nobody has to prove that there is a single writer.
	h.counts[index(d)].Add(1)
}

// Quantile returns the duration that a share q of all recorded ones does not
// exceed: 0.5 is the median. It returns Max for q ≥ 1, the smallest for q ≤ 0
// or NaN, and 0 while nothing is recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	if q >= 1 {
		return h.Max()
	}
	rank := uint64(1)
	if q > 0 {
		rank = min(max(uint64(math.Ceil(q*float64(n))), 1), n)
	}
	// Counts only grow, so the walk reaches the rank although writers go on.
	var seen uint64
	for i := range h.counts {
		if seen += h.counts[i].Load(); seen >= rank {
			return min(represent(i), h.Max())
		}
	}
	return h.Max()
}

// Max returns the longest duration recorded, exactly, and 0 while there is none.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max.Load()) }

// Count returns how many durations are recorded.
func (h *Histogram) Count() uint64 {
	var n uint64
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}

// index returns the bucket of d, which is not negative.
func index(d time.Duration) int {
	v := uint64(min(d, 1<<endBits-1)) >> unitBits
	// For v below 2*sub the shift is 0 and the bucket is v itself.
	e := max(bits.Len64(v)-(subBits+1), 0)
	return e<<subBits + int(v>>e)
}

// represent returns the duration that stands for bucket i: the harmonic mean of
// its bounds, which is equally far, in relative terms, from both. In the linear
// part it is the middle, where the mean would be drawn to 0.
func represent(i int) time.Duration {
	e := max(i>>subBits-1, 0)
	lo := uint64(i-e<<subBits) << (e + unitBits)
	width := uint64(1) << (e + unitBits)
	if i < sub {
		return time.Duration(lo + width/2)
	}
	l, h := float64(lo), float64(lo+width)
	return time.Duration(2 * l * h / (l + h))
}
