// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// What a writer has in a buffer of its own dies with the process, so a ring must not
// forget it before.
func TestFault1NothingIsLostInTheBufferOfAWriter(t *testing.T) {
	if told, ok := inLife(t); ok {
		f, err := os.Create(told[1])
		assert.NilError(t, err)
		h := durable(t, told[0], hydra.Writer(bufio.NewWriterSize(f, 1<<20)))
		for _, n := range numbers(1, 500) {
			assert.NilError(t, say(h, n))
		}
		assert.NilError(t, h.FlushTo(t.Context(), hydra.SurvivesProcess))
		poll.WaitOn(t, func(poll.LogT) poll.Result {
			if h.Health().Destinations[0].Written == 500 {
				return poll.Success()
			}
			return poll.Continue("not all are written")
		}, poll.WithTimeout(time.Minute))
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	dir, path := shmDir(t), filepath.Join(t.TempDir(), "log")
	out, err := newLife(t, dir, path).CombinedOutput()
	assert.ErrorContains(t, err, "killed", "%s", out)
	recoverAll(t, dir, file.New(path, nil))
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	records, _ := without(strings.Split(strings.TrimSpace(string(text)), "\n"))
	seen := make(map[string]bool)
	for _, r := range records {
		seen[r] = true // the last batch may be there twice
	}
	assert.Equal(t, len(seen), 500)
}

func TestOnlyASinkThatMayHoldRecordsBackIsFlushedBehindEachBatch(t *testing.T) {
	for _, tt := range []struct {
		name      string
		inMemory  bool
		syncs     bool
		wantFlush bool
	}{
		{name: "durable", wantFlush: true},
		{name: "durable, a Syncer", syncs: true},
		{name: "in memory", inMemory: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := durableRig(t, shmDir(t), func(r *rig, d *hydra.Destination) {
					if tt.inMemory {
						d.Durable = nil
					}
					if tt.syncs {
						d.Sink = &diskSink{Sink: r.sink}
					}
				})
				for i := 1; i <= 3; i++ {
					r.log(i, i)
					settle()
				}
				want := 0
				if tt.wantFlush {
					want = r.sink.Count(fault.Write)
				}
				assert.Equal(t, r.sink.Count(fault.Flush), want)
				r.close()
			})
		})
	}
}

func TestFault1WhatASinkHoldsBackIsRecoveredUntilItIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		killedInFlush := func() (left string) {
			released := make(chan struct{})
			r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) {
				r.sink.OnFlush = fault.First(1, fault.Stall(released))
			})
			r.log(1, 10)
			settle()
			left = copyDir(t, dir) // killed now: what Write took may be in a buffer
			close(released)
			_ = r.Close(t.Context()) // of what is left there is a copy
			return left
		}
		dir = killedInFlush()
		r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) {
			r.sink.OnFlush = fault.First(1, fault.Stall(make(chan struct{}))) // of the recovery
		})
		settle()
		dir = copyDir(t, dir) // killed again
		_ = r.Close(ended())
		next := durableRig(t, dir, nil)
		next.close()
		records, _ := without(next.sink.Lines())
		assert.DeepEqual(t, records, numbers(1, 10))
	})
}

func TestARecoveryFlushesBehindEachBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
		r.log(1, 10)
		settle()
		assert.Assert(t, r.Close(ended()) != nil)
		next := durableRig(t, dir, nil)
		settle()
		last := ""
		for _, c := range next.sink.Calls() {
			assert.Assert(t, c.Op != fault.Write || last != fault.Write, "got %v", next.sink.Calls())
			last = c.Op
		}
		assert.Equal(t, next.sink.Count(fault.Write), 2, "the records, and what tells of them")
		next.close()
	})
}

func TestFlushToDoesNotPromiseWhatABufferDidNotGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := durableRig(t, shmDir(t), func(r *rig, _ *hydra.Destination) {
			r.sink.OnFlush = fault.First(2, fault.Fail(syscall.EIO)) // behind the batch, and when asked for
		})
		r.log(1, 10)
		settle()
		assert.Equal(t, r.state().Written, uint64(10), "the sink is not taken for broken")
		assert.ErrorIs(t, r.FlushTo(t.Context(), hydra.SurvivesProcess), syscall.EIO)
		assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesProcess))
		flushed := r.sink.Count(fault.Flush)
		assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesProcess))
		assert.Equal(t, r.sink.Count(fault.Flush), flushed, "the ring promises it again, at once")
		r.close()
	})
}

func TestFault48AWriterThatIsEndedInAFlushBehindABatchIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := durableRig(t, shmDir(t), func(r *rig, _ *hydra.Destination) {
			r.sink.OnFlush = fault.First(2, fault.Exit()) // behind the batch, and when asked for
		})
		r.log(1, 10)
		settle()
		assert.ErrorContains(t, r.FlushTo(t.Context(), hydra.SurvivesProcess), "ended the goroutine", "the ring has forgotten what the sink may hold back")
		settle() // or who asks before the writer is replaced is told the same
		assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesProcess))
		time.Sleep(3 * time.Second) // the sink is tried again
		r.log(11, 20)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 20))
		assert.DeepEqual(t, r.strays(), []string(nil))
	})
}
