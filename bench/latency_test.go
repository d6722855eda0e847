// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestALateCallIsChargedTheWait(t *testing.T) {
	l := NewLatencies(10 * time.Microsecond)
	// One call of 1 ms holds up the next hundred or so, which take 1 µs each.
	l.Add(time.Millisecond)
	for range 199 {
		l.Add(time.Microsecond)
	}
	near := func(got, want float64) {
		t.Helper()
		assert.Assert(t, got > want*0.99 && got < want*1.01, "got %v, want %v", got, want)
	}
	near(l.Max(), 1e6)
	// Call k waits 990 µs less 9 µs for each call before it: 111 are late.
	near(l.Quantile(0.44), 1000)
	near(l.Quantile(0.75), 991e3-9e3*49)
	assert.Equal(t, l.behind, time.Duration(0))
}

func TestMergedLatenciesCountTogether(t *testing.T) {
	a, b := NewLatencies(time.Second), NewLatencies(time.Second)
	a.Add(time.Microsecond)
	b.Add(time.Millisecond)
	a.Merge(b)
	assert.Equal(t, a.h.TotalCount(), int64(2))
	assert.Equal(t, a.Max(), b.Max())
}
