// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestQueueThatPasses80PercentIsNewsOnce(t *testing.T) {
	tests := []struct {
		name  string
		queue hydra.Queue
	}{
		{"of records", hydra.Queue{Records: 100}},
		{"of bytes", hydra.Queue{Bytes: 100 * int64(len("1000\n"))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
					d.Queue = tt.queue
					r.sink.OnWrite = func(int) fault.Action { return fault.Stall(released) }
				})
				fill := func(records int) int {
					r.log(1000, 1000)
					settle()
					r.log(1001, 1000+records)
					settle()
					return len(r.seen(hydra.EventQueueHigh))
				}
				assert.Equal(t, fill(80), 0)
				assert.Equal(t, r.state().Status, hydra.StatusOK)
				r.log(2001, 2019)
				settle()
				high := r.seen(hydra.EventQueueHigh)
				assert.Equal(t, len(high), 1)
				assert.Equal(t, high[0].Destination, "d")
				assert.Equal(t, high[0].Count, uint64(81))
				assert.Equal(t, r.state().Status, hydra.StatusDegraded)
				assert.Equal(t, r.state().Queue.Highest, 99)
				released <- struct{}{}
				released <- struct{}{}
				assert.NilError(t, r.Flush(t.Context()))
				assert.Equal(t, r.state().Status, hydra.StatusOK)
				assert.Equal(t, fill(90), 2, "it is news again when it was empty meanwhile")
				close(released)
				r.close()
			})
		})
	}
}

func TestNewsReachesTheFallbackOnceInTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) { d.Queue.Bytes = 20 })
		large := strings.Repeat("x", 40)
		for range 15 { // one a second
			assert.NilError(t, r.say(large))
			time.Sleep(time.Second)
		}
		assert.Equal(t, len(r.seen(hydra.EventTooLarge)), 15, "the callback is told all")
		r.close()
		news := r.news()
		assert.Equal(t, len(news), 3)
		var first, second, rest struct {
			Level, Msg, Destination, Error string
			Records, Untold                int
		}
		assert.NilError(t, json.Unmarshal([]byte(news[0]), &first))
		assert.NilError(t, json.Unmarshal([]byte(news[1]), &second))
		assert.NilError(t, json.Unmarshal([]byte(news[2]), &rest))
		assert.Equal(t, first.Level, "WARN")
		assert.Equal(t, first.Msg, string(hydra.EventTooLarge))
		assert.Equal(t, first.Destination, "d")
		assert.Equal(t, first.Records, 1)
		assert.Equal(t, first.Untold, 0)
		assert.Equal(t, second.Records, 10)
		assert.Equal(t, second.Untold, 9)
		assert.Equal(t, rest.Records, 4, "what was left out before Close")
		assert.Equal(t, rest.Untold, 4)
		assert.Equal(t, rest.Error, second.Error, "of the last that was left out")
		assert.Assert(t, strings.Contains(second.Error, "41 bytes"), "got %s", second.Error)
		r.wantAccount(0, 15, 0, 0)
	})
}

func TestQueueLengthsAreNotAddedUpInTheNews(t *testing.T) {
	const cause = "the queue is more than 80 % full; policy DropOldest acts when it is"
	for _, tt := range []struct {
		name  string
		sizes []int         // of the records that fill the queue, one time after the other
		pause time.Duration // before the last time
		most  int           // which of these times has most records, the first apart
	}{
		{"at Close", []int{10, 40, 20, 80}, 0, 2},
		{"with the next, that has fewer", []int{10, 40, 20, 80}, 10 * time.Second, 2},
		{"with the next, that has more", []int{10, 40, 80, 20}, 10 * time.Second, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
					d.Queue.Bytes = 1000
					r.sink.OnWrite = func(int) fault.Action { return fault.Stall(released) }
				})
				for i, size := range tt.sizes {
					if i == len(tt.sizes)-1 {
						time.Sleep(tt.pause)
					}
					text := strings.Repeat("x", size-1)
					assert.NilError(t, r.say(text)) // which the sink does not return from
					settle()
					for len(r.seen(hydra.EventQueueHigh)) == i {
						assert.NilError(t, r.say(text))
						synctest.Wait()
					}
					released <- struct{}{}
					released <- struct{}{}
					assert.NilError(t, r.Flush(t.Context()))
				}
				close(released)
				r.close()

				most := r.seen(hydra.EventQueueHigh)[tt.most].Count
				for i, e := range r.seen(hydra.EventQueueHigh)[1:] {
					assert.Assert(t, i+1 == tt.most || e.Count < most, "got %d and %d", e.Count, most)
				}
				assert.Equal(t, len(r.news()), 2)
				var summary struct {
					Msg, Destination, Error string
					Records                 uint64
				}
				assert.NilError(t, json.Unmarshal([]byte(r.news()[1]), &summary))
				assert.Equal(t, summary.Msg, string(hydra.EventQueueHigh))
				assert.Equal(t, summary.Destination, "d")
				assert.Equal(t, summary.Records, most)
				assert.Equal(t, summary.Error, cause)
			})
		})
	}
}

func TestEachKindAndDestinationIsNewsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fallback := &fault.Writer{}
		var all []hydra.Destination
		for i := range 3 {
			all = append(all, hydra.Destination{
				Name: fmt.Sprint(i), Format: lines{}, Queue: hydra.Queue{Bytes: 20}, RetryFor: -1,
				Sink: &fault.Sink{OnOpen: fault.Always(fault.Fail(syscall.EACCES))},
			})
		}
		h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: fallback, Layers: map[string]hydra.Layer{"default": {Destinations: all}}})
		assert.NilError(t, say(h, strings.Repeat("x", 40)))
		assert.NilError(t, h.Close(t.Context()))
		text := string(fallback.Bytes())
		for i := range 3 {
			for _, kind := range []hydra.EventKind{hydra.EventBroken, hydra.EventTooLarge} {
				want := fmt.Sprintf(`"msg":%q,"destination":"%d"`, kind, i)
				assert.Equal(t, strings.Count(text, want), 1, "%s in %s", want, text)
			}
		}
	})
}

func TestNewsOfAPanicSaysWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.RetryFor = -1
			r.sink.OnWrite = fault.First(1, fault.Panic("boom"))
		})
		r.log(1, 1)
		settle()
		assert.Equal(t, len(r.news()), 1)
		assert.Assert(t, strings.Contains(r.news()[0], `"error":"panic: boom","stack":"`), "got %s", r.news()[0])
		assert.Assert(t, strings.Contains(r.news()[0], "internal/fault/fault.go:"), "got %s", r.news()[0])
		r.close()
	})
}

func TestMistakesAreAllTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *rig, d *hydra.Destination, c *hydra.Config) {
			d.Queue = hydra.Queue{Records: -1, Bytes: -1}
			d.BlockTimeout = -1
		})
		r.close()
		assert.Equal(t, len(r.seen(hydra.EventMistake)), 3)
		assert.Equal(t, len(r.news()), 3)
	})
}

func TestCallbacksThatMisbehaveDoNoHarm(t *testing.T) {
	tests := []struct {
		name   string
		action func(never chan struct{})
		missed uint64
		events int
	}{
		{"panics", func(chan struct{}) { panic("boom") }, 300, 300},
		{"ends its goroutine", func(chan struct{}) { runtime.Goexit() }, 300, 300},
		{"is slow", func(chan struct{}) { time.Sleep(time.Second) }, 300 - 1 - 256, 257},
		{"never returns", func(never chan struct{}) { <-never }, 300 - 1 - 256, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				never, called := make(chan struct{}), 0
				r := newRig(t, func(_ *rig, d *hydra.Destination, c *hydra.Config) {
					d.Queue.Bytes, c.CloseTimeout = 20, time.Hour
					c.OnEvent = func(hydra.Event) {
						called++
						tt.action(never)
					}
				})
				begin := time.Now()
				for range 300 {
					assert.NilError(t, r.say(strings.Repeat("x", 40)))
					synctest.Wait()
				}
				r.log(1, 1)
				assert.NilError(t, r.Flush(t.Context()))
				assert.Equal(t, time.Since(begin), time.Duration(0))
				assert.Equal(t, r.Health().EventsMissed, tt.missed)
				r.close()
				assert.Equal(t, called, tt.events)
				close(never)
				synctest.Wait()
				r.wantAccount(1, 300, 0, 0)
			})
		})
	}
}

func TestFallbackThatFailsMissesTheNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Queue.Bytes = 20
			r.fallback.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		})
		assert.ErrorIs(t, r.say(strings.Repeat("x", 40)), syscall.EIO)
		r.close()
		assert.Equal(t, len(r.seen(hydra.EventTooLarge)), 1)
		assert.Equal(t, len(r.seen(hydra.EventDropped)), 1)
		assert.Equal(t, r.Health().EventsMissed, uint64(2))
	})
}

func TestCallbackMayUseTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		closed := make(chan error, 1)
		r = newRig(t, func(_ *rig, d *hydra.Destination, c *hydra.Config) {
			d.Queue.Bytes = 100
			c.OnEvent = func(e hydra.Event) {
				if e.Kind != hydra.EventTooLarge {
					return
				}
				assert.Check(t, r.say("told"))
				assert.Check(t, r.Flush(t.Context()))
				closed <- r.Close(ending(t, time.Second))
			}
		})
		assert.NilError(t, r.say(strings.Repeat("x", 200)))
		assert.NilError(t, <-closed)
		assert.Assert(t, slices.Contains(r.sink.Lines(), "told"))
		r.wantAccount(1, 1, 0, 0)
	})
}

func TestFault62CloseWithinACallbackWaitsForAllButThat(t *testing.T) {
	for _, tt := range []struct {
		name  string
		begun bool // by another goroutine
	}{{name: "alone"}, {name: "while another Close waits for it", begun: true}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r *rig
				var kinds []hydra.EventKind
				held := make(chan struct{})
				closed := make(chan error, 2)
				r = newRig(t, func(_ *rig, d *hydra.Destination, c *hydra.Config) {
					d.Queue.Bytes, c.CloseTimeout = 100, time.Hour
					c.OnEvent = func(e hydra.Event) {
						if kinds = append(kinds, e.Kind); len(kinds) > 1 {
							return
						}
						<-held
						if tt.begun {
							go func() { closed <- r.Close(t.Context()) }()
							synctest.Wait()
							assert.Check(t, len(closed) == 0, "got a Close that did not wait")
						}
						closed <- r.Close(t.Context())
					}
				})
				begin := time.Now()
				for range 2 {
					assert.NilError(t, r.say(strings.Repeat("x", 200)))
				}
				r.log(1, 3)
				close(held)
				assert.NilError(t, <-closed)
				if tt.begun {
					assert.NilError(t, <-closed)
				}
				assert.Equal(t, time.Since(begin), time.Duration(0))
				assert.Equal(t, r.Health().Phase, hydra.PhaseDone)
				lines := r.sink.Lines() // before these, the gaps
				assert.DeepEqual(t, lines[len(lines)-3:], numbers(1, 3))
				synctest.Wait()
				assert.DeepEqual(t, kinds, []hydra.EventKind{hydra.EventTooLarge, hydra.EventTooLarge})
			})
		})
	}
}

func TestEventsCarryTheirCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		cause := errors.New("cause")
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) {
			r.sink.OnOpen = fault.First(1, fault.Fail(cause))
		})
		r.log(1, 1)
		time.Sleep(2 * time.Second)
		r.close()
		broken, mended := r.seen(hydra.EventBroken), r.seen(hydra.EventMended)
		assert.Equal(t, len(broken), 1)
		assert.Equal(t, len(mended), 1)
		assert.ErrorIs(t, broken[0].Err, cause)
		assert.Assert(t, !broken[0].Time.Before(begin) && mended[0].Time.Sub(broken[0].Time) >= time.Second)
	})
}
