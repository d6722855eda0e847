// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// A chain is a handler with destinations a, b and c, of which a falls back to b, b to
// c, and c to Config.Fallback. Each is in the layer of its name. Their sinks fail
// while they are down.
type chain struct {
	*hydra.Handler
	t        *testing.T
	sinks    map[string]*fault.Sink
	down     map[string]*atomic.Bool
	fallback *fault.Writer
	events   chan hydra.Event
}

func newChain(t *testing.T, set func(c *chain, cfg *hydra.Config)) *chain {
	t.Helper()
	c := &chain{
		t:        t,
		sinks:    make(map[string]*fault.Sink),
		down:     make(map[string]*atomic.Bool),
		fallback: &fault.Writer{},
		events:   make(chan hydra.Event, 1000),
	}
	cfg := hydra.Config{
		MemoryLimit: -1, Fallback: c.fallback, Layers: make(map[string]hydra.Layer),
		OnEvent: func(e hydra.Event) { c.events <- e },
	}
	next := map[string]string{"a": "b", "b": "c"}
	for _, name := range []string{"a", "b", "c"} {
		down := new(atomic.Bool)
		c.down[name] = down
		c.sinks[name] = &fault.Sink{OnWrite: func(int) fault.Action {
			if down.Load() {
				return fault.Fail(syscall.ENOSPC)
			}
			return fault.Action{}
		}}
		cfg.Layers[name] = hydra.Layer{Destinations: []hydra.Destination{{
			Name: name, Sink: c.sinks[name], Format: lines{}, RetryFor: -1, Fallback: next[name],
		}}}
	}
	if set != nil {
		set(c, &cfg)
	}
	c.Handler = hydra.NewHandler(cfg)
	t.Cleanup(func() { _ = c.Close(ended()) }) // of a test that failed
	t.Cleanup(func() {
		for name, s := range c.sinks {
			assert.Check(t, s.Breaches() == nil, "%s: %v", name, s.Breaches())
		}
	})
	return c
}

// change edits the destination of a layer in a Config.
func change(cfg *hydra.Config, layer string, edit func(d *hydra.Destination)) {
	edit(&cfg.Layers[layer].Destinations[0])
}

// say logs one record to a layer and returns what Handle does.
func (c *chain) say(layer, message string) error {
	return say(c.WithAttrs([]slog.Attr{slog.String("layer", layer)}).(*hydra.Handler), message)
}

// log logs numbers to a layer, which must take them.
func (c *chain) log(layer string, first, last int) {
	c.t.Helper()
	for i := first; i <= last; i++ {
		assert.NilError(c.t, c.say(layer, strconv.Itoa(i)))
	}
}

// state returns the health of a destination, whose account must be exact.
func (c *chain) state(name string) hydra.DestinationHealth {
	c.t.Helper()
	all := c.Health().Destinations
	d := all[slices.IndexFunc(all, func(d hydra.DestinationHealth) bool { return d.Name == name })]
	assert.Equal(c.t, d.Offered, d.Written+d.Fallback+d.Dropped+d.Rejected+d.Spooled+d.Pending)
	return d
}

// wantAccount checks what a destination was offered and what became of it.
func (c *chain) wantAccount(name string, offered, written, fallback, dropped uint64) {
	c.t.Helper()
	d := c.state(name)
	got := [...]uint64{d.Offered, d.Written, d.Fallback, d.Dropped}
	if want := [...]uint64{offered, written, fallback, dropped}; got != want {
		c.t.Errorf("account of %s: got %v, want %v (offered, written, fallback, dropped)", name, got, want)
	}
}

func (c *chain) wantLines(name string, want ...[]string) {
	c.t.Helper()
	assert.DeepEqual(c.t, c.sinks[name].Lines(), join(want...))
}

func TestFault13RecordsGoDownTheChainAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, nil)
		const recovery = 1100 * time.Millisecond // a try a second
		c.log("a", 1, 2)
		settle()
		c.down["a"].Store(true)
		c.log("a", 3, 4)
		settle()
		c.down["b"].Store(true)
		c.log("a", 5, 6)
		settle()
		c.down["c"].Store(true)
		c.log("a", 7, 8)
		settle()
		c.wantLines("a", numbers(1, 2))
		c.wantLines("b", numbers(3, 4))
		c.wantLines("c", numbers(5, 6))
		assert.DeepEqual(t, strays(c.fallback), numbers(7, 8))

		c.down["c"].Store(false)
		time.Sleep(recovery)
		c.log("a", 9, 10)
		settle()
		c.wantLines("c", numbers(5, 6), gap(0, 0, 2), numbers(9, 10))
		c.down["b"].Store(false)
		time.Sleep(recovery)
		c.log("a", 11, 12)
		settle()
		c.wantLines("b", numbers(3, 4), gap(0, 0, 6), numbers(11, 12))
		c.down["a"].Store(false)
		time.Sleep(recovery)
		c.log("a", 13, 14)
		assert.NilError(t, c.Close(t.Context()))
		c.wantLines("a", numbers(1, 2), gap(0, 0, 10), numbers(13, 14))

		c.wantAccount("a", 14, 4, 10, 0)
		c.wantAccount("b", 10, 4, 6, 0)
		c.wantAccount("c", 6, 4, 2, 0)
	})
}

func TestFault16OneDestinationStandsInForSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, func(c *chain, cfg *hydra.Config) {
			change(cfg, "a", func(d *hydra.Destination) { d.Fallback = "c" })
			for _, name := range []string{"a", "b"} {
				c.sinks[name].OnWrite = fault.Always(fault.Fail(syscall.EROFS))
			}
		})
		for i := range 100 {
			for p, layer := range []string{"a", "b", "c"} {
				assert.NilError(t, c.say(layer, "r"+strconv.Itoa(p)+"."+strconv.Itoa(i)+"."))
			}
		}
		_ = c.Close(t.Context()) // an error where something took the fallback only now
		assert.Equal(t, c.state("a").Errors[0].Kind, "read-only")
		assert.Equal(t, len(proveOrder(t, c.sinks["c"].Lines())), 300)
		c.wantAccount("a", 100, 0, 100, 0)
		c.wantAccount("b", 100, 0, 100, 0)
		c.wantAccount("c", 300, 300, 0, 0)
		assert.DeepEqual(t, strays(c.fallback), []string(nil))
	})
}

func TestNewsSayWhereRecordsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, nil)
		c.down["a"].Store(true)
		c.down["c"].Store(true)
		c.log("a", 1, 1)
		c.log("c", 2, 2)
		settle()
		got := make(map[string]string)
		for range 2 {
			e := <-c.events
			assert.Equal(t, e.Kind, hydra.EventBroken)
			got[e.Destination] = e.Fallback
		}
		assert.DeepEqual(t, got, map[string]string{"a": "b", "c": ""})
		assert.Assert(t, strings.Contains(string(c.fallback.Bytes()), `"destination":"a","fallback":"b"`))
		assert.Assert(t, strings.Contains(string(c.fallback.Bytes()), `"destination":"c","error"`))
		for name, want := range map[string]string{"a": "b", "b": "c", "c": ""} {
			assert.Equal(t, c.state(name).FallbackTo, want)
		}
	})
}

func TestFallbackThatNoDestinationCanBeIsAMistake(t *testing.T) {
	const way = `; leave one of these empty for Config.Fallback`
	tests := []struct {
		name string
		next map[string]string
		want []string
	}{
		{"unknown", map[string]string{"a": "x"}, []string{
			`hydra: Layers["a"].Destinations[0].Fallback: no destination has the name "x"; use one of "b", "c", "default/0", or leave it empty for Config.Fallback`,
		}},
		{"itself", map[string]string{"b": "b"}, []string{
			`hydra: Layers["b"].Destinations[0].Fallback: "b" is this destination itself; name another, or leave it empty for Config.Fallback`,
		}},
		{"each other", map[string]string{"a": "b", "b": "a"}, []string{
			`hydra: Layers["b"].Destinations[0].Fallback: "a" leads back here (b -> a -> b)` + way,
		}},
		{"in a circle", map[string]string{"a": "b", "b": "c", "c": "a"}, []string{
			`hydra: Layers["c"].Destinations[0].Fallback: "a" leads back here (c -> a -> b -> c)` + way,
		}},
		{"into a circle", map[string]string{"a": "b", "b": "c", "c": "b"}, []string{
			`hydra: Layers["c"].Destinations[0].Fallback: "b" leads back here (c -> b -> c)` + way,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var config hydra.Config
				c := newChain(t, func(c *chain, cfg *hydra.Config) {
					for _, name := range []string{"a", "b", "c"} {
						change(cfg, name, func(d *hydra.Destination) { d.Fallback = tt.next[name] })
						c.down[name].Store(true)
					}
					config = *cfg
				})
				_, err := hydra.Open(config)
				assert.Error(t, err, strings.Join(tt.want, "\n"))
				for _, want := range tt.want {
					e := <-c.events
					assert.Equal(t, e.Kind, hydra.EventMistake)
					assert.Error(t, e.Err, want)
				}
				// The handler goes on, and brings every record to an end.
				for _, name := range []string{"a", "b", "c"} {
					c.log(name, 1, 10)
				}
				_ = c.Close(t.Context()) // an error where something took the fallback only now
				assert.Equal(t, len(strays(c.fallback)), 30)
			})
		})
	}
}

func TestFullDestinationNeverHoldsUpTheOneItStandsInFor(t *testing.T) {
	tests := []struct {
		policy hydra.Policy
		b      []string // what its sink gets
		c      []string // and the next one's
	}{
		{hydra.DropOldest, join(numbers(1, 1), gap(5, 0, 0), numbers(7, 10)), nil},
		{hydra.Block, join(numbers(1, 1), gap(0, 0, 5), numbers(2, 5)), numbers(6, 10)},
		{hydra.Error, join(numbers(1, 1), gap(0, 0, 5), numbers(2, 5)), numbers(6, 10)},
	}
	for _, tt := range tests {
		t.Run(tt.policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				c := newChain(t, func(c *chain, cfg *hydra.Config) {
					change(cfg, "b", func(d *hydra.Destination) { d.Policy, d.Queue.Records = tt.policy, 4 })
					c.sinks["b"].OnWrite = fault.First(1, fault.Stall(released))
				})
				c.down["a"].Store(true)
				c.log("a", 1, 1)
				settle()
				c.log("a", 2, 10)
				settle()
				assert.Equal(t, c.state("a").Pending, uint64(0))
				c.wantLines("c", tt.c)
				assert.Equal(t, (<-c.events).Kind, hydra.EventBroken)
				high := <-c.events
				assert.Equal(t, high.Kind, hydra.EventQueueHigh)
				assert.Equal(t, high.Destination, "b")
				close(released)
				assert.NilError(t, c.Close(t.Context()))
				c.wantLines("b", tt.b)
				c.wantAccount("a", 10, 0, 10, 0)
				c.wantAccount("b", 10, 5, uint64(len(tt.c)), uint64(5-len(tt.c)))
			})
		})
	}
}

func TestRecordTooLargeForTheNextDestinationGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, func(_ *chain, cfg *hydra.Config) {
			change(cfg, "b", func(d *hydra.Destination) { d.Queue.Bytes = 64 })
		})
		c.down["a"].Store(true)
		large := strings.Repeat("x", 64) // and a newline
		for _, message := range []string{"1", large, "2"} {
			assert.NilError(t, c.say("a", message))
			settle()
		}
		assert.NilError(t, c.Close(t.Context()))
		c.wantLines("b", numbers(1, 1), gap(0, 0, 1), numbers(2, 2))
		c.wantLines("c", []string{large})
		c.wantAccount("b", 3, 2, 1, 0)
		assert.Equal(t, (<-c.events).Kind, hydra.EventBroken)
		e := <-c.events
		assert.Equal(t, e.Kind, hydra.EventTooLarge)
		assert.Equal(t, e.Destination, "b")
	})
}

func TestRecordThatEveryWayOutRefusedIsDroppedWhereItCameLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, func(c *chain, cfg *hydra.Config) {
			c.fallback.OnWrite = fault.Always(fault.Fail(syscall.EIO))
			for _, name := range []string{"a", "b", "c"} {
				c.down[name].Store(true)
			}
		})
		c.log("a", 1, 10)
		_ = c.Close(t.Context()) // as above
		c.wantAccount("a", 10, 0, 10, 0)
		c.wantAccount("b", 10, 0, 10, 0)
		c.wantAccount("c", 10, 0, 0, 10)
		assert.Equal(t, c.state("c").Losses.FallbackFailed, uint64(10))
	})
}

func TestRecordThatFindsNoRoomAndNoFallbackIsDroppedByTheNextDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		c := newChain(t, func(c *chain, cfg *hydra.Config) {
			c.fallback.OnWrite = fault.Always(fault.Fail(syscall.EIO))
			change(cfg, "a", func(d *hydra.Destination) { d.Fallback = "c" })
			change(cfg, "c", func(d *hydra.Destination) { d.Policy, d.Queue.Records = hydra.Block, 4 })
			c.sinks["c"].OnWrite = fault.First(1, fault.Stall(released))
		})
		c.down["a"].Store(true)
		c.log("a", 1, 1)
		settle()
		c.log("a", 2, 10)
		settle()
		c.wantAccount("a", 10, 0, 10, 0)
		c.wantAccount("c", 10, 0, 0, 5)
		assert.Assert(t, strings.HasPrefix(c.state("c").Errors[0].Last, "fallback: "))
		close(released)
		assert.NilError(t, c.Close(t.Context()))
		c.wantLines("c", numbers(1, 1), gap(5, 0, 0), numbers(2, 5))
	})
}

func TestTornRecordGoesToTheNextDestinationWholeAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, func(c *chain, cfg *hydra.Config) {
			c.sinks["a"].OnWrite = func(n int) fault.Action {
				if n == 1 {
					return fault.Short(1, syscall.ENOSPC)
				}
				return fault.Fail(syscall.ENOSPC)
			}
		})
		assert.NilError(t, c.say("a", "torn"))
		settle()
		c.log("a", 1, 3)
		settle()
		_ = c.Close(t.Context()) // an error where something took the fallback only now
		c.wantLines("a", []string{"t"})
		c.wantLines("b", numbers(1, 3), []string{"torn"})
		c.wantAccount("a", 4, 0, 4, 0)
		c.wantAccount("b", 4, 4, 0, 0)
	})
}

func TestRecordFromSyncLevelUpIsReportedWhenItTakesTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChain(t, func(_ *chain, cfg *hydra.Config) {
			change(cfg, "a", func(d *hydra.Destination) { d.SyncLevel = slog.LevelInfo })
		})
		c.down["a"].Store(true)
		err := c.say("a", "1")
		assert.ErrorIs(t, err, syscall.ENOSPC)
		assert.Equal(t, delivery(t, err).Fallback, uint64(1))
		settle()
		c.wantLines("b", numbers(1, 1))
	})
}
