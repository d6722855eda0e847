// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build fault && linux

package spool_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

// mounted returns a folder with a file system of its own.
func mounted(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	unmount, err := fault.Mount(dir, size)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { assert.NilError(t, unmount()) })
	return dir
}

func TestFault11And46TheDiskOfTheSpoolIsFull(t *testing.T) {
	dir := mounted(t, "256k")
	ballast := filepath.Join(dir, "ballast")
	assert.NilError(t, os.WriteFile(ballast, make([]byte, 100<<10), 0o600))
	script, back := untilBack()
	inner := fault.Sink{OnWrite: script}
	s := opened(t, &inner, dir, &spool.Options{SegmentBytes: 32 << 10, Patience: 1, RetryMost: time.Millisecond})
	n := 0
	fill := func() {
		for {
			took, err := s.Write(t.Context(), numbered(n, n+100))
			if err == nil {
				n += 100
				continue
			}
			assert.Equal(t, took, 0)
			assert.ErrorIs(t, err, spool.ErrFull)
			assert.ErrorIs(t, err, unix.ENOSPC)
			return
		}
	}
	fill()
	fill() // nothing of the batch that did not fit is in the way
	assert.NilError(t, os.Remove(ballast))
	before := n
	fill()
	assert.Assert(t, n > before)
	assert.Equal(t, s.Held(), uint64(n))
	back.Store(true)
	assert.NilError(t, s.Close(t.Context()))
	assert.DeepEqual(t, inner.Lines(), lines(0, n))
	assert.Equal(t, state(s).Damaged, uint64(0))
	assert.Equal(t, state(s).Quarantined, 0)
}

// A disk that is full while the inner sink is not away is no matter, and once the
// inner sink fails on it batches are refused from the byte where it stopped.
func TestFault11And12ADiskThatIsFullFromTheStart(t *testing.T) {
	dir := mounted(t, "64k")
	inner := fault.Sink{OnWrite: fault.Steps(fault.Action{}, fault.Short(12, errAway))}
	s := opened(t, &inner, dir, &spool.Options{Patience: time.Nanosecond, RetryMost: time.Hour})
	f, err := os.Create(filepath.Join(dir, "ballast"))
	assert.NilError(t, err)
	defer f.Close()
	for p := make([]byte, 4096); err == nil; {
		_, err = f.Write(p)
	}
	assert.ErrorIs(t, err, unix.ENOSPC)
	b := numbered(0, 50)
	for n := 0; n < len(b.Bytes); {
		more, err := s.Write(t.Context(), rest(b, n))
		if n += more; err != nil {
			assert.ErrorIs(t, err, spool.ErrFull)
		}
	}
	assert.DeepEqual(t, inner.Lines(), lines(0, 50))
	assert.NilError(t, s.Close(t.Context()))
	sound(t, &inner)
}

// How far the inner sink has got must be written though there is no room any more: what
// it took comes again only as far as Sink promises.
func TestFault11And46ADiskThatIsFullRepeatsNoMoreThanOtherwise(t *testing.T) {
	dir := mounted(t, "4m")
	folder := filepath.Join(dir, "spool")
	const most = 1 << 20
	var back atomic.Bool
	inner := &fault.Sink{}
	s := spool.New(upTo{inner, most, &back}, folder, &spool.Options{Patience: 1, RetryMost: time.Millisecond})
	assert.NilError(t, s.Open(t.Context()))
	n := 0
	for { // an outage that fills the disk
		if _, err := s.Write(t.Context(), numbered(n, n+500)); err != nil {
			assert.ErrorIs(t, err, unix.ENOSPC)
			break
		}
		n += 500
	}
	f, err := os.Create(filepath.Join(dir, "ballast"))
	assert.NilError(t, err)
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	assert.ErrorIs(t, err, unix.ENOSPC)
	back.Store(true)
	assert.NilError(t, s.Close(t.Context())) // until the inner sink fails
	took := len(inner.Lines())
	assert.Assert(t, took > 0 && took < n, took)
	next, _ := replayed(t, folder)
	assert.DeepEqual(t, next[len(next)-1:], lines(n-1, n))
	repeated := strings.Join(inner.Lines()[n-len(next):], "\n")
	assert.Assert(t, len(repeated) <= 256<<10, "%d bytes came twice", len(repeated))
}

// upTo is a sink that is away until it is back, and takes at most so many bytes then.
type upTo struct {
	*fault.Sink
	most int
	back *atomic.Bool
}

func (s upTo) Write(ctx context.Context, b sink.Batch) (int, error) {
	if !s.back.Load() || len(s.Bytes())+len(b.Bytes) > s.most {
		return 0, errAway
	}
	return s.Sink.Write(ctx, b)
}

func TestFault16TheFileSystemOfTheSpoolTurnsReadOnly(t *testing.T) {
	dir := mounted(t, "1m")
	remount := func(flags uintptr) {
		assert.NilError(t, unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|flags, "size=1m"))
	}
	remount(unix.MS_RDONLY)
	assert.ErrorIs(t, spool.New(&fault.Sink{}, dir, nil).Open(t.Context()), unix.EROFS)
	remount(0)
	script, back := untilBack()
	inner := fault.Sink{OnWrite: script}
	s := opened(t, &inner, dir, &spool.Options{Patience: 1, RetryMost: time.Millisecond})
	write(t, s, numbered(0, 9))
	back.Store(true)
	assert.NilError(t, s.Close(t.Context()))
	assert.DeepEqual(t, inner.Lines(), lines(0, 9))
}

func TestFault25ASegmentThatCannotBeRemovedIsEmptied(t *testing.T) {
	dir := t.TempDir()
	left(t, dir, 10, 1000, &spool.Options{SegmentBytes: 32 << 10})
	appendOnly := func(how string) error { // files can be made there and written to, none removed or renamed
		return exec.Command("chattr", how, dir).Run()
	}
	if err := appendOnly("+a"); err != nil {
		t.Skip("no folder can be append-only here: ", err)
	}
	defer func() { assert.NilError(t, appendOnly("-a")) }()
	got, st := replayed(t, dir)
	assert.DeepEqual(t, got, lines(0, 10_000))
	assert.Equal(t, st.Bytes, int64(0))
	got, _ = replayed(t, dir)
	assert.Equal(t, len(got), 0)
}
