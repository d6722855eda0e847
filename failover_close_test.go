// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestCloseBringsWhatAStuckSinkLeavesToTheNextDestination(t *testing.T) {
	for _, timeout := range []time.Duration{0, 50 * time.Millisecond, time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			released := make(chan struct{})
			c := newChain(t, func(c *chain, _ *hydra.Config) {
				c.sinks["a"].OnWrite = fault.Always(fault.Hang(released))
			})
			c.log("a", 1, 1)
			settle()
			c.log("a", 2, 5)
			c.log("b", 6, 6)
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(timeout / 2)
				if timeout > 0 {
					assert.Check(t, errors.Is(c.say("b", "7"), hydra.ErrClosed))
				}
			})
			begin := time.Now()
			err := c.Close(ending(t, timeout))
			assert.Assert(t, time.Since(begin) <= max(timeout, 200*time.Millisecond), "took %v", time.Since(begin))
			wg.Wait()
			assert.ErrorContains(t, err, `destination "a": 0 written, 4 to the fallback, 0 dropped, 1 unknown (the sink has not returned)`)
			late := min(uint64(timeout), 1)
			c.wantLines("b", numbers(6, 6), gap(0, 0, 1)[:late], numbers(2, 5))
			c.wantAccount("b", 5+late, 5, late, 0)
			assert.Equal(t, len(strays(c.fallback)), int(late))
			close(released)
			synctest.Wait()
			c.wantAccount("a", 5, 1, 4, 0)
		})
	}
}

func TestCloseBringsWhatAStuckNextDestinationHasFurtherOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		c := newChain(t, func(c *chain, _ *hydra.Config) {
			c.sinks["b"].OnWrite = fault.Always(fault.Hang(released))
		})
		c.down["a"].Store(true)
		c.log("a", 1, 1)
		settle()
		c.log("a", 2, 5)
		settle()
		begin := time.Now()
		err := c.Close(ending(t, time.Second))
		assert.Assert(t, time.Since(begin) <= time.Second)
		assert.ErrorContains(t, err, `destination "b": 0 written, 4 to the fallback, 0 dropped, 1 unknown (the sink has not returned)`)
		c.wantLines("c", numbers(2, 5))
		close(released)
		synctest.Wait()
		c.wantAccount("b", 5, 1, 4, 0)
		c.wantAccount("c", 4, 4, 0, 0)
	})
}

func TestCloseTurnsAwayWhoWaitsForRoomInTheNextDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		c := newChain(t, func(c *chain, cfg *hydra.Config) {
			change(cfg, "b", func(d *hydra.Destination) { d.Policy, d.Queue.Records = hydra.Block, 1 })
			c.sinks["b"].OnWrite = fault.First(1, fault.Stall(released))
			c.sinks["a"].OnWrite = fault.First(1, fault.Stall(released)) // which keeps b open
		})
		c.log("a", 1, 1)
		c.log("b", 2, 2)
		settle()
		c.log("b", 3, 3)
		refused := make(chan error)
		go func() { refused <- c.say("b", "4") }()
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- c.Close(t.Context()) }()
		assert.Equal(t, <-refused, hydra.ErrClosed)
		assert.DeepEqual(t, strays(c.fallback), numbers(4, 4))
		close(released)
		assert.NilError(t, <-closed)
		c.wantLines("b", numbers(2, 2), gap(0, 0, 1), numbers(3, 3))
	})
}

func TestRecordsOfASinkThatEndsItsWriterGoToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &callerSink{call: func(op string) {
			if op == fault.Write {
				runtime.Goexit()
			}
		}}
		c := newChain(t, func(_ *chain, cfg *hydra.Config) {
			change(cfg, "a", func(d *hydra.Destination) { d.Sink = s })
		})
		c.log("a", 1, 1)
		settle()
		c.log("a", 2, 5)
		settle()
		assert.NilError(t, c.Close(t.Context()))
		c.wantLines("b", numbers(1, 5))
	})
}

// Whatever fails in a chain, each record is in exactly one place, or counted as
// dropped by the destination that had it last.
func TestFault13EveryRecordIsInOneStreamOfTheChain(t *testing.T) {
	for seed := range uint64(4) {
		for _, policy := range []hydra.Policy{hydra.DropOldest, hydra.Block, hydra.Error} {
			t.Run(policy.String()+strconv.Itoa(int(seed)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { keepChain(t, seed, policy, 300, time.Millisecond) })
			})
		}
	}
}

// The same in real time, with Close in the middle of it.
func TestFault13ChainThatIsClosedUnderLoadLosesNothing(t *testing.T) {
	for seed := range uint64(3) {
		for _, policy := range []hydra.Policy{hydra.DropOldest, hydra.Block, hydra.Error} {
			keepChain(t, seed, policy, 2000, 0)
		}
	}
}

// keepChain logs to every destination of a chain whose sinks are in trouble. With a
// pause between records it closes the handler when all is logged, otherwise while
// producers are at work.
func keepChain(t *testing.T, seed uint64, policy hydra.Policy, each int, pause time.Duration) {
	layers := []string{"a", "b", "c", "a"}
	var healed atomic.Bool
	c := newChain(t, func(c *chain, cfg *hydra.Config) {
		for i, name := range []string{"a", "b", "c"} {
			change(cfg, name, func(d *hydra.Destination) {
				d.Policy, d.Queue = policy, hydra.Queue{Records: 64, Bytes: 1 << 10}
				d.BlockTimeout = 2 * time.Millisecond
			})
			c.sinks[name].OnWrite = trouble(10*seed+uint64(i), &healed, 20)
		}
	})
	stopped := make(chan struct{})
	var audit sync.WaitGroup
	audit.Go(func() {
		auditChain(t, c, stopped, max(pause, 100*time.Microsecond))
	})
	var refused, late atomic.Uint64
	var wg sync.WaitGroup
	for p, layer := range layers {
		wg.Go(func() {
			for i := range each {
				if pause == 0 && p == 0 && i == each-1 { // which Close comes before
					for c.Health().Phase < hydra.PhaseCleaning {
						runtime.Gosched()
					}
				}
				err := c.say(layer, "r"+strconv.Itoa(p)+"."+strconv.Itoa(i)+".")
				if errors.Is(err, hydra.ErrQueueFull) {
					refused.Add(1)
				}
				if errors.Is(err, hydra.ErrClosed) {
					late.Add(1)
				}
				if pause > 0 {
					time.Sleep(pause)
				} else if p == 0 && i == each/2 {
					go func() { _ = c.Close(context.Background()) }() // the account is checked below
					for c.Health().Phase == hydra.PhaseRunning {
						runtime.Gosched()
					}
				}
			}
		})
	}
	wg.Wait()
	if pause > 0 {
		healed.Store(true)
		time.Sleep(3 * time.Second) // broken sinks are mended
		c.log("a", 1, 1)
	}
	_ = c.Close(context.Background()) // as above
	close(stopped)
	audit.Wait()

	all := make(map[string]bool)
	put := func(records map[string]bool) {
		for r := range records {
			assert.Assert(t, !all[r], "%s is in two places", r)
			all[r] = true
		}
	}
	dropped, rejected := uint64(0), uint64(0)
	for _, name := range []string{"a", "b", "c"} {
		d := c.state(name)
		assert.Equal(t, d.Pending, uint64(0))
		whole := c.sinks[name].Bytes()
		whole = whole[:bytes.LastIndexByte(whole, '\n')+1] // the rest is torn, and whole elsewhere
		found := proveOrder(t, nil, strings.Split(string(whole), "\n")...)
		put(found)
		if pause == 0 || name != "a" {
			assert.Equal(t, uint64(len(found)), d.Written)
		}
		dropped, rejected = dropped+d.Dropped, rejected+d.Rejected
	}
	put(proveOrder(t, nil, strays(c.fallback)...))
	assert.Equal(t, uint64(len(all))+dropped+rejected, uint64(len(layers)*each))
	if policy == hydra.DropOldest && pause > 0 {
		assert.Equal(t, c.state("b").Offered, uint64(each)+c.state("a").Fallback)
		assert.Equal(t, c.state("c").Offered, uint64(each)+c.state("b").Fallback)
	}
	if policy == hydra.Error {
		assert.Equal(t, rejected, refused.Load())
	}
	if pause == 0 {
		assert.Assert(t, late.Load() > 0, "Close came after everything")
	}
	assert.Assert(t, c.state("a").Fallback > 0 || pause == 0, "nothing went down the chain")
}

// auditChain holds every reading of Health against the account until stopped.
func auditChain(t *testing.T, c *chain, stopped <-chan struct{}, pause time.Duration) {
	before := make(map[string][17]uint64)
	for {
		for _, d := range c.Health().Destinations {
			now := counters(&d)
			for i, n := range before[d.Name] {
				assert.Check(t, now[i] >= n, "%s: a counter went back: from %v to %v", d.Name, before[d.Name], now)
			}
			before[d.Name] = now
			assert.Check(t, d.Offered == d.Written+d.Fallback+d.Dropped+d.Rejected+d.Spooled+d.Pending, "%+v", d)
		}
		select {
		case <-stopped:
			return
		case <-time.After(pause):
		}
	}
}
