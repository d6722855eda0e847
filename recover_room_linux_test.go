// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// A small durable queue with Audit is full when its process ends. A run that the next one
// recovers, with trails on its lines, has to fit the room for the batch in flight that the
// ring of that queue has, or whoever comes after a death just then brings it once more.
func TestAFullQueueWithATrailIsRecoveredOnceWhereverThatEnds(t *testing.T) {
	for _, size := range []int64{256 << 10, 384 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				small := func(d *hydra.Destination) {
					d.Audit = &hydra.Audit{Key: auditKey}
					d.Queue = hydra.Queue{Records: 1 << 14, Bytes: size}
				}
				first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
					small(d)
					r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
				})
				const length = 256
				record := func(i int) string { // and the newline
					return fmt.Sprintf("record %08d %s", i, strings.Repeat("x", length-1-16))
				}
				n := 0
				add := func() { assert.NilError(t, first.say(record(n))); n++ }
				add()
				settle() // in flight for good
				for records := int(size) / length; n <= records; {
					add()
				}
				_ = first.Close(ended())

				var moments []moment
				s := &tape{}
				s.step = func() { moments = append(moments, moment{copyDir(t, dir), bytes.Clone(s.bytes), nil, n}) }
				d := recoverAll(t, dir, s, small)
				for _, e := range d.Errors {
					t.Errorf("error of kind %v while it recovered: %s", e.Kind, e.Last)
				}
				for i, m := range moments {
					next := &tape{bytes: m.sink}
					recoverAll(t, m.dir, next, small)
					found := make(map[string]int)
					for line := range strings.Lines(string(next.bytes)) {
						found[line[:min(len(line), len("record 00000000"))]]++
					}
					for k := range n {
						if got := found[fmt.Sprintf("record %08d", k)]; got != 1 {
							t.Fatalf("it ended at step %d of %d: record %d is there %d times, want once; the trail is %v", i, len(moments), k, got, audited(t, next.bytes).Verdict)
						}
					}
					assert.Equal(t, string(audited(t, next.bytes).Verdict), "proven", "step %d", i)
				}
			})
		})
	}
}
