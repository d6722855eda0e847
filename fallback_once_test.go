// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestAFallbackThatFailsOnceLosesOneWrite(t *testing.T) {
	for fails := range 4 { // one of the first writes is news
		t.Run(fmt.Sprint(fails), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fault.Writer{}
				released := make(chan struct{})
				r := newRig(t, func(r *rig, d *hydra.Destination, c *hydra.Config) {
					d.RetryFor, d.Queue.Records = -1, 1<<16
					c.Fallback = w
					// The first waits until the queue is full; then it is quick, and then broken.
					d.Sink = regular{r.sink}
					r.sink.OnWrite = fault.Steps(fault.Hang(released), fault.Action{}, fault.Action{}, fault.Action{}, fault.Fail(syscall.EIO))
					w.OnWrite = func(n int) fault.Action {
						if n == fails {
							return fault.Fail(syscall.ENOSPC)
						}
						return fault.Action{}
					}
				})
				assert.NilError(t, r.say("first"))
				settle()
				for range 10_000 {
					assert.NilError(t, r.say(strings.Repeat("x", 199)))
				}
				close(released)
				time.Sleep(time.Minute)
				_ = r.Close(context.Background())
				d := r.state()
				assert.Check(t, d.Dropped <= 64<<10/200+1, "one write of the fallback failed, and %d records of 200 bytes are lost", d.Dropped)
			})
		})
	}
}
