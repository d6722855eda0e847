// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/audit"
	"github.com/hydra-logger/hydra/internal/fault"
)

// keyed makes a destination one with Audit and the key.
func keyed(_ *rig, d *hydra.Destination) { d.Audit = &hydra.Audit{Key: auditKey} }

func TestTrailIsProvenAlsoWhereALaterProcessBringsTheRecords(t *testing.T) {
	tests := []struct {
		name string
		set  func(r *rig, d *hydra.Destination)
	}{
		{name: "queued", set: func(r *rig, _ *hydra.Destination) {
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		}},
		{name: "in flight", set: func(r *rig, _ *hydra.Destination) {
			r.sink.OnWrite = fault.From(2, fault.Fail(syscall.EIO))
		}},
		{name: "dropped before any marker told", set: func(r *rig, d *hydra.Destination) {
			d.Policy, d.Queue = hydra.DropOldest, hydra.Queue{Records: 8}
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
					keyed(r, d)
					tt.set(r, d)
				})
				for i := range 100 {
					if err := first.say(strconv.Itoa(i + 1)); err != nil {
						// The writer held up the oldest: a small queue refuses the newest then.
						assert.ErrorIs(t, err, hydra.ErrQueueFull)
					}
					if i == 40 {
						synctest.Wait()
					}
				}
				_ = first.Close(ended())
				health := first.state()
				assert.Equal(t, health.Offered, uint64(100))
				assert.Equal(t, health.Rejected+health.Fallback, uint64(0))
				next := durableRig(t, dir, keyed)
				next.log(101, 120)
				next.close()
				all := append(first.sink.Bytes(), next.sink.Bytes()...)
				report := audited(t, all)
				assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s", report, all)
				assert.Equal(t, len(report.Runs), 2)
				assert.Equal(t, report.Runs[0].Last, 100-health.Losses.Contended, "each that entered the queue has a number")
				assert.Equal(t, strings.Count(string(all), hydra.RecoveredMessage), 1)
			})
		})
	}
}
