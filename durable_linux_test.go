// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
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

func TestADurableDestinationHandsOnToADurableOneAlone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		second *hydra.Durable // of the destination that stands in
		want   string         // mistake; empty for none
	}{
		{
			name: "in memory",
			want: `hydra: Layers["a"].Destinations[0].Fallback: "b" has its queue in memory, where the end of the process would take what this durable one hands on; give it a Durable, or leave this empty for Config.Fallback`,
		},
		{name: "durable", second: &hydra.Durable{Dir: shmDir(t)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChain(t, func(c *chain, cfg *hydra.Config) {
					change(cfg, "a", func(d *hydra.Destination) { d.Durable = &hydra.Durable{Dir: shmDir(t)} })
					change(cfg, "b", func(d *hydra.Destination) { d.Durable, d.Fallback = tt.second, "" })
					c.down["a"].Store(true)
					if tt.want != "" {
						_, err := hydra.Open(*cfg)
						assert.Error(t, err, tt.want)
					}
				})
				c.log("a", 1, 10)
				settle()
				there := c.sinks["b"].Lines()
				if tt.want != "" { // NewHandler goes on with Config.Fallback, which holds nothing back
					there = strays(c.fallback)
					e := <-c.events
					assert.Equal(t, e.Kind, hydra.EventMistake)
					assert.Error(t, e.Err, tt.want)
				}
				assert.DeepEqual(t, there, numbers(1, 10))
				assert.NilError(t, c.Close(t.Context()))
			})
		})
	}
}

func TestTheMostThatWasSeenInAQueueStaysSoWhenItIsLeftToTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
		r.log(1, 1)
		settle() // it is in flight
		r.log(2, 42)
		assert.Equal(t, r.state().Queue.Highest, 41)
		assert.Equal(t, delivery(t, r.Close(ended())).Spooled, uint64(42))
		assert.Equal(t, r.state().Queue.Highest, 41)
	})
}
