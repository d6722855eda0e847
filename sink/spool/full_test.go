// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

// untilBack returns a script that fails until it is told not to.
func untilBack() (fault.Script, *atomic.Bool) {
	var back atomic.Bool
	return func(int) fault.Action {
		if back.Load() {
			return fault.Action{}
		}
		return fault.Fail(errAway)
	}, &back
}

func TestAFullSpoolRefusesAndTakesAgainWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script, back := untilBack()
		inner := fault.Sink{OnWrite: script}
		dir := t.TempDir()
		s := opened(t, &inner, dir, &spool.Options{MaxBytes: 8 << 10, SegmentBytes: 2 << 10})
		n := 0
		for ; ; n++ {
			if took, err := s.Write(t.Context(), numbered(n, n+1)); err != nil {
				assert.Equal(t, took, 0)
				assert.ErrorIs(t, err, spool.ErrFull)
				assert.ErrorContains(t, err, dir)
				assert.ErrorContains(t, err, " bytes are needed, and ")
				assert.ErrorContains(t, err, " of the 8192 of Options.MaxBytes are free: raise it")
				break
			}
			assert.Assert(t, state(s).Bytes <= 8<<10)
		}
		assert.Assert(t, n > 80, n)
		assert.Equal(t, s.Held(), uint64(n))
		_, err := s.Write(t.Context(), numbered(n, n+1))
		assert.ErrorIs(t, err, spool.ErrFull)
		back.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		write(t, s, numbered(n, n+1))
		assert.DeepEqual(t, inner.Lines(), lines(0, n+1))
		sound(t, &inner)
	})
}

func TestAFullSpoolSaysHowMuchIsNeeded(t *testing.T) {
	s := opened(t, &fault.Sink{OnOpen: fault.Always(fault.Fail(errAway))}, t.TempDir(), &spool.Options{MaxBytes: 4 << 10})
	_, err := s.Write(ended(), record(3000))
	assert.NilError(t, err)
	used := state(s).Bytes
	_, err = s.Write(ended(), record(2000))
	var need, free int64
	_, scanErr := fmt.Sscanf(tail(err, "full: "), "%d bytes are needed, and %d of the 4096 of Options.MaxBytes are free", &need, &free)
	assert.NilError(t, scanErr, "%v", err)
	assert.Assert(t, need > 2000 && need < 2200, "%v", err)
	assert.Equal(t, free, 4096-used)
	_, err = s.Write(ended(), record(9000))
	_, scanErr = fmt.Sscanf(tail(err, "full: "), "%d bytes are needed, and Options.MaxBytes is 4096: raise it above that", &need)
	assert.NilError(t, scanErr, "%v", err)
	assert.Assert(t, need > 9000 && need < 9200, "%v", err)
	assert.ErrorIs(t, err, spool.ErrFull)
}

// record returns a batch of one record of n bytes.
func record(n int) sink.Batch { return sink.Batch{Bytes: make([]byte, n), Ends: []int{n}} }

// tail returns what an error says after a text.
func tail(err error, text string) string {
	_, after, _ := strings.Cut(err.Error(), text)
	return after
}

func TestABatchIsCutToSegmentsAndARecordIsNot(t *testing.T) {
	script, back := untilBack()
	inner := fault.Sink{OnWrite: script}
	s := opened(t, &inner, t.TempDir(), &spool.Options{SegmentBytes: 1 << 10, Patience: 1, RetryMost: time.Millisecond})
	b := numbered(0, 500)
	b.Bytes = append(append(b.Bytes, make([]byte, 5000)...), '\n')
	b.Ends = append(b.Ends, len(b.Bytes))
	write(t, s, b)
	assert.Assert(t, state(s).Segments > 7)
	back.Store(true)
	assert.NilError(t, s.Close(t.Context()))
	assert.Assert(t, slices.Equal(inner.Bytes(), b.Bytes))
	sound(t, &inner)
}

// The inner sink takes a part of a batch, and the spool cannot take the rest, which so
// goes back to the caller: the next Write begins with it.
func TestABatchThatNeitherTakesGoesOnAtThatByte(t *testing.T) {
	b := numbered(0, 5)
	for part := range b.Bytes {
		synctest.Test(t, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			inner := fault.Sink{OnWrite: func(n int) fault.Action {
				switch {
				case n == 1:
					return fault.Short(part, errAway)
				case n < 10: // for longer than the patience
					return fault.Fail(errAway)
				}
				return fault.Action{}
			}}
			s := opened(t, &inner, dir, &spool.Options{Patience: 2 * time.Millisecond, RetryMost: time.Millisecond})
			if err := os.RemoveAll(dir); err != nil {
				t.Skip("a folder in use cannot be removed here: ", err)
			}
			n, err := s.Write(t.Context(), b)
			assert.ErrorIs(t, err, os.ErrNotExist)
			assert.Equal(t, n, part)
			assert.Equal(t, s.Held(), uint64(0))
			ctx := t.Context()
			if part%2 == 0 { // through, and else by way of the spool
				ctx = ended()
				assert.NilError(t, os.Mkdir(dir, 0o700))
			}
			more, err := s.Write(ctx, rest(b, n))
			for part%2 != 0 && more == 0 { // the inner sink is still away
				assert.ErrorIs(t, err, os.ErrNotExist)
				more, err = s.Write(ctx, rest(b, n))
			}
			assert.NilError(t, err)
			assert.Equal(t, n+more, len(b.Bytes))
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Equal(t, string(inner.Bytes()), string(b.Bytes))
			assert.Equal(t, s.Held(), uint64(0))
			sound(t, &inner)
		})
	}
}

// A caller that gives up while the inner sink has its batch in hand, and that the
// spool cannot help, must not be told that nothing was taken: it would come twice.
func TestABatchInHandIsWaitedForWhenTheCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		dir := filepath.Join(t.TempDir(), "spool")
		inner := fault.Sink{OnWrite: func(int) fault.Action {
			<-release
			return fault.Action{}
		}}
		s := opened(t, &inner, dir, nil)
		if err := os.RemoveAll(dir); err != nil {
			t.Skip("a folder in use cannot be removed here: ", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		b := numbered(0, 5)
		over := make(chan struct{})
		go func() {
			defer close(over)
			n, err := s.Write(ctx, b)
			assert.Check(t, err)
			assert.Check(t, is.Equal(n, len(b.Bytes)))
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		<-over
		assert.Equal(t, string(inner.Bytes()), string(b.Bytes))
		sound(t, &inner)
	})
}

func TestASegmentThatCannotBeRemovedTakesRoomUntilItIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := left(t, dir, 1, 220, nil)[0]
		info, err := os.Stat(path)
		assert.NilError(t, err)
		gate := make(chan struct{})
		inner := fault.Sink{OnWrite: fault.Steps(fault.Hang(gate), fault.Fail(errAway), fault.Fail(errAway))}
		s := opened(t, &inner, dir, &spool.Options{MaxBytes: 4 << 10})
		synctest.Wait() // it is being read
		if err := os.Rename(path, path+".old"); err != nil {
			t.Skip("an open file cannot be renamed here: ", err)
		}
		assert.NilError(t, os.MkdirAll(filepath.Join(path, "in the way"), 0o700))
		close(gate)
		synctest.Wait()
		st := state(s)
		assert.Equal(t, st.Records, uint64(0))
		assert.Equal(t, st.Bytes, info.Size())
		assert.Equal(t, st.Segments, 1)
		assert.Assert(t, strings.Contains(st.LastError, filepath.Base(path)), st.LastError)
		_, err = s.Write(ended(), record(1000))
		assert.ErrorIs(t, err, spool.ErrFull)
		assert.NilError(t, os.RemoveAll(path))
		_, err = s.Write(ended(), record(1000))
		assert.NilError(t, err)
		assert.Assert(t, state(s).Bytes < 1200, state(s).Bytes)
	})
}

// rest returns what is left of a batch after n bytes.
func rest(b sink.Batch, n int) sink.Batch {
	r := sink.Batch{Bytes: b.Bytes[n:]}
	for _, end := range b.Ends {
		if end > n {
			r.Ends = append(r.Ends, end-n)
		}
	}
	return r
}

func TestWriteEndsWithItsContextWhileTheInnerSinkHangsInOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		inner := &fault.Sink{OnOpen: fault.Always(fault.Hang(release))}
		s := opened(t, inner, t.TempDir(), &spool.Options{MaxBytes: 1 << 20, SegmentBytes: 1 << 20, Patience: time.Minute})
		large := sink.Batch{Bytes: bytes.Repeat([]byte("x"), 2<<20), Ends: []int{2 << 20}} // no folder of that size takes it
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		n, err := s.Write(ctx, large)
		assert.Equal(t, time.Since(begin), time.Second)
		assert.Equal(t, n, 0)
		assert.ErrorIs(t, err, spool.ErrFull)
		close(release)
		write(t, s, numbered(0, 3))
		assert.NilError(t, s.Close(t.Context()))
		assert.DeepEqual(t, inner.Lines(), lines(0, 3))
	})
}

func TestWriteBehindCloseTakesNothing(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, &fault.Sink{OnOpen: fault.Always(fault.Fail(errAway))}, dir, nil)
	_ = s.Close(ended())
	n, err := s.Write(ended(), numbered(0, 1))
	assert.Equal(t, n, 0)
	assert.ErrorIs(t, err, fs.ErrClosed)
}

func TestWhatIsLeftStaysInHeldWhenTheInnerSinkOpensBehindClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		inner := &fault.Sink{OnOpen: fault.Always(fault.Hang(release))}
		s := opened(t, inner, t.TempDir(), nil)
		write(t, s, numbered(0, 3))
		assert.Equal(t, s.Held(), uint64(3))
		_ = s.Close(ended())
		close(release)
		synctest.Wait()
		assert.Equal(t, s.Held(), uint64(3))
	})
}

func TestANameThatIsTakenCostsASpoolOneTry(t *testing.T) {
	dir := t.TempDir()
	inner := fault.Sink{OnOpen: fault.Always(fault.Fail(errAway))}
	s := opened(t, &inner, dir, &spool.Options{SegmentBytes: 1 << 10})
	add := func(i int) error {
		_, err := s.Write(ended(), numbered(50*i, 50*i+50)) // a segment
		return err
	}
	assert.NilError(t, add(0))
	next := filepath.Join(dir, "spool-0000000000000002.seg")
	assert.NilError(t, os.WriteFile(next, []byte("mine"), 0o600))
	assert.ErrorIs(t, add(1), os.ErrExist)
	assert.NilError(t, add(1))
	assert.NilError(t, add(2))
	mine, err := os.ReadFile(next)
	assert.NilError(t, err)
	assert.Equal(t, string(mine), "mine")
	assert.NilError(t, s.Close(t.Context()))
	got, _ := replayed(t, dir)
	assert.DeepEqual(t, got, lines(0, 150))
}
