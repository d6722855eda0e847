// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// slowWriter takes so many bytes a second, as a terminal over a network does, or a pipe
// whose reader is busy.
type slowWriter struct {
	fault.Writer
	perSecond int
	longest   int // write
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.longest = max(w.longest, len(p))
	time.Sleep(time.Duration(len(p)) * time.Second / time.Duration(w.perSecond))
	return w.Writer.Write(p)
}

// regular is a sink that says that it writes to a regular file.
type regular struct{ sink.Sink }

func (regular) Regular() bool { return true }

func TestASlowSinkIsGivenNoMoreAtOnceThanItTakesSoon(t *testing.T) {
	for _, tt := range []struct {
		name        string
		perSecond   int
		regular     bool
		least, most int // longest write
	}{
		{"a slow one", 40_000, false, 60 << 10, 64 << 10},
		{"a quick one, which may have a buffer before a slow reader", 1_000_000_000, false, 60 << 10, 64 << 10},
		{"a slow file", 40_000, true, 60 << 10, 64 << 10},
		{"a file of 50 MB a second", 50_000_000, true, 60 << 10, 64 << 10},
		{"a quick file", 1_000_000_000, true, 250 << 10, 256 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &slowWriter{perSecond: tt.perSecond}
				r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) {
					if d.Sink = hydra.Writer(w); tt.regular {
						d.Sink = regular{d.Sink}
					}
				})
				for range 5000 {
					assert.NilError(t, r.say(strings.Repeat("x", 199)))
				}
				failing := 0
				for range 60 {
					time.Sleep(time.Second)
					if r.Health().Destinations[0].Status == hydra.StatusFailing {
						failing++
					}
				}
				r.close()
				assert.Assert(t, w.longest >= tt.least && w.longest <= tt.most, "got %d bytes at once", w.longest)
				assert.Equal(t, failing+len(r.seen(hydra.EventHanging)), 0, "it takes bytes all the time")
			})
		})
	}
}

func TestASlowFallbackThatWorksGetsWhatABrokenSinkLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowWriter{perSecond: 100_000}
		r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
			d.RetryFor, d.Policy = -1, hydra.Block
			c.Fallback = slow
			r.sink.OnWrite = fault.From(11, fault.Fail(syscall.EIO)) // quick before
		})
		const n = 20_000
		record := strings.Repeat("x", 199)
		for range n {
			assert.NilError(t, r.say(record))
		}
		time.Sleep(time.Minute)
		d := r.state()
		_ = r.Close(context.Background())
		got := strings.Count(string(slow.Bytes()), record)
		assert.Assert(t, got > 1000, "%d records in the fallback, or the test tests nothing", got)
		assert.Equal(t, d.Dropped, uint64(0), "%d records in the fallback; %v", got, d.Errors)
	})
}
