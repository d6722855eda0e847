// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"strings"
	"sync"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// TestHealthMayBeAskedWhileTrailsAreDiverted shows under -race that Health reads
// nothing of a chain that its writer changes.
func TestHealthMayBeAskedWhileTrailsAreDiverted(t *testing.T) {
	r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
		d.Audit, d.RetryFor, d.Policy = &hydra.Audit{}, -1, hydra.Block
		r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
	})
	run, _, _ := strings.Cut(r.state().Trail, ".")
	assert.Equal(t, len(run), 8)
	done := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				got, _, _ := strings.Cut(r.Health().Destinations[0].Trail, ".")
				assert.Check(t, got == run, "got run %q, want %q", got, run)
			}
		}
	})
	for i := range 200 {
		r.log(i, i)
		if i%10 == 0 {
			_ = r.Flush(t.Context()) // an error if a record was still on its way to the fallback
		}
	}
	close(done)
	asking.Wait()
	_ = r.Close(t.Context()) // tells of what went to the fallback
	r.wantAccount(0, 200, 0, 0)
}
