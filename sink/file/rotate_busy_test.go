// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

func TestARotationElsewhereInTheFolderIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		s := opened(t, path, &file.Options{MaxSize: 1024})
		unlock := lockFolder(t, filepath.Dir(path))
		big := strings.Repeat("x", 1000)
		write(t, s, big)
		time.AfterFunc(20*time.Millisecond, unlock)
		write(t, s, big, big)
		assert.DeepEqual(t, contents(t, path), []string{big + "\n", big + "\n", big + "\n"})
		assert.Equal(t, s.Stats().RotationErrors, uint64(0))
	})
}

func TestFault23ARotationElsewhereThatDoesNotEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		s := opened(t, path, &file.Options{MaxSize: 1024})
		unlock := lockFolder(t, filepath.Dir(path))
		big := strings.Repeat("x", 1000)
		for range 10 {
			write(t, s, big)
			time.Sleep(time.Second)
		}
		stats := s.Stats()
		assert.Assert(t, stats.RotationErrors > 0 && stats.RotationErrors < 5, "got %+v", stats)
		assert.Assert(t, strings.Contains(stats.LastError, "another rotation is going on in its folder"), "got %+v", stats)
		assert.DeepEqual(t, contents(t, path), []string{strings.Repeat(big+"\n", 10)})
		unlock()
		time.Sleep(time.Minute)
		write(t, s, "new")
		assert.Equal(t, content(t, path), "new\n")
	})
}

func TestFault23TwoRotationsElsewhereAreNotOneThatDoesNotEnd(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be renamed here")
	}
	big := strings.Repeat("x", 1000)
	tests := []struct {
		name string
		opts file.Options
		due  bool
	}{
		{name: "by size", opts: file.Options{MaxSize: 1024}},
		{name: "by time", opts: file.Options{RotateEvery: time.Hour}, due: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				s, other := opened(t, path, &tt.opts), opened(t, path, &tt.opts)
				for range 2 {
					write(t, s, big)
					if tt.due {
						s.SetDue(time.Now())
					}
					unlock := lockFolder(t, filepath.Dir(path))
					write(t, s, big) // has to do without a rotation
					unlock()
					assert.NilError(t, other.Rotate())
					write(t, s, "new")
					time.Sleep(10 * time.Second)
				}
				assert.Equal(t, s.Stats().RotationErrors, uint64(0), s.Stats().LastError)
				assert.DeepEqual(t, contents(t, path)[0], big+"\n"+big+"\n")
			})
		})
	}
}

func TestAWriteWaitsForARotationElsewhereNoLongerThanItsContext(t *testing.T) {
	big := strings.Repeat("x", 1000)
	tests := []struct {
		name string
		opts file.Options
		due  bool
		want int // bytes that are written before the wait
	}{
		{name: "by size", opts: file.Options{MaxSize: 1024}, want: len("one\n")},
		{name: "by time", opts: file.Options{RotateEvery: time.Hour}, due: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				s := opened(t, path, &tt.opts)
				write(t, s, big)
				if tt.due {
					s.SetDue(time.Now())
				}
				unlock := lockFolder(t, filepath.Dir(path))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				begun, b := time.Now(), batchOf("one", big)
				n, err := s.Write(ctx, b)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.ErrorContains(t, err, "another rotation is going on in its folder")
				assert.Equal(t, n, tt.want)
				assert.Equal(t, time.Since(begun), 10*time.Millisecond)
				assert.Equal(t, content(t, path), big+"\n"+string(b.Bytes[:n]))
				unlock()
				_, err = s.Write(t.Context(), rest(b, n))
				assert.NilError(t, err)
				assert.DeepEqual(t, contents(t, path), []string{big + "\n" + string(b.Bytes[:n]), string(b.Bytes[n:])})
				assert.Equal(t, s.Stats().RotationErrors, uint64(0))
			})
		})
	}
}

func TestFault23WhileRotationsFailThoseOfOthersAreFollowedWithinABatch(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be renamed here")
	}
	path := filepath.Join(t.TempDir(), "app.log")
	opts := &file.Options{MaxSize: 1024}
	s, sys := faulty(path, opts, nil)
	other := opened(t, path, opts)
	open(t, s)
	big := strings.Repeat("x", 1000)
	write(t, s, big)
	sys.On = map[string]fault.Script{
		fault.Rename: fault.Always(fault.Fail(syscall.EACCES)),
		fault.Write: func(n int) fault.Action {
			if n == 2 {
				assert.Check(t, other.Rotate())
			}
			return fault.Action{}
		},
	}
	write(t, s, big, big, big)
	assert.DeepEqual(t, contents(t, path), []string{strings.Repeat(big+"\n", 2), strings.Repeat(big+"\n", 2)})
	assert.Assert(t, s.Stats().RotationErrors > 0)
}
