// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// An auditor holds every reading of Health against the account and against the
// reading before it.
type auditor struct {
	rig      *rig
	started  atomic.Uint64 // calls of Handle
	finished atomic.Uint64
	last     hydra.DestinationHealth
	readings int
}

// audit reads once and returns what is wrong.
func (a *auditor) audit() error {
	finished := a.finished.Load()
	d := a.rig.Health().Destinations[0]
	started := a.started.Load()
	a.readings++
	if sum := d.Written + d.Fallback + d.Dropped + d.Rejected + d.Spooled + d.Pending; d.Offered != sum {
		return fmt.Errorf("offered %d is not %d: %+v", d.Offered, sum, d)
	}
	if lost := d.Losses.Oldest + d.Losses.Contended + d.Losses.FallbackFailed + d.Losses.Held; d.Dropped != lost {
		return fmt.Errorf("dropped %d is not %d: %+v", d.Dropped, lost, d.Losses)
	}
	if d.Offered < finished || d.Offered > started {
		return fmt.Errorf("offered %d, with %d calls finished before and %d started", d.Offered, finished, started)
	}
	before, now := counters(&a.last), counters(&d)
	for i := range now {
		if now[i] < before[i] {
			return fmt.Errorf("a counter went back: from %v to %v", before, now)
		}
	}
	a.last = d
	return nil
}

// start audits until the function that it returns is called, pausing now and then.
// That function returns what was wrong first, if anything.
func (a *auditor) start(pause time.Duration) (stop func() error) {
	stopped := make(chan struct{})
	audited := make(chan error, 1)
	go func() {
		for {
			for range 20 { // without a pause, against whatever runs meanwhile
				if err := a.audit(); err != nil {
					audited <- err
					return
				}
			}
			select {
			case <-stopped:
				audited <- a.audit()
				return
			case <-time.After(pause):
			}
		}
	}()
	return func() error {
		close(stopped)
		return <-audited
	}
}

// counters returns every number that may only grow.
func counters(d *hydra.DestinationHealth) [17]uint64 {
	return [...]uint64{
		d.Offered, d.Written, d.Fallback, d.Dropped, d.Rejected,
		d.Losses.Oldest, d.Losses.Contended, d.Losses.FallbackFailed, d.Losses.Held,
		d.Truncated, d.EncodeErrors, d.Bytes, d.Batches, d.Retries,
		d.PartialWrites, d.GapMarkers, uint64(d.Queue.Highest),
	}
}

// trouble returns a script that fails, stalls, panics and takes less than all, at
// random, in five of so many calls, until healed is set.
func trouble(seed uint64, healed *atomic.Bool, calls int) fault.Script {
	random := rand.New(rand.NewPCG(seed, seed))
	return func(int) fault.Action {
		if healed.Load() {
			return fault.Action{}
		}
		switch random.IntN(calls) {
		case 0:
			return fault.Fail(syscall.EIO)
		case 1:
			return fault.Panic("boom")
		case 2:
			return fault.Short(random.IntN(200), syscall.ENOSPC)
		case 3:
			return fault.Short(random.IntN(30), nil)
		case 4:
			released := make(chan struct{})
			time.AfterFunc(time.Duration(random.IntN(20))*time.Millisecond, func() { close(released) })
			return fault.Hang(released).Then(fault.Short(random.IntN(100), syscall.EAGAIN))
		}
		return fault.Action{}
	}
}

func TestEveryRecordIsInExactlyOneTerm(t *testing.T) {
	for _, policy := range []hydra.Policy{hydra.DropOldest, hydra.Block, hydra.Error} {
		for _, retryFor := range []time.Duration{-1, 20 * time.Millisecond, time.Hour} {
			for _, fallbackFails := range []bool{false, true} {
				name := fmt.Sprintf("%v, RetryFor %v, fallback fails %v", policy, retryFor, fallbackFails)
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { keepAccount(t, policy, retryFor, fallbackFails) })
				})
			}
		}
	}
}

// keepAccount logs from several goroutines through a troubled sink, with an auditor
// watching, and checks the account against what was written where.
func keepAccount(t *testing.T, policy hydra.Policy, retryFor time.Duration, fallbackFails bool) {
	const producers, each = 4, 600
	var healed atomic.Bool
	r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
		d.Policy, d.RetryFor = policy, retryFor
		d.BlockTimeout = 8 * time.Millisecond
		d.Queue = hydra.Queue{Records: 64, Bytes: 1 << 10}
		calls := 8
		if retryFor < 0 {
			calls = 40 // each breaks the sink for a second
		}
		r.sink.OnWrite = trouble(uint64(policy), &healed, calls)
		if fallbackFails {
			r.fallback.OnWrite = func(n int) fault.Action {
				return []fault.Action{{}, fault.Fail(syscall.EIO), fault.Short(3, syscall.EIO), fault.Panic("boom"), {}}[n%5]
			}
		}
	})
	a := &auditor{rig: r}
	stop := a.start(7 * time.Millisecond)
	var refused atomic.Uint64
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(p), 7))
			for i := range each {
				a.started.Add(1)
				if errors.Is(r.say(fmt.Sprintf("r%d.%d.", p, i)), hydra.ErrQueueFull) {
					refused.Add(1)
				}
				a.finished.Add(1)
				if random.IntN(20) == 0 {
					time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
				}
				if random.IntN(200) == 0 {
					time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
	healed.Store(true)
	time.Sleep(3 * time.Second) // a broken sink is mended
	err := r.Close(t.Context())
	assert.NilError(t, stop())
	d := a.last
	t.Logf("%d readings; %v; close: %v", a.readings, counters(&d), err)

	assert.Equal(t, d.Pending, uint64(0))
	assert.Equal(t, d.Offered, uint64(producers*each))
	assert.Equal(t, d.Rejected+d.Losses.Contended, refused.Load())
	assert.Equal(t, d.Bytes, uint64(len(r.sink.Bytes())))
	written := proveOrder(t, r.sink.Lines())
	diverted := proveOrder(t, nil, r.fallback.Lines()...)
	for record := range written {
		assert.Assert(t, !diverted[record], "%s is in the sink and in the fallback", record)
	}
	assert.Equal(t, uint64(len(written)), d.Written)
	assert.Equal(t, uint64(len(diverted)), d.Fallback)
	dropped, rejected, fallback := gaps(t, r.sink.Lines())
	assert.Equal(t, dropped, d.Dropped)
	assert.Equal(t, rejected, d.Rejected)
	assert.Equal(t, fallback, d.Fallback)
}

func TestAccountHoldsAtFullSpeed(t *testing.T) {
	const producers, each = 8, 5000
	for _, policy := range []hydra.Policy{hydra.DropOldest, hydra.Block, hydra.Error} {
		t.Run(policy.String(), func(t *testing.T) {
			var never atomic.Bool
			r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
				d.Policy, d.RetryFor = policy, time.Hour
				d.Queue = hydra.Queue{Records: 100, Bytes: 1 << 10}
				r.sink.OnWrite = trouble(1, &never, 400)
			})
			a := &auditor{rig: r}
			stop := a.start(time.Microsecond)
			var wg sync.WaitGroup
			for p := range producers {
				wg.Go(func() {
					for i := range each {
						a.started.Add(1)
						_ = r.say(fmt.Sprintf("r%d.%d.", p, i)) // the account knows
						a.finished.Add(1)
					}
				})
			}
			wg.Wait()
			_ = r.Close(t.Context()) // likewise
			assert.NilError(t, stop())
			d := a.last
			t.Logf("%d readings; %v", a.readings, counters(&d))
			written := proveOrder(t, r.sink.Lines())
			assert.Equal(t, d.Written, uint64(len(written)))
			assert.Equal(t, d.Offered, uint64(producers*each))
			assert.Equal(t, d.Written+d.Dropped+d.Rejected, d.Offered)
			dropped, rejected, _ := gaps(t, r.sink.Lines())
			assert.Equal(t, dropped, d.Dropped)
			assert.Equal(t, rejected, d.Rejected)
		})
	}
}

var numbered = regexp.MustCompile(`^r(\d+)\.(\d+)\.$`)

// proveOrder returns the records among lines and among others. None may be there
// twice, and in lines, which hold nothing else but gap markers, those of a
// producer must be in its order.
func proveOrder(t *testing.T, lines []string, others ...string) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	latest := make(map[string]int)
	for at, line := range append(lines, others...) {
		m := numbered.FindStringSubmatch(line)
		if m == nil {
			assert.Assert(t, at >= len(lines) || strings.HasPrefix(line, hydra.GapMessage), "torn: %q", line)
			continue
		}
		assert.Assert(t, !found[line], "%s is there twice", line)
		found[line] = true
		if at < len(lines) {
			i, _ := strconv.Atoi(m[2])
			before, ok := latest[m[1]]
			assert.Assert(t, !ok || before < i, "%s comes after %d", line, before)
			latest[m[1]] = i
		}
	}
	return found
}

// gaps adds up what the gap markers among lines tell.
func gaps(t *testing.T, lines []string) (dropped, rejected, fallback uint64) {
	t.Helper()
	for _, line := range lines {
		if told, ok := strings.CutPrefix(line, hydra.GapMessage); ok {
			var d, r, f uint64
			_, err := fmt.Sscanf(told, " dropped=%d rejected=%d fallback=%d", &d, &r, &f)
			assert.NilError(t, err)
			dropped, rejected, fallback = dropped+d, rejected+r, fallback+f
		}
	}
	return dropped, rejected, fallback
}
