// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
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

// durableRig is newRig with a durable queue, in dir.
func durableRig(t *testing.T, dir string, set func(r *rig, d *hydra.Destination)) *rig {
	return newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
		d.Durable = &hydra.Durable{Dir: dir}
		d.Queue = hydra.Queue{Records: 256, Bytes: 16 << 10}
		d.RetryFor = time.Hour
		if set != nil {
			set(r, d)
		}
	})
}

// files returns the names in a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// without returns the lines but those with RecoveredMessage.
func without(lines []string) (records, markers []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, hydra.RecoveredMessage) {
			markers = append(markers, line)
		} else {
			records = append(records, line)
		}
	}
	return records, markers
}

func TestCleanEndLeavesNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		r := durableRig(t, dir, nil)
		assert.Equal(t, len(files(t, dir)), 1)
		info, err := os.Stat(filepath.Join(dir, files(t, dir)[0]))
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
		r.log(1, 100)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 100))
		assert.DeepEqual(t, files(t, dir), []string{})
	})
}

func TestCloseLeavesToTheNextStartWhatTheSinkDidNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
		r.log(1, 10)
		settle()
		r.log(11, 20)
		err := r.Close(ending(t, time.Second))
		got := delivery(t, err)
		assert.Equal(t, got.Spooled, uint64(20))
		assert.Equal(t, got.Fallback+got.Dropped+got.Unknown+got.Written, uint64(0))
		assert.Assert(t, strings.Contains(err.Error(), "20 wait for the next start"), "got %v", err)
		assert.Equal(t, r.state().Spooled, uint64(20))
		assert.DeepEqual(t, r.strays(), []string(nil))

		next := durableRig(t, dir, nil)
		next.log(21, 22)
		next.close()
		records, markers := without(next.sink.Lines())
		assert.DeepEqual(t, records, numbers(1, 22))
		assert.Equal(t, len(markers), 1)
		assert.Equal(t, next.sink.Lines()[20], markers[0], "it stands behind what was recovered")
		d := next.state().Durable
		assert.Equal(t, d.Recovered, uint64(20))
		assert.Equal(t, d.Waiting, uint64(0))
		told := next.seen(hydra.EventRecovered)[0]
		assert.Equal(t, told.Count, uint64(20))
		assert.Assert(t, strings.HasSuffix(told.Err.Error(), " left them"), "got %v", told.Err)
		assert.DeepEqual(t, files(t, dir), []string{})
	})
}

func TestAStuckSinkKeepsItsFileUntilItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		released := make(chan struct{})
		r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) {
			r.sink.OnWrite = fault.First(1, fault.Hang(released))
		})
		r.log(1, 1)
		settle()
		r.log(2, 20)
		got := delivery(t, r.Close(ending(t, time.Second)))
		assert.Equal(t, got.Unknown, uint64(1), "the sink has it in hand")
		assert.Equal(t, got.Spooled, uint64(19))

		second := durableRig(t, dir, nil)
		second.log(21, 21)
		second.close()
		assert.DeepEqual(t, second.sink.Lines(), numbers(21, 21))
		assert.Equal(t, len(files(t, dir)), 1)

		close(released)
		synctest.Wait()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 1))
		third := durableRig(t, dir, nil)
		third.close()
		records, _ := without(third.sink.Lines())
		assert.DeepEqual(t, records, numbers(2, 20))
		assert.DeepEqual(t, files(t, dir), []string{})
	})
}

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

func TestFault74LiveQueuesOfOneNameKeepApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		a, b := durableRig(t, dir, nil), durableRig(t, dir, nil)
		a.log(1, 10)
		b.log(11, 20)
		a.close()
		b.log(21, 30)
		b.close()
		assert.DeepEqual(t, a.sink.Lines(), numbers(1, 10))
		assert.DeepEqual(t, b.sink.Lines(), numbers(11, 30))
	})
}

func TestARecordThatIsLongForADurableQueueGoesToTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := durableRig(t, shmDir(t), nil) // 16 KiB
		long := strings.Repeat("x", 2<<10)
		assert.NilError(t, r.say(long[1:]))
		settle()
		assert.NilError(t, r.say(long))
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), join([]string{long[1:]}, gap(0, 0, 1)))
		assert.DeepEqual(t, r.strays(), []string{long})
		assert.Equal(t, len(r.seen(hydra.EventTooLarge)), 1)
	})
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

func TestDurableHealthIsTidyJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		r := durableRig(t, dir, nil)
		var got struct {
			Destinations []struct{ Durable map[string]any }
		}
		p, err := json.Marshal(r.Health())
		assert.NilError(t, err)
		assert.NilError(t, json.Unmarshal(p, &got))
		d := got.Destinations[0].Durable
		assert.Equal(t, d["path"], filepath.Join(dir, files(t, dir)[0]))
		assert.Assert(t, d["bytes"].(float64) > 16<<10)
		_, told := d["error"]
		assert.Assert(t, !told)
		r.close()
		plain := newRig(t, nil)
		assert.Assert(t, plain.state().Durable == nil)
		plain.close()
	})
}

func TestADurableQueueKeepsThePromiseToSurviveTheProcessByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		r := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
			d.SyncLevel, d.SyncTo = slog.LevelInfo, hydra.SurvivesProcess
		})
		begin := time.Now()
		r.log(1, 3) // from SyncLevel up: each waits for the promise
		assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesProcess))
		assert.Equal(t, time.Since(begin), time.Duration(0))
		assert.Assert(t, r.FlushTo(ending(t, time.Second), hydra.SurvivesPower) != nil)
		assert.Equal(t, delivery(t, r.Close(ending(t, time.Second))).Spooled, uint64(3))

		next := durableRig(t, dir, nil)
		next.close()
		records, _ := without(next.sink.Lines())
		assert.DeepEqual(t, records, numbers(1, 3))
	})
}
