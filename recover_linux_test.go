// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/internal/ring"
)

func TestRecoveryWaitsForItsSinkWhileNewRecordsGoToTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		first := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
		first.log(1, 10)
		_ = first.Close(ended())

		r := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			d.RetryFor = 2 * time.Second
			began := time.Now()
			r.sink.OnWrite = func(int) fault.Action {
				if time.Since(began) < 10*time.Second {
					return fault.Fail(syscall.EIO)
				}
				return fault.Action{}
			}
		})
		settle()
		assert.Equal(t, r.state().Durable.Waiting, uint64(10))
		r.log(11, 12)
		time.Sleep(time.Second)
		assert.DeepEqual(t, r.strays(), []string(nil)) // they wait for RetryFor
		time.Sleep(4 * time.Second)
		assert.DeepEqual(t, r.strays(), numbers(11, 12))
		r.log(13, 13)
		time.Sleep(2 * time.Second)
		assert.DeepEqual(t, r.strays(), numbers(11, 13))
		time.Sleep(5 * time.Second)
		assert.Equal(t, r.state().Durable.Waiting, uint64(0))
		r.log(14, 14)
		r.close()
		records, markers := without(r.sink.Lines())
		assert.Equal(t, len(markers), 1)
		assert.DeepEqual(t, records, join(numbers(1, 10), gap(0, 0, 3), numbers(14, 14)))
	})
}

func TestTheEndOfClosesTimeWithinARecoveryIsNoFailureOfTheSink(t *testing.T) {
	for _, tt := range []struct {
		name string
		slow func(r *rig)
	}{
		{"between two runs", func(r *rig) {
			r.sink.OnWrite = func(int) fault.Action { // which it takes, and late
				time.Sleep(850 * time.Millisecond) // of the second less its reserve
				return fault.Action{}
			}
		}},
		{"in the sink", func(r *rig) { r.sink.OnWrite = fault.Always(fault.Stall(make(chan struct{}))) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				for i := range 3 {
					r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
					r.log(i+1, i+1)
					_ = r.Close(ended())
				}
				r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { tt.slow(r) })
				r.log(4, 4)
				settle()
				_ = r.Close(ending(t, time.Second))
				time.Sleep(10 * time.Second)
				assert.Equal(t, len(r.seen(hydra.EventBroken)), 0, "got %v", r.seen(hydra.EventBroken))
				assert.Equal(t, r.state().Spooled, uint64(1))
				assert.DeepEqual(t, r.strays(), []string(nil))

				next := durableRig(t, dir, nil)
				next.close()
				all, _ := without(append(r.sink.Lines(), next.sink.Lines()...))
				assert.DeepEqual(t, all, numbers(1, 4))
			})
		})
	}
}

func TestCloseTellsOfRecordsThatWaitForYetAnotherStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		released := make(chan struct{})
		first := durableRig(t, dir, func(r *rig, _ *hydra.Destination) {
			r.sink.OnWrite = func(n int) fault.Action {
				if n == 1 {
					return fault.Stall(released)
				}
				return fault.Fail(syscall.EIO)
			}
		})
		first.log(1, 1)
		settle()
		first.log(2, 11) // which the writer finds together
		close(released)
		settle()
		assert.Equal(t, delivery(t, first.Close(ended())).Spooled, uint64(10))

		second := durableRig(t, dir, func(r *rig, _ *hydra.Destination) {
			r.sink.OnWrite = func(n int) fault.Action {
				if n == 1 {
					return fault.Short(4, syscall.EIO) // 2 and 3
				}
				return fault.Fail(syscall.EIO)
			}
		})
		settle()
		assert.Equal(t, second.state().Durable.Waiting, uint64(8))
		second.log(12, 12)
		assert.Equal(t, delivery(t, second.Close(ending(t, time.Second))).Spooled, uint64(9))

		third := durableRig(t, dir, nil)
		settle()
		third.close()
		records, _ := without(third.sink.Lines())
		assert.DeepEqual(t, records, numbers(4, 12))
	})
}

func TestFault69ARecoveryWhoseFileIsGoneLeavesNothingToTheNextStart(t *testing.T) {
	broken := func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) }
	for _, tt := range []struct {
		name     string
		away     func(path string) error
		fallback fault.Script
		want     hydra.Delivery // less what is of the next process
		damaged  uint64
	}{
		{name: "deleted", away: os.Remove, want: hydra.Delivery{Fallback: 100}},
		{name: "deleted, and the fallback fails", away: os.Remove, fallback: fault.Always(fault.Fail(syscall.EIO)), want: hydra.Delivery{Dropped: 100}},
		{name: "cut, but for what was read", away: func(path string) error { return os.Truncate(path, 4096) }, want: hydra.Delivery{Fallback: 1}, damaged: 99},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				first := durableRig(t, dir, broken)
				first.log(1, 1)
				settle() // it is in flight
				first.log(2, 100)
				assert.Equal(t, delivery(t, first.Close(ended())).Spooled, uint64(100))
				path := filepath.Join(dir, files(t, dir)[0])

				r := durableRig(t, dir, broken)
				settle()
				assert.NilError(t, tt.away(path))
				r.fallback.OnWrite = tt.fallback
				got := delivery(t, r.Close(ended()))
				d := r.state().Durable
				assert.Equal(t, got.Spooled, uint64(0), "nothing would find them")
				assert.Equal(t, got.Fallback, tt.want.Fallback)
				assert.Equal(t, got.Dropped, tt.want.Dropped)
				assert.Equal(t, d.Waiting, uint64(0))
				assert.Equal(t, d.Fallback, tt.want.Fallback)
				assert.Equal(t, d.Lost, tt.want.Dropped)
				assert.Equal(t, d.Damaged, tt.damaged)
				if tt.want.Fallback > 0 {
					assert.DeepEqual(t, r.strays(), numbers(1, int(tt.want.Fallback)))
				}
				for _, name := range files(t, dir) {
					assert.Assert(t, !strings.HasSuffix(name, ".ring"), "got %s", name)
				}
			})
		})
	}
}

func TestAFlushThatFailsBehindARecoveryDoesNotTurnTheSinkAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		first := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
		first.log(1, 5)
		_ = first.Close(ended())

		r := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			d.RetryFor = time.Second
			r.sink.OnFlush = fault.Always(fault.Fail(syscall.EIO))
		})
		for i := range 5 {
			r.log(6+i, 6+i)
			time.Sleep(time.Minute)
		}
		// One behind each batch of the recovery and of what was logged, which a sink might
		// have in a buffer, and one behind the recovery.
		assert.Equal(t, r.state().Errors[0].Count, uint64(2+5+1), "each is in the account")
		assert.ErrorIs(t, r.Close(t.Context()), syscall.EIO)
		records, markers := without(r.sink.Lines())
		assert.DeepEqual(t, records, numbers(1, 10))
		assert.Equal(t, len(markers), 1)
		assert.DeepEqual(t, r.strays(), []string(nil))
		assert.DeepEqual(t, files(t, dir), []string{})
	})
}

// untraceable is a tape whose Trace panics.

type untraceable struct{ tape }

func (*untraceable) Trace(func(from, upto int, place []byte)) { panic("trace boom") }

func TestFault48APanicOfTraceIsAnErrorOfOpen(t *testing.T) {
	d := hydra.Destination{Name: "d", Sink: &untraceable{}, Format: lines{}, Durable: &hydra.Durable{Dir: shmDir(t)}}
	c := hydra.Config{MemoryLimit: -1, Fallback: &fault.Writer{}, Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{d}}}}
	_, err := hydra.Open(c)
	assert.ErrorContains(t, err, `Layers["default"].Destinations[0].Sink: panic: trace boom`)
}

func TestWhoRecoversTellsAlsoWhatTheFullQueueHadDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			d.Policy, d.Queue = hydra.DropOldest, hydra.Queue{Records: 8}
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		})
		first.log(1, 1)
		settle() // it is in flight, and with it no marker
		first.log(2, 100)
		_ = first.Close(ended())

		next := durableRig(t, dir, nil)
		next.close()
		told := next.seen(hydra.EventRecovered)
		assert.Equal(t, len(told), 1)
		dropped := 100 - told[0].Count // a dropped one that nothing has overwritten yet is recovered
		assert.Assert(t, dropped > 50, "got %d", dropped)
		_, markers := without(next.sink.Lines())
		assert.Assert(t, strings.Contains(markers[0], fmt.Sprintf(" dropped=%d ", dropped)), "got %s", markers[0])
		assert.ErrorContains(t, told[0].Err, fmt.Sprintf(" left them; %d more the full queue had dropped", dropped))
	})
}

func TestARecoveryTellsOfLogCallsThatHadNotReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		dead, err := ring.Create(ring.Options{Dir: dir, Name: "d"}, ring.Geometry{Data: 64, Slots: 8, Batch: 256, BatchRecords: 8})
		assert.NilError(t, err)
		for _, n := range []uint32{0, 2, 3} { // 1 had its ticket
			dead.Fill(n, 2*n, []byte(strconv.Itoa(int(n))+"\n"))
		}
		assert.NilError(t, dead.Leave())

		r := durableRig(t, dir, nil)
		r.close()
		records, markers := without(r.sink.Lines())
		assert.DeepEqual(t, records, []string{"0", "2", "3"})
		assert.Assert(t, strings.Contains(markers[0], " recovered=3 arrived=0 holes=1 damaged=0 "), "got %s", markers[0])
		told := r.seen(hydra.EventRecovered)
		assert.Equal(t, len(told), 1)
		assert.ErrorContains(t, told[0].Err, " left them; 1 more were not logged: their log calls had not returned")
		assert.Equal(t, r.state().Durable.Holes, uint64(1))
	})
}

func TestABatchForWhichARingHasNoRoomIsRecoveredAndNoFailureOfTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		dead, err := ring.Create(ring.Options{Dir: dir, Name: "d"}, ring.Geometry{Data: 64, Slots: 8, Batch: 16, BatchRecords: 8})
		assert.NilError(t, err)
		dead.Fill(0, 0, []byte("1\n"))
		assert.NilError(t, dead.Leave())

		r := durableRig(t, dir, nil)
		r.log(2, 2)
		r.close()
		records, markers := without(r.sink.Lines())
		assert.DeepEqual(t, records, numbers(1, 2))
		assert.Equal(t, len(markers), 1, "it is longer than 16 bytes")
		d := r.state()
		assert.Equal(t, d.Retries, uint64(0))
		assert.ErrorContains(t, errors.New(d.Errors[0].Last), "larger than Geometry.Batch")
		assert.DeepEqual(t, files(t, dir), []string{})
	})
}

func TestAFileOfNoDestinationIsToldOfAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		named := func(name string) func(*rig, *hydra.Destination) {
			return func(_ *rig, d *hydra.Destination) { d.Name = name }
		}
		old := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			d.Name = "old"
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		})
		old.log(1, 3)
		settle()
		old.log(4, 5) // behind those in flight
		_ = old.Close(ended())
		file := files(t, dir)[0]
		alive := durableRig(t, dir, named("alive"))
		settle() // it has looked at the file, which others take for in use meanwhile

		r := durableRig(t, dir, named("new"))
		r.log(6, 6)
		r.close()
		told := r.seen(hydra.EventUnclaimed)
		assert.Equal(t, len(told), 1)
		assert.Equal(t, told[0].Destination, "old")
		assert.Equal(t, told[0].Count, uint64(5))
		assert.ErrorContains(t, told[0].Err, file)
		assert.ErrorContains(t, told[0].Err, `give one that name for a start`)
		assert.DeepEqual(t, r.sink.Lines(), numbers(6, 6))
		alive.close()

		next := durableRig(t, dir, named("old"))
		next.close()
		records, _ := without(next.sink.Lines())
		assert.DeepEqual(t, records, numbers(1, 5))
		assert.Equal(t, len(next.seen(hydra.EventUnclaimed)), 0)
		assert.DeepEqual(t, files(t, dir), []string{})
	})
}
