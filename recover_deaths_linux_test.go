// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
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

func TestFault6EndDuringRecoveryLosesNothingAndRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		first := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
		for i := range 40 {
			assert.NilError(t, first.say("record "+strconv.Itoa(1000+i)))
		}
		_ = first.Close(ended())
		s := &tape{script: []int{17, 0, 30, 1}}
		var moments []moment
		s.step = func() {
			moments = append(moments, moment{copyDir(t, dir), s.bytes[:len(s.bytes):len(s.bytes)], nil, 40})
		}
		recoverAll(t, dir, s)
		assert.Assert(t, len(moments) > 10, "got %d moments", len(moments))
		for _, m := range moments {
			m.recover(t)
		}
	})
}

func TestFault6ARecoveryThatHangsIsNotOneThatKills(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration // of the sink's call each process is killed
		aside int
	}{
		{"killed at once", 4 * time.Second, 1},
		{"killed because it hangs", 6 * time.Second, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				hanging := func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Stall(make(chan struct{}))) }
				durableRig(t, dir, hanging).log(1, 5)
				for range 3 { // that recover, before the last one
					settle()
					time.Sleep(tt.after)
					dir = copyDir(t, dir) // killed now
					durableRig(t, dir, hanging)
				}
				settle()
				dir = copyDir(t, dir)
				r := durableRig(t, dir, nil)
				settle()
				assert.Equal(t, len(r.seen(hydra.EventQuarantined)), tt.aside, "got %v", r.seen(hydra.EventQuarantined))
				r.close()
				records, _ := without(r.sink.Lines())
				assert.Equal(t, len(records), 5*(1-tt.aside), "got %q", records)
			})
		})
	}
}

func TestFault6EndDuringRecoveryRepeatsNothingAlsoWithoutAQueueFileOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		for life := range 3 {
			r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
			for i := range 10 {
				assert.NilError(t, r.say("record "+strconv.Itoa(1000*(life-1)+i))) // those of the last count
			}
			_ = r.Close(ended())
			time.Sleep(time.Second)
		}
		path := filepath.Join(dir, files(t, dir)[0])
		info, err := os.Stat(path)
		assert.NilError(t, err)

		s := &tape{script: []int{17, 0, 30}}
		var moments []moment
		s.step = func() { moments = append(moments, moment{copyDir(t, dir), bytes.Clone(s.bytes), nil, 10}) }
		r := durableRig(t, dir, func(_ *rig, d *hydra.Destination) {
			d.Sink, d.Durable.MaxOrphans = s, info.Size() // so three are too many for another one
		})
		settle()
		assert.Assert(t, strings.Contains(r.state().Durable.Error, "more than"), "got %+v", r.state().Durable)
		r.close()
		assert.Equal(t, r.state().Durable.Recovered, uint64(10))
		assert.Assert(t, len(moments) > 10, "got %d moments", len(moments))
		for _, m := range moments {
			aside, err := filepath.Glob(filepath.Join(m.dir, "*.bad"))
			assert.NilError(t, err)
			for _, path := range aside {
				assert.NilError(t, os.Remove(path))
			}
			m.recover(t)
		}
	})
}

func TestFault7EveryRingOfManyLivesIsRecoveredOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		const lives = 50
		for i := range lives {
			// Nobody recovers.
			r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
			r.log(i+1, i+1)
			_ = r.Close(ended())
			time.Sleep(time.Second)
		}
		assert.Equal(t, len(files(t, dir)), lives)
		r := durableRig(t, dir, nil)
		r.close()
		records, markers := without(r.sink.Lines())
		assert.DeepEqual(t, records, numbers(1, lives))
		assert.Equal(t, len(markers), lives)
		assert.DeepEqual(t, files(t, dir), []string{})
	})
}

func TestARecoveryIsToldOfAlsoIfItsProcessDiesRightBeforeThat(t *testing.T) {
	for _, inFlight := range []bool{false, true} {
		t.Run("in flight "+strconv.FormatBool(inFlight), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				first := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
				settle()
				first.log(1, 3)
				if inFlight {
					settle()
				}
				left := copyDir(t, dir) // killed now
				_ = first.Close(ended())

				var last moment
				second := &tape{}
				second.step = func() {
					if bytes.Count(second.bytes, []byte("\n")) == 3 && last.dir == "" { // all there, and nothing told
						last = moment{copyDir(t, left), bytes.Clone(second.bytes), nil, 3}
					}
				}
				recoverAll(t, left, second)
				found, _, err := ring.Orphans(ring.Options{Dir: last.dir, Name: "d"})
				assert.NilError(t, err)
				o, err := found[0].Adopt()
				assert.NilError(t, err)
				assert.Assert(t, o.Batch() != nil)
				o.End() // it came so far
				assert.NilError(t, o.Leave())

				r := durableRig(t, last.dir, nil)
				r.close()
				_, markers := without(r.sink.Lines())
				assert.Equal(t, len(markers), 1, "after %q", last.sink)
				told := r.seen(hydra.EventRecovered)
				assert.Equal(t, len(told), 1)
				assert.ErrorContains(t, told[0].Err, "an earlier start had begun to bring them")
			})
		})
	}
}
