// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

// TestMain fails the package if its tests leave goroutines behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("nobody listens there")

// numbered returns a batch of records that say which they are, from one number to
// before another.
func numbered(from, upto int) sink.Batch {
	var b sink.Batch
	for i := from; i < upto; i++ {
		b.Bytes = fmt.Appendf(b.Bytes, "record %d\n", i)
		b.Ends = append(b.Ends, len(b.Bytes))
	}
	return b
}

// lines are those of numbered.
func lines(from, upto int) []string {
	var all []string
	for i := from; i < upto; i++ {
		all = append(all, fmt.Sprint("record ", i))
	}
	return all
}

// opened returns a spool in dir that is open, and is closed at the end of the test
// if it is not before.
func opened(t *testing.T, inner sink.Sink, dir string, o *spool.Options) *spool.Sink {
	t.Helper()
	s := spool.New(inner, dir, o)
	assert.NilError(t, s.Open(t.Context()))
	t.Cleanup(func() { _ = s.Close(ended()) }) // a test that asks closes it itself
	return s
}

// ended returns a context that is over.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func write(t *testing.T, s *spool.Sink, b sink.Batch) {
	t.Helper()
	n, err := s.Write(t.Context(), b)
	assert.NilError(t, err)
	assert.Equal(t, n, len(b.Bytes))
}

func state(s *spool.Sink) spool.State {
	st, _ := s.State()
	return st.(spool.State)
}

// segments returns the names of what is in the folder, but for the lock and the
// cursor.
func segments(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	var names []string
	for _, e := range entries {
		if e.Name() != "spool.lock" && e.Name() != "spool.cursor" {
			names = append(names, e.Name())
		}
	}
	return names
}

// sound checks that the inner sink was used as its contract says.
func sound(t *testing.T, inner *fault.Sink) {
	t.Helper()
	assert.DeepEqual(t, inner.Breaches(), []string(nil))
}

func TestBatchesGoStraightThroughWhileTheInnerSinkTakesThem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	var inner fault.Sink
	s := opened(t, &inner, dir, &spool.Options{Patience: time.Hour})
	for i := range 10 {
		write(t, s, numbered(10*i, 10*i+10))
		assert.Equal(t, s.Held(), uint64(0))
	}
	assert.NilError(t, s.Flush(t.Context()))
	assert.DeepEqual(t, inner.Lines(), lines(0, 100))
	assert.Equal(t, inner.Count(fault.Write), 10)
	assert.Equal(t, inner.Count(fault.Flush), 1)
	assert.Equal(t, state(s).Mode, spool.Through)
	assert.Equal(t, state(s).Spooled, uint64(0))
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, inner.Count(fault.Close), 1)
	assert.DeepEqual(t, segments(t, dir), []string(nil))
	sound(t, &inner)
}

func TestFault46AnOutageIsSpooledAndReplayedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var away atomic.Bool
		away.Store(true)
		var inner fault.Sink
		inner.OnWrite = func(int) fault.Action {
			if away.Load() {
				return fault.Fail(errAway)
			}
			return fault.Action{}
		}
		s := opened(t, &inner, dir, &spool.Options{SegmentBytes: 4 << 10})
		begin := time.Now()
		for i := range 1000 {
			write(t, s, numbered(i, i+1))
		}
		assert.Equal(t, time.Since(begin), 500*time.Millisecond) // the patience, once
		synctest.Wait()
		st, degraded := s.State()
		got := st.(spool.State)
		assert.Assert(t, degraded)
		assert.Equal(t, got.Mode, spool.Spooling)
		assert.Equal(t, got.Records, uint64(1000))
		assert.Equal(t, s.Held(), uint64(1000))
		assert.Assert(t, got.Segments > 5, got.Segments)
		assert.Assert(t, strings.Contains(got.LastError, errAway.Error()), got.LastError)
		away.Store(false)
		time.Sleep(20 * time.Second) // more than the longest pause
		synctest.Wait()
		assert.DeepEqual(t, inner.Lines(), lines(0, 1000))
		got = state(s)
		assert.Equal(t, got.Mode, spool.Through)
		assert.Equal(t, got.Replayed, uint64(1000))
		assert.Equal(t, s.Held(), uint64(0))
		assert.DeepEqual(t, segments(t, dir), []string(nil))
		write(t, s, numbered(1000, 1001))
		assert.DeepEqual(t, inner.Lines(), lines(0, 1001))
		assert.NilError(t, s.Close(t.Context()))
		sound(t, &inner)
	})
}

func TestWhatWasLeftIsReplayedBeforeAnythingNew(t *testing.T) {
	dir := t.TempDir()
	away := fault.Sink{OnWrite: fault.Always(fault.Fail(errAway))}
	s := opened(t, &away, dir, &spool.Options{Patience: time.Millisecond})
	write(t, s, numbered(0, 50))
	assert.Equal(t, s.Held(), uint64(50))
	assert.NilError(t, s.Close(t.Context())) // ends at the first failure
	assert.Equal(t, s.Held(), uint64(50))
	assert.Equal(t, len(segments(t, dir)), 1)

	var back fault.Sink
	s = opened(t, &back, dir, nil)
	write(t, s, numbered(50, 60))
	assert.Assert(t, s.Held() <= 10)
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, s.Held(), uint64(0))
	assert.DeepEqual(t, back.Lines(), lines(0, 60))
	assert.DeepEqual(t, segments(t, dir), []string(nil))
	sound(t, &away)
	sound(t, &back)
}

func TestAnInnerSinkThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := fault.Sink{OnOpen: fault.First(12, fault.Fail(errAway))}
		s := opened(t, &inner, t.TempDir(), nil)
		synctest.Wait()
		_, degraded := s.State()
		assert.Assert(t, degraded)
		write(t, s, numbered(0, 3))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.DeepEqual(t, inner.Lines(), lines(0, 3))
		_, degraded = s.State()
		assert.Assert(t, !degraded)
		assert.NilError(t, s.Close(t.Context()))
		sound(t, &inner)
	})
}

func TestAnInnerSinkThatTakesAPartGoesOnAtThatByte(t *testing.T) {
	tests := []struct {
		name     string
		script   fault.Script
		patience time.Duration
	}{
		{"and fails", fault.First(20, fault.Short(7, errAway)), time.Millisecond},
		{"and fails for longer than the patience", fault.First(40, fault.Short(7, errAway)), time.Nanosecond},
		{"and says nothing", fault.First(20, fault.Short(7, nil)), time.Millisecond},
		{"less than nothing", fault.First(3, fault.Short(-1, errAway)), time.Millisecond},
		{"and panics now and then", func(n int) fault.Action {
			if n%2 == 0 {
				return fault.Panic("no")
			}
			return fault.Short(5, errAway)
		}, time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := fault.Sink{OnWrite: tt.script}
				s := opened(t, &inner, t.TempDir(), &spool.Options{Patience: tt.patience, RetryMost: 20 * time.Millisecond})
				for i := range 10 {
					write(t, s, numbered(3*i, 3*i+3))
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.DeepEqual(t, inner.Lines(), lines(0, 30))
				assert.Equal(t, state(s).Mode, spool.Through)
				sound(t, &inner)
			})
		})
	}
}

func TestAnInnerSinkThatHangsDelaysOneWriteByThePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		inner := fault.Sink{OnWrite: fault.At(2, fault.Hang(released))}
		s := opened(t, &inner, t.TempDir(), &spool.Options{Patience: time.Second})
		write(t, s, numbered(0, 10))
		begin := time.Now()
		for i := 10; i < 100; i += 10 {
			write(t, s, numbered(i, i+10))
		}
		assert.Equal(t, time.Since(begin), time.Second)
		assert.NilError(t, s.Flush(t.Context())) // does not wait for it
		assert.Equal(t, time.Since(begin), time.Second)
		assert.Equal(t, state(s).Mode, spool.Spooling)
		assert.Equal(t, s.Held(), uint64(90))
		close(released)
		synctest.Wait()
		assert.DeepEqual(t, inner.Lines(), lines(0, 100))
		assert.Equal(t, state(s).Mode, spool.Through)
		sound(t, &inner)
	})
}

func TestAFlushThatHangsLetsWritesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		inner := fault.Sink{OnFlush: fault.At(1, fault.Hang(released))}
		s := opened(t, &inner, t.TempDir(), nil)
		write(t, s, numbered(0, 1))
		begin := time.Now()
		err := s.Flush(t.Context())
		assert.ErrorContains(t, err, "has not flushed within 5s")
		assert.Equal(t, time.Since(begin), 5*time.Second)
		write(t, s, numbered(1, 5))
		write(t, s, numbered(5, 9))
		assert.Equal(t, s.Held(), uint64(8))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.NilError(t, s.Flush(ctx))
		close(released)
		synctest.Wait()
		assert.DeepEqual(t, inner.Lines(), lines(0, 9))
		sound(t, &inner)
	})
}

func TestAWriteWhoseTimeIsOverIsSpooled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		inner := fault.Sink{OnWrite: fault.At(1, fault.Hang(released))}
		s := opened(t, &inner, t.TempDir(), &spool.Options{Patience: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n, err := s.Write(ctx, numbered(0, 5))
		assert.NilError(t, err)
		assert.Equal(t, n, len(numbered(0, 5).Bytes))
		_, err = s.Write(ended(), numbered(5, 9))
		assert.NilError(t, err)
		assert.Equal(t, s.Held(), uint64(9))
		close(released)
		synctest.Wait()
		_, err = s.Write(ended(), numbered(9, 12)) // the spool is empty now
		assert.NilError(t, err)
		synctest.Wait()
		assert.DeepEqual(t, inner.Lines(), lines(0, 12))
		sound(t, &inner)
	})
}

func TestManyBatchesAreReplayedInFewCalls(t *testing.T) {
	dir := t.TempDir()
	away := fault.Sink{OnOpen: fault.Always(fault.Fail(errAway))}
	s := opened(t, &away, dir, &spool.Options{Patience: time.Nanosecond})
	for i := range 2000 {
		write(t, s, numbered(i, i+1))
	}
	assert.NilError(t, s.Close(t.Context()))
	var back fault.Sink
	s = opened(t, &back, dir, nil)
	assert.NilError(t, s.Close(t.Context()))
	assert.DeepEqual(t, back.Lines(), lines(0, 2000))
	assert.Equal(t, back.Count(fault.Write), 1)
}

func TestAfterCloseNothingIsTakenAndTheFolderIsFree(t *testing.T) {
	dir := t.TempDir()
	var inner, other fault.Sink
	s := spool.New(&inner, dir, nil)
	_, err := s.Write(t.Context(), numbered(0, 1))
	assert.ErrorIs(t, err, os.ErrClosed) // not open yet
	assert.NilError(t, s.Open(t.Context()))
	assert.ErrorContains(t, s.Open(t.Context()), "opened before")
	write(t, s, numbered(0, 1))
	assert.NilError(t, s.Close(t.Context()))
	assert.NilError(t, s.Close(t.Context()))
	assert.NilError(t, s.Flush(t.Context()))
	_, err = s.Write(t.Context(), numbered(0, 1))
	assert.ErrorIs(t, err, os.ErrClosed)
	assert.ErrorContains(t, s.Open(t.Context()), "opened before")
	assert.Equal(t, inner.Count(fault.Close), 1)
	write(t, opened(t, &other, dir, nil), numbered(0, 1))
}

func TestStringNamesTheInnerSinkAndTheFolder(t *testing.T) {
	assert.Equal(t, spool.New(&fault.Sink{}, "away", nil).String(), "*fault.Sink, spool away")
	assert.Equal(t, spool.New(named{&fault.Sink{}}, "away", nil).String(), "tcp://collector, spool away")
}

// named is a sink with a name and a state.
type named struct{ *fault.Sink }

func (named) String() string     { return "tcp://collector" }
func (named) State() (any, bool) { return map[string]int{"connections": 0}, true }
