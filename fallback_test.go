// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// closedRig returns a rig that is closed: every record goes to the fallback.
func closedRig(t *testing.T, script fault.Script) *rig {
	t.Helper()
	r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) { r.fallback.OnWrite = script })
	r.close()
	return r
}

func TestFallbackSaysWhatItDidNotTake(t *testing.T) {
	tests := []struct {
		name   string
		action fault.Action // of the second of three records
		says   string
		want   string
	}{
		{"works", fault.Action{}, "hydra: handler closed", "1\n22\n3\n"},
		{"fails", fault.Fail(syscall.ENOSPC), "no space left on device", "1\n3\n"},
		{"panics", fault.Panic("boom"), "panic: boom", "1\n3\n"},
		{"ends its goroutine", fault.Exit(), "runtime.Goexit", "1\n3\n"},
		{"writes short", fault.Short(1, nil), "short write", "1\n2\n3\n"},
		{"writes short with an error", fault.Short(2, syscall.ENOSPC), "no space left on device", "1\n22\n3\n"},
		{"less than nothing", fault.Short(-1, nil), "short write", "1\n3\n"},
		{"more than all", fault.Short(99, nil), "hydra: handler closed", "1\n22\n3\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := closedRig(t, fault.At(2, tt.action))
				assert.Equal(t, r.say("1"), hydra.ErrClosed)
				err := r.say("22")
				assert.ErrorContains(t, err, tt.says)
				assert.ErrorIs(t, err, hydra.ErrClosed)
				assert.Equal(t, r.say("3"), hydra.ErrClosed)
				assert.Equal(t, string(r.fallback.Bytes()), tt.want)
				lost := uint64(0)
				if err != hydra.ErrClosed {
					lost = 1
				}
				r.wantAccount(0, 3-lost, lost, 0)
				assert.Equal(t, r.state().Losses.FallbackFailed, lost)
			})
		})
	}
}

func TestLineThatTheFallbackTookHalfIsEndedBeforeTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := closedRig(t, fault.Steps(
			fault.Short(3, syscall.ENOSPC), // "123"
			fault.Fail(syscall.ENOSPC),
			fault.Short(1, syscall.ENOSPC), // the newline that ends it, and nothing more
			fault.Short(0, syscall.ENOSPC),
		))
		for range 6 {
			_ = r.say("12345") // the account is checked below
		}
		assert.Equal(t, string(r.fallback.Bytes()), "123\n12345\n12345\n")
		r.wantAccount(0, 2, 4, 0)
	})
}

func TestHangingFallbackCostsLogCallsASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := closedRig(t, fault.First(1, fault.Hang(released)))
		var wg sync.WaitGroup
		begin := time.Now()
		for range 50 {
			wg.Go(func() {
				assert.Check(t, r.say("1") != nil)
				assert.Check(t, time.Since(begin) == time.Second, "a log call waited %v", time.Since(begin))
			})
		}
		wg.Wait()
		for range 50 {
			assert.ErrorContains(t, r.say("2"), "has not returned for a second")
		}
		assert.Equal(t, time.Since(begin), time.Second, "once it hangs nobody waits")
		assert.Equal(t, len(r.fallback.Calls()), 1)
		close(released)
		synctest.Wait()
		assert.Equal(t, r.say("3"), hydra.ErrClosed)
		assert.DeepEqual(t, r.strays(), []string{"1", "3"}) // 1 counts as dropped: nobody knew
		r.wantAccount(0, 1, 100, 0)
	})
}

func TestSlowFallbackServesOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := closedRig(t, func(int) fault.Action {
			slow := make(chan struct{})
			time.AfterFunc(300*time.Millisecond, func() { close(slow) })
			return fault.Hang(slow)
		})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { _ = r.say("1") })
		}
		wg.Wait()
		// Three had their turn within a second, one got it in time to be served;
		// the others did not.
		d := r.state()
		assert.Equal(t, d.Fallback, uint64(4))
		assert.Equal(t, d.Dropped, uint64(6))
		assert.Equal(t, len(r.strays()), 4)
	})
}

func TestRecordTooLargeForTheQueueGoesToTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, policy := range []hydra.Policy{hydra.DropOldest, hydra.Block, hydra.Error} {
			r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) {
				d.Policy, d.Queue.Bytes = policy, 100
			})
			large := strings.Repeat("x", 100) // and a newline
			r.log(1, 1)
			assert.NilError(t, r.say(large))
			assert.NilError(t, r.Flush(t.Context())) // all the room is needed
			assert.NilError(t, r.say(large[1:]))
			r.close()
			assert.DeepEqual(t, r.strays(), []string{large})
			assert.Equal(t, len(r.seen(hydra.EventTooLarge)), 1)
			assert.Equal(t, r.state().TooLarge, uint64(1))
			lines := r.sink.Lines()
			assert.Equal(t, lines[len(lines)-1], large[1:])
			r.wantAccount(2, 1, 0, 0)
		}
	})
}

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
