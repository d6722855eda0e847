// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/audit"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestTrailSurvivesEveryFailureOfTheSink(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	torn, diverted, tornAtClose := 0, 0, 0
	for i := range 150 {
		hopeless := i%10 == 0 // the sink takes some batches, then half a line, then nothing more
		synctest.Test(t, func(t *testing.T) {
			var broken atomic.Bool
			broken.Store(true)
			sinks := rand.New(rand.NewPCG(rnd.Uint64(), 0)) // the writer's
			r := newAudited(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
				d.RetryFor = []time.Duration{-1, 50 * time.Millisecond, time.Hour}[rnd.IntN(3)]
				d.Policy = []hydra.Policy{hydra.DropOldest, hydra.Error, hydra.Block}[rnd.IntN(3)]
				d.BlockTimeout = 100 * time.Millisecond
				d.Queue.Records, d.Queue.Bytes = 4+rnd.IntN(20), 4<<10
				if rnd.IntN(2) == 0 {
					d.Format = format.JSON(nil)
				}
				if rnd.IntN(4) == 0 {
					r.fallback.OnWrite = func(n int) fault.Action {
						if n%3 == 0 {
							return fault.Fail(syscall.ENOSPC)
						}
						return fault.Action{}
					}
				}
				faults := rnd.IntN(8)
				good := rnd.IntN(5)
				if hopeless {
					d.RetryFor = -1
				}
				r.sink.OnWrite = func(n int) fault.Action {
					switch {
					case hopeless && n <= good:
						return fault.Action{}
					case hopeless && n == good+1:
						return fault.Short(5, syscall.EIO)
					case hopeless:
						return fault.Fail(syscall.EIO)
					case !broken.Load() || sinks.IntN(8) >= faults:
						return fault.Action{}
					case sinks.IntN(4) == 0:
						return fault.Fail(syscall.EIO)
					}
					return fault.Short(sinks.IntN(400), syscall.ENOSPC)
				}
			})
			past := uint64(0)
			sayLarge := func() { // past the queue, which never takes it
				past++
				_ = r.say(strings.Repeat("y", 5<<10))
			}
			for range 10 + rnd.IntN(30) {
				for range rnd.IntN(12) {
					_ = r.say(strings.Repeat("x", rnd.IntN(50)))
				}
				if rnd.IntN(20) == 0 {
					sayLarge()
				}
				if rnd.IntN(2) == 0 {
					time.Sleep(time.Duration(rnd.IntN(800)) * time.Millisecond)
				}
			}
			if !hopeless && rnd.IntN(4) > 0 { // else the sink may fail to the end
				broken.Store(false)
				time.Sleep(5 * time.Second)
			}
			if rnd.IntN(4) == 0 {
				sayLarge() // Close finds the gap untold
			}
			_ = r.Close(t.Context())
			d := r.state()
			torn += int(min(d.PartialWrites, 1))
			diverted += int(min(d.Fallback, 1))
			report := audited(t, r.sink.Bytes())
			if len(report.Runs) == 0 {
				assert.Equal(t, d.Written, uint64(0))
				return
			}
			if !broken.Load() {
				assert.Equal(t, report.Verdict, audit.Proven, "seed %d: %+v\n%s", seed, report, r.sink.Bytes())
				// I2, I3: what is missing in the output is what Health counts.
				run := report.Runs[0]
				unnumbered := d.Losses.Contended + d.Rejected + past
				assert.Assert(t, run.Told <= d.Dropped+d.Fallback-d.Losses.Contended)
				if d.Policy != hydra.Block { // no record went to the fallback past the queue
					assert.Equal(t, run.Told+unnumbered, d.Dropped+d.Fallback+d.Rejected)
				}
			} else if report.Verdict == audit.Broken {
				// At worst half a line stands at the end, whose record Close brought to the fallback.
				lines := uint64(len(r.sink.Lines()))
				assert.DeepEqual(t, report.Files[0].Bare.At, []audit.Place{{File: "a", Line: uint32(lines)}})
				tornAtClose++
				whole := r.sink.Bytes()
				report = audited(t, whole[:bytes.LastIndexByte(whole, '\n')+1])
				if len(report.Runs) > 0 {
					assert.Equal(t, report.Verdict, audit.Open, "seed %d: %+v\n%s", seed, report, whole)
				}
			}
			if len(report.Runs) > 0 {
				r.wantTrail(report)
			}
			// What the fallback has of the run are the records that the stream says are missing.
			both := audited(t, r.sink.Bytes(), r.fallback.Bytes())
			for _, run := range both.Runs {
				wrong := run.Twice.Count + run.Forged.Count
				if !broken.Load() {
					wrong += run.Missing + run.Disorder.Count
				}
				if !broken.Load() && d.Losses.FallbackFailed == 0 {
					assert.Equal(t, run.Verdict, audit.Proven, "seed %d: %+v", seed, both)
				}
				assert.Equal(t, wrong, uint64(0), "seed %d: %+v\n%s\n%s", seed, both, r.sink.Bytes(), r.fallback.Bytes())
			}
		})
	}
	t.Logf("%d runs with torn records, %d with the fallback, %d torn to the end", torn, diverted, tornAtClose)
	assert.Assert(t, torn > 10 && diverted > 10 && tornAtClose > 0, "%d, %d, %d", torn, diverted, tornAtClose)
}

func TestTrailIsProvenAtFullSpeed(t *testing.T) {
	const producers, each = 8, 2000
	for _, policy := range []hydra.Policy{hydra.DropOldest, hydra.Block, hydra.Error} {
		t.Run(policy.String(), func(t *testing.T) {
			var never atomic.Bool
			r := newAudited(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
				d.Policy, d.RetryFor = policy, time.Hour
				d.Queue = hydra.Queue{Records: 100, Bytes: 1 << 10}
				r.sink.OnWrite = trouble(1, &never, 400)
			})
			var wg sync.WaitGroup
			for p := range producers {
				wg.Go(func() {
					for i := range each {
						_ = r.say(fmt.Sprintf("r%d.%d.", p, i)) // the trail knows
					}
					_ = r.say(strings.Repeat("x", 2<<10)) // past the queue
				})
			}
			wg.Wait()
			r.close()
			run := r.proven()
			d := r.state()
			assert.Equal(t, run.Lines+run.Told+d.Rejected+d.Losses.Contended+producers, uint64(producers*(each+1)))
		})
	}
}
