// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
)

// A diskSink is a sink.Syncer. onSync says what Sync returns, and synced counts its
// calls.
type diskSink struct {
	*fault.Sink
	onSync func() error
	synced int
}

var _ sink.Syncer = (*diskSink)(nil)

func (s *diskSink) Sync(context.Context) error {
	s.synced++
	if s.onSync == nil {
		return nil
	}
	return s.onSync()
}

// newDiskRig is newRig with a diskSink.
func newDiskRig(t *testing.T, set func(s *diskSink, d *hydra.Destination)) (*rig, *diskSink) {
	t.Helper()
	s := &diskSink{}
	r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
		s.Sink = r.sink
		d.Sink = s
		if set != nil {
			set(s, d)
		}
	})
	return r, s
}

// unhurried makes the first write to s take a moment of a bubble's time, so that all
// records are still on their way when somebody begins to wait for them.
func unhurried(s *fault.Sink) {
	released := make(chan struct{})
	time.AfterFunc(10*time.Millisecond, func() { close(released) })
	s.OnWrite = fault.At(1, fault.Stall(released))
}

func TestFlushToDoesWhatItsPromiseTakesAndNoMore(t *testing.T) {
	tests := []struct {
		name    string
		to      hydra.Promise
		written bool
		syncs   int
	}{
		{name: "taken", to: hydra.Taken},
		{name: "survives the process", to: hydra.SurvivesProcess, written: true},
		{name: "survives a loss of power", to: hydra.SurvivesPower, written: true, syncs: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, s := newDiskRig(t, nil)
				r.log(1, 3)
				assert.NilError(t, r.FlushTo(t.Context(), tt.to))
				if tt.written {
					assert.DeepEqual(t, r.sink.Lines(), numbers(1, 3))
				}
				assert.Equal(t, s.synced, tt.syncs)
				assert.Equal(t, s.Count(fault.Flush), 0, "what a Syncer took has left the process")
				r.close()
				r.wantAccount(3, 0, 0, 0)
			})
		})
	}
}

func TestFlushToAsksASinkThatMayHoldRecordsBackToFlush(t *testing.T) {
	r := newRig(t, nil)
	r.log(1, 3)
	assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesProcess))
	assert.DeepEqual(t, r.sink.Lines(), numbers(1, 3))
	assert.Equal(t, r.sink.Count(fault.Flush), 1)
	r.close()
}

func TestFlushToSaysWhichSinkCannotPromiseIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *hydra.Destination, _ *hydra.Config) { unhurried(r.sink) })
		r.log(1, 3)
		got := delivery(t, r.FlushTo(t.Context(), hydra.SurvivesPower))
		assert.Equal(t, got.Destination, "d")
		assert.Equal(t, got.Written, uint64(3))
		assert.ErrorContains(t, got.Err, "the sink cannot promise that records survive a loss of power")
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 3))
		assert.Equal(t, r.sink.Count(fault.Flush), 1, "it is made as safe as can be")
		assert.ErrorContains(t, r.FlushTo(t.Context(), 3), "promise 3 is unknown; use Taken, SurvivesProcess or SurvivesPower")
		r.close()
	})
}

func TestFlushToTellsThatASyncFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newDiskRig(t, func(s *diskSink, _ *hydra.Destination) {
			unhurried(s.Sink)
			s.onSync = func() error { return syscall.EIO }
		})
		r.log(1, 3)
		got := delivery(t, r.FlushTo(t.Context(), hydra.SurvivesPower))
		assert.ErrorIs(t, got.Err, syscall.EIO)
		assert.Equal(t, got.Written, uint64(3))
		assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesProcess))
		s.onSync = func() error { panic("bad disk") }
		assert.ErrorContains(t, delivery(t, r.FlushTo(t.Context(), hydra.SurvivesPower)).Err, "bad disk")
		assert.Assert(t, len(r.state().Errors) == 2, "both are in Health")
		r.close()
	})
}

func TestAfterCloseNothingIsPromisedThatWasNotDone(t *testing.T) {
	r, _ := newDiskRig(t, nil)
	r.log(1, 3)
	r.close()
	assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesProcess))
	assert.ErrorContains(t, delivery(t, r.FlushTo(t.Context(), hydra.SurvivesPower)).Err, "the sink is closed, and was not asked before")
}

func TestSyncToKeepsItsPromiseWhenTheCallReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newDiskRig(t, func(_ *diskSink, d *hydra.Destination) {
			d.SyncLevel, d.SyncTo = slog.LevelError, hydra.SurvivesPower
		})
		for i := 1; i <= 30; i += 2 {
			r.log(i, i)
			synced := s.synced
			assert.NilError(t, cry(t.Context(), r.Handler, strconv.Itoa(i+1)))
			assert.DeepEqual(t, r.sink.Lines(), numbers(1, i+1))
			assert.Equal(t, s.synced, synced+1)
		}
		s.onSync = func() error { return syscall.EIO }
		got := delivery(t, cry(t.Context(), r.Handler, "31"))
		assert.Equal(t, got.Written, uint64(1))
		assert.ErrorIs(t, got.Err, syscall.EIO)
		s.onSync = nil
		r.close()
		r.wantAccount(31, 0, 0, 0)
	})
}

func TestSyncToAndFlushToShareASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 16
		released := make(chan struct{})
		r, s := newDiskRig(t, func(s *diskSink, d *hydra.Destination) {
			d.SyncLevel, d.SyncTo = slog.LevelError, hydra.SurvivesPower
			s.onSync = func() error {
				<-released
				return nil
			}
		})
		var calls sync.WaitGroup
		call := func(i int) {
			calls.Go(func() {
				if err := cry(t.Context(), r.Handler, strconv.Itoa(i)); err != nil {
					t.Error(err)
				}
			})
		}
		call(0)
		synctest.Wait() // the disk has it
		for i := range callers {
			call(i + 1)
		}
		calls.Go(func() {
			if err := r.FlushTo(t.Context(), hydra.SurvivesPower); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		close(released)
		calls.Wait()
		assert.Equal(t, s.synced, 2)
		r.close()
		r.wantAccount(callers+1, 0, 0, 0)
	})
}

func TestSyncToEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r, _ := newDiskRig(t, func(s *diskSink, d *hydra.Destination) {
			d.SyncLevel, d.SyncTo = slog.LevelError, hydra.SurvivesPower
			s.onSync = func() error {
				<-released
				return nil
			}
		})
		begin := time.Now()
		got := delivery(t, unwrapLog(cry(ending(t, time.Minute), r.Handler, "1")))
		assert.ErrorIs(t, got.Err, context.DeadlineExceeded)
		assert.Equal(t, got.Unknown, uint64(0), "it is in the sink")
		assert.Equal(t, time.Since(begin), time.Minute)
		close(released)
		r.close()
	})
}

// unwrapLog returns the DeliveryError in what a log call returned.
func unwrapLog(err error) error {
	var failure *hydra.DeliveryError
	if errors.As(err, &failure) {
		return failure
	}
	return err
}

func TestMistakesInSyncTo(t *testing.T) {
	tests := []struct {
		name  string
		sink  sink.Sink
		level slog.Leveler
		to    hydra.Promise
		want  string // empty: none
	}{
		{name: "unset", sink: &fault.Sink{}},
		{name: "the process", sink: &fault.Sink{}, level: slog.LevelError, to: hydra.SurvivesProcess},
		{name: "power", sink: &diskSink{Sink: &fault.Sink{}}, level: slog.LevelError, to: hydra.SurvivesPower},
		{name: "no level", sink: &diskSink{Sink: &fault.Sink{}}, to: hydra.SurvivesPower, want: "no record waits without SyncLevel; set it, or leave SyncTo unset"},
		{name: "no disk", sink: &fault.Sink{}, level: slog.LevelError, to: hydra.SurvivesPower, want: "SurvivesPower: the sink *fault.Sink cannot bring records to a disk"},
		{name: "unknown", sink: &diskSink{Sink: &fault.Sink{}}, level: slog.LevelError, to: 7, want: "7 is unknown; use SurvivesProcess or SurvivesPower"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
				"default": {Destinations: []hydra.Destination{{Sink: tt.sink, SyncLevel: tt.level, SyncTo: tt.to}}},
			}})
			if tt.want == "" {
				assert.NilError(t, err)
				assert.NilError(t, h.Close(t.Context()))
				return
			}
			assert.ErrorContains(t, err, `Layers["default"].Destinations[0].SyncTo: `+tt.want)
		})
	}
}

func TestPromisesHaveNames(t *testing.T) {
	for p, want := range map[hydra.Promise]string{
		hydra.Taken: "Taken", hydra.SurvivesProcess: "SurvivesProcess", hydra.SurvivesPower: "SurvivesPower", 9: "unknown",
	} {
		text, err := p.MarshalText()
		assert.NilError(t, err)
		assert.Equal(t, string(text), want)
	}
}

func ExampleHandler_FlushTo() {
	dir, err := os.MkdirTemp("", "hydra")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "audit.jsonl")
	h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{
			Sink: file.New(path, nil),
			// Errors are on the disk when the log call returns.
			SyncLevel: slog.LevelError, SyncTo: hydra.SurvivesPower,
		}}},
	}})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	defer h.Close(ctx)
	log := slog.New(h)
	log.Info("about to pull the plug")
	if err := h.FlushTo(ctx, hydra.SurvivesPower); err != nil {
		panic(err)
	}
	text, err := os.ReadFile(path)
	fmt.Println(strings.Count(string(text), "\n"), "record on the disk", err)
	// Output: 1 record on the disk <nil>
}

func TestFault15WhoeverWaitsForRecordsThatASyncFailedOnIsTold(t *testing.T) {
	tests := []struct {
		name string
		wait func(t *testing.T, r *rig) error // for the same records, too late for the sync that fails
		want error
	}{
		{name: "a FlushTo", want: syscall.EIO, wait: func(t *testing.T, r *rig) error {
			return r.FlushTo(t.Context(), hydra.SurvivesPower)
		}},
		{name: "a log call whose record came later", wait: func(t *testing.T, r *rig) error {
			return cry(t.Context(), r.Handler, "2")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failing := make(chan struct{})
				r, s := newDiskRig(t, func(s *diskSink, d *hydra.Destination) {
					d.SyncLevel, d.SyncTo = slog.LevelError, hydra.SurvivesPower
					s.onSync = func() error {
						if s.synced > 1 {
							return nil // another file, which the disk has
						}
						<-failing
						return syscall.EIO
					}
				})
				var calls sync.WaitGroup
				calls.Go(func() { assert.Check(t, errors.Is(cry(t.Context(), r.Handler, "1"), syscall.EIO)) })
				synctest.Wait()
				var got error
				calls.Go(func() { got = tt.wait(t, r) })
				synctest.Wait()
				close(failing)
				calls.Wait()
				assert.Check(t, errors.Is(got, tt.want), "got %v", got)
				assert.Equal(t, s.synced, 2)
				_ = r.FlushTo(t.Context(), hydra.SurvivesPower)
				assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesPower), "it was told")
				r.close()
			})
		})
	}
}

func TestFault15WhatALogCallWasToldTheNextFlushToTellsAsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newDiskRig(t, func(s *diskSink, d *hydra.Destination) {
			d.SyncLevel, d.SyncTo = slog.LevelError, hydra.SurvivesPower
			s.onSync = func() error { return syscall.EIO }
		})
		r.log(1, 1)
		assert.ErrorIs(t, cry(t.Context(), r.Handler, "2"), syscall.EIO)
		s.onSync = nil // another file
		assert.NilError(t, cry(t.Context(), r.Handler, "3"))
		assert.ErrorIs(t, r.FlushTo(t.Context(), hydra.SurvivesPower), syscall.EIO)
		assert.NilError(t, r.FlushTo(t.Context(), hydra.SurvivesPower))
		r.close()
	})
}
