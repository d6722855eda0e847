// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package histo_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/hydra-logger/hydra/internal/histo"
)

func TestQuantileIsWithinSixPercentOfTheSortedSlice(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	logUniform := func(lo, hi time.Duration) func() time.Duration {
		return func() time.Duration {
			return time.Duration(float64(lo) * math.Pow(float64(hi)/float64(lo), r.Float64()))
		}
	}
	tests := []struct {
		name string
		draw func() time.Duration
	}{
		{"whole range", logUniform(1100*time.Nanosecond, time.Hour)},
		{"one decade", logUniform(time.Millisecond, 10*time.Millisecond)},
		{"around a power of two", logUniform(1<<20-1000, 1<<20+1000)},
		{"two peaks", func() time.Duration {
			if r.IntN(10) == 0 {
				return 2*time.Second + time.Duration(r.IntN(1e9))
			}
			return 3*time.Microsecond + time.Duration(r.IntN(1000))
		}},
		{"constant", func() time.Duration { return 7 * time.Millisecond }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h histo.Histogram
			all := make([]time.Duration, 5000)
			for i := range all {
				all[i] = tt.draw()
				h.Record(all[i])
			}
			slices.Sort(all)
			for _, q := range []float64{0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999} {
				want := all[max(int(math.Ceil(q*float64(len(all))))-1, 0)]
				got := h.Quantile(q)
				if off := math.Abs(float64(got-want)) / float64(want); off > 0.06 {
					t.Errorf("quantile %v: got %v, want %v, off by %.2f %%", q, got, want, off*100)
				}
			}
			if got, want := h.Max(), all[len(all)-1]; got != want {
				t.Errorf("max: got %v, want %v", got, want)
			}
			if got, want := h.Quantile(1), h.Max(); got != want {
				t.Errorf("quantile 1: got %v, want the maximum %v", got, want)
			}
			if got, want := h.Count(), uint64(len(all)); got != want {
				t.Errorf("count: got %d, want %d", got, want)
			}
		})
	}
}

func TestEveryDurationIsWithinItsError(t *testing.T) {
	// Both sides of every bucket boundary, as the maximum would hide an error.
	for shift := range 42 {
		for eighth := range int64(8) {
			for _, near := range []int64{-1, 0, 1} {
				d := time.Duration(1<<shift + eighth<<shift>>3 + near)
				var h histo.Histogram
				h.Record(d)
				h.Record(90 * time.Minute)
				got := h.Quantile(0.5)
				allowed := max(time.Duration(float64(d)*0.06), 64)
				if off := max(got-d, d-got); off > allowed {
					t.Errorf("recorded %d ns: got %d ns, want it within %d ns", d, got, allowed)
				}
			}
		}
	}
}

func TestFault68DurationsOutsideTheRangeAreClamped(t *testing.T) {
	tests := []struct {
		name       string
		record     time.Duration
		lo, hi     time.Duration // of the median beside a longer one
		wantMaxOut time.Duration
	}{
		{"negative counts as 0", -time.Hour, 0, 128, 0},
		{"most negative", math.MinInt64, 0, 128, 0},
		{"zero", 0, 0, 128, 0},
		{"a day", 24 * time.Hour, 65 * time.Minute, 74 * time.Minute, 24 * time.Hour},
		{"longest", math.MaxInt64, 65 * time.Minute, 74 * time.Minute, math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h histo.Histogram
			h.Record(tt.record)
			if got := h.Max(); got != tt.wantMaxOut {
				t.Errorf("max: got %v, want %v", got, tt.wantMaxOut)
			}
			h.Record(math.MaxInt64)
			if got := h.Quantile(0.5); got < tt.lo || got > tt.hi {
				t.Errorf("median: got %v, want between %v and %v", got, tt.lo, tt.hi)
			}
		})
	}
}

func TestQuantileTakesAnyNumber(t *testing.T) {
	var h histo.Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("nothing recorded: got %v, want 0", got)
	}
	h.Record(time.Millisecond)
	for range 9 {
		h.Record(time.Second)
	}
	tests := []struct {
		name string
		q    float64
		want time.Duration
	}{
		{"negative", -1, time.Millisecond},
		{"not a number", math.NaN(), time.Millisecond},
		{"minus infinity", math.Inf(-1), time.Millisecond},
		{"first tenth", 0.1, time.Millisecond},
		{"just past it", 0.11, time.Second},
		{"above one", 2, time.Second},
		{"infinity", math.Inf(1), time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.Quantile(tt.q)
			if off := math.Abs(float64(got-tt.want)) / float64(tt.want); off > 0.06 {
				t.Errorf("got %v, want about %v", got, tt.want)
			}
		})
	}
}

func TestHistogramFitsInFourKiB(t *testing.T) {
	if got := unsafe.Sizeof(histo.Histogram{}); got > 4096 {
		t.Errorf("got %d bytes, want at most 4096", got)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	var h histo.Histogram
	d := time.Duration(1)
	got := testing.AllocsPerRun(100, func() { d *= 2; h.Record(d) })
	if got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func TestReadersSeeOnlyWhatWasRecorded(t *testing.T) {
	var h histo.Histogram
	const writers, each = 2, 20000
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				h.Record(time.Duration(1+w+i%7) * time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		var last uint64
		for last < writers*each {
			n := h.Count()
			if n < last {
				t.Errorf("count went back from %d to %d", last, n)
				return
			}
			last = n
			if p := h.Quantile(0.99); n > 0 && (p < 900*time.Microsecond || p > h.Max()) {
				t.Errorf("p99: got %v, want 1 ms to %v", p, h.Max())
				return
			}
		}
	})
	wg.Wait()
	if got, want := h.Count(), uint64(writers*each); got != want {
		t.Errorf("count: got %d, want %d", got, want)
	}
	if got, want := h.Max(), (writers+6)*time.Millisecond; got != want {
		t.Errorf("max: got %v, want %v", got, want)
	}
}

func BenchmarkRecord(b *testing.B) {
	var h histo.Histogram
	d := time.Duration(1)
	for b.Loop() {
		d = (d*5 + 3) & (1<<32 - 1)
		h.Record(d)
	}
}

func BenchmarkQuantile(b *testing.B) {
	var h histo.Histogram
	for i := range 100000 {
		h.Record(time.Duration(i*i) * time.Nanosecond)
	}
	for b.Loop() {
		h.Quantile(0.99)
	}
}
