// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
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
					first.log(i+1, i+1)
					if i == 40 {
						synctest.Wait()
					}
				}
				_ = first.Close(ended())
				next := durableRig(t, dir, keyed)
				next.log(101, 120)
				next.close()
				all := append(first.sink.Bytes(), next.sink.Bytes()...)
				report := audited(t, all)
				assert.Equal(t, report.Verdict, audit.Proven, "%+v\n%s", report, all)
				assert.Equal(t, len(report.Runs), 2)
				assert.Equal(t, report.Runs[0].Last, uint64(100))
				assert.Equal(t, strings.Count(string(all), hydra.RecoveredMessage), 1)
			})
		})
	}
}
