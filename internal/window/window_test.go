// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package window_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydra-logger/hydra/internal/window"
)

// inBubble runs f on the fake clock, where time.Sleep costs nothing and time.Now
// has the monotonic reading that a Window relies on.
func inBubble(t *testing.T, f func(t *testing.T, w *window.Window)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, new(window.Window)) })
}

func wantSum(t *testing.T, w *window.Window, i int, want uint64) {
	t.Helper()
	if got := w.Sum(time.Now(), i); got != want {
		t.Errorf("sum of %d: got %d, want %d", i, got, want)
	}
}

func wantRate(t *testing.T, w *window.Window, i int, want float64) {
	t.Helper()
	if got := w.Rate(time.Now(), i); math.Abs(got-want) > 1e-9 {
		t.Errorf("rate of %d: got %v, want %v", i, got, want)
	}
}

func TestWhatHappenedIsForgottenAfterAMinute(t *testing.T) {
	inBubble(t, func(t *testing.T, w *window.Window) {
		w.Add(time.Now(), 2, 5)
		wantSum(t, w, 2, 5)
		time.Sleep(window.Span - time.Nanosecond)
		wantSum(t, w, 2, 5)
		time.Sleep(time.Nanosecond)
		wantSum(t, w, 2, 0)
		wantRate(t, w, 2, 0)
	})
}

func TestCountersAreApart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *window.Window) {
		for i := range window.Counters {
			w.Add(time.Now(), i, uint64(i+1))
		}
		for i := range window.Counters {
			wantSum(t, w, i, uint64(i+1))
		}
	})
}

func TestRateIsOverTheTimeThatHasPassed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *window.Window) {
		wantRate(t, w, 0, 0)
		w.Add(time.Now(), 0, 30)
		wantRate(t, w, 0, 30) // at once, as if over a second
		time.Sleep(500 * time.Millisecond)
		wantRate(t, w, 0, 30)
		time.Sleep(9500 * time.Millisecond)
		wantRate(t, w, 0, 3)
		time.Sleep(20 * time.Second)
		wantRate(t, w, 0, 1)
	})
}

func TestRateOfASteadyStreamIsSteady(t *testing.T) {
	inBubble(t, func(t *testing.T, w *window.Window) {
		w.Start(time.Now())
		for i := range 3 * 60 * 4 {
			// In the middle, so that no event falls on the edge of the window.
			time.Sleep(125 * time.Millisecond)
			w.Add(time.Now(), 0, 10)
			time.Sleep(125 * time.Millisecond)
			if i >= 3 { // a second has passed
				wantRate(t, w, 0, 40)
			}
			if t.Failed() {
				return
			}
		}
	})
}

func TestStartBeginsTheTimeOfTheRate(t *testing.T) {
	inBubble(t, func(t *testing.T, w *window.Window) {
		w.Start(time.Now())
		time.Sleep(40 * time.Second)
		w.Start(time.Now()) // too late to have effect
		w.Add(time.Now(), 0, 4)
		wantRate(t, w, 0, 0.1)
	})
}

func TestALongSilenceEmptiesTheWindow(t *testing.T) {
	tests := []struct {
		name    string
		silence time.Duration
		want    uint64
	}{
		{"none", 0, 1},
		{"a second short", window.Span - time.Second, 1},
		{"exactly", window.Span, 0},
		{"a second more", window.Span + time.Second, 0},
		{"many times", 1000 * window.Span, 0},
		{"a century", 100 * 365 * 24 * time.Hour, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *window.Window) {
				w.Add(time.Now(), 0, 1)
				time.Sleep(tt.silence)
				wantSum(t, w, 0, tt.want)
				w.Add(time.Now(), 0, 1)
				wantSum(t, w, 0, tt.want+1)
			})
		})
	}
}

func TestFault68ATimeThatGoesBackCountsAsTheLatest(t *testing.T) {
	inBubble(t, func(t *testing.T, w *window.Window) {
		early := time.Now()
		w.Add(early, 0, 1)
		time.Sleep(50 * time.Second)
		w.Add(time.Now(), 0, 1)
		w.Add(early, 0, 1)
		w.Add(early.Add(-time.Hour), 0, 1)
		time.Sleep(10 * time.Second) // the first is gone, the other three are not
		wantSum(t, w, 0, 3)
	})
}

func TestSumIsThatOfTheLastSixtySlots(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	inBubble(t, func(t *testing.T, w *window.Window) {
		start := time.Now()
		bySecond := map[int64]uint64{}
		for range 5000 {
			gap := time.Duration(r.Int64N(int64(2 * time.Second)))
			if r.IntN(200) == 0 {
				gap = time.Duration(r.Int64N(int64(100 * time.Second)))
			}
			time.Sleep(gap)
			now := time.Now()
			second, n := int64(now.Sub(start)/time.Second), r.Uint64N(10)
			if len(bySecond) == 0 {
				start, second = now, 0
			}
			bySecond[second] += n
			w.Add(now, 0, n)
			var want uint64
			for s := second - 59; s <= second; s++ {
				want += bySecond[s]
			}
			if got := w.Sum(now, 0); got != want {
				t.Fatalf("after %v: got %d, want %d", now.Sub(start), got, want)
			}
		}
	})
}

func TestConcurrentAddsAreAllCounted(t *testing.T) {
	var w window.Window
	now := time.Now()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				w.Add(now, 1, 1)
				w.Sum(now, 1)
				w.Rate(now, 1)
			}
		})
	}
	wg.Wait()
	if got := w.Sum(now, 1); got != 4000 {
		t.Errorf("got %d, want 4000", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	var w window.Window
	now := time.Now()
	for b.Loop() {
		w.Add(now, 3, 17)
	}
}
