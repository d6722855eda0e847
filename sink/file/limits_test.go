// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// stuck makes the compressor "slow" wait at its next file. It returns a channel that
// is closed when it does, and what lets it go on.
func stuck() (compressing <-chan struct{}, proceed func()) {
	begun, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow.Store(func() {
		once.Do(func() {
			close(begun)
			<-release
		})
	})
	return begun, func() { close(release) }
}

// withOld makes a folder with rotated files, from oldest to newest, and returns the
// path of the log file there.
func withOld(t *testing.T, texts ...string) (path string) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		at := time.Now().UTC().Add(time.Duration(i-len(texts)) * time.Second)
		name := filepath.Join(dir, "app-"+at.Format("20060102T150405.000Z")+".log")
		assert.NilError(t, os.WriteFile(name, []byte(text), 0o600))
		assert.NilError(t, os.Chtimes(name, at, at))
	}
	return filepath.Join(dir, "app.log")
}

// limits keep the last two of files with one letter each, an hour apart.
var limits = []struct {
	name string
	opts file.Options
}{
	{name: "MaxFiles", opts: file.Options{MaxFiles: 2}},
	{name: "MaxTotal", opts: file.Options{MaxTotal: 2 * int64(len("a\n"))}},
	{name: "MaxAge", opts: file.Options{MaxAge: 90 * time.Minute}},
}

func TestWhatIsBeyondTheLimitsIsRemovedWhileACompressionIsUnderWay(t *testing.T) {
	for _, tt := range limits {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.log")
				compressing, proceed := stuck()
				opts := tt.opts
				opts.Compress = "slow"
				s := opened(t, path, &opts)
				for _, letter := range strings.Split("abcdefg", "") {
					if letter != "a" {
						time.Sleep(time.Hour)
					}
					write(t, s, letter)
					assert.NilError(t, s.Rotate())
					synctest.Wait()
					n := len(backups(t, path))
					assert.Assert(t, n <= 3, "%d files: those within the limits, and the one that is being compressed", n)
				}
				<-compressing
				proceed()
				synctest.Wait()
				assert.DeepEqual(t, contents(t, path), []string{"f\n", "g\n", ""})
				for _, name := range backups(t, path) {
					assert.Assert(t, strings.HasSuffix(name, ".slow"), name)
				}
				stats := s.Stats()
				assert.Equal(t, stats.Compressed, uint64(2), "the one that is beyond the limits is given up")
				assert.Equal(t, stats.Removed, uint64(5))
				assert.Equal(t, stats.CompressErrors+stats.RemoveErrors, uint64(0), stats.LastError)
			})
		})
	}
}

func TestNothingIsCompressedThatIsRemovedNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := withOld(t, "a\n", "b\n", "c\n", "d\n", "e\n")
		compressing, proceed := stuck()
		var packed []string // there is one compression at a time
		s, sys := faulty(path, &file.Options{MaxFiles: 3, Compress: "slow"}, nil)
		sys.Only = func(op, name string) bool {
			if from, ok := strings.CutSuffix(name, ".slow.tmp"); ok && op == fault.Open {
				packed = append(packed, content(t, from))
			}
			return false
		}
		open(t, s)
		<-compressing // e
		write(t, s, "f")
		assert.NilError(t, s.Rotate())
		synctest.Wait() // until c is removed
		proceed()
		synctest.Wait()
		assert.DeepEqual(t, packed, []string{"e\n", "f\n", "d\n"})
		assert.DeepEqual(t, contents(t, path), []string{"d\n", "e\n", "f\n", ""})
	})
}

func TestWhatACompressionHasWrittenTakesNoOtherFileWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 999) + "\n"
		path := withOld(t, long, long, long)
		compressing, proceed := make(chan struct{}), make(chan struct{})
		slow.Store(func() {})
		s, sys := faulty(path, &file.Options{MaxTotal: 3500, Compress: "slow"}, map[string]fault.Script{fault.Sync: func(n int) fault.Action {
			if n == 1 { // all is in the temporary file
				close(compressing)
				<-proceed
			}
			return fault.Action{}
		}})
		sys.Only = func(op, name string) bool { return op == fault.Sync && strings.HasSuffix(name, ".tmp") }
		open(t, s)
		<-compressing
		write(t, s, "a")
		assert.NilError(t, s.Rotate())
		synctest.Wait()
		close(proceed)
		synctest.Wait()
		assert.DeepEqual(t, contents(t, path), []string{long, long, long, "a\n", ""})
		assert.Equal(t, s.Stats().Compressed, uint64(4))
	})
}

func TestWhatOtherProcessesFoundInACompressionIsRemovedAfterIt(t *testing.T) {
	if !isUnix {
		t.Skip("there are no locks here")
	}
	synctest.Test(t, func(t *testing.T) {
		path := withOld(t, "a\n")
		compressing, proceed := stuck()
		opts := &file.Options{MaxFiles: 1, Compress: "slow"}
		s := opened(t, path, opts)
		<-compressing
		other := opened(t, path, opts)
		write(t, other, "b")
		assert.NilError(t, other.Rotate())
		assert.NilError(t, other.Close(t.Context()))
		assert.DeepEqual(t, contents(t, path), []string{"a\n", "b\n", ""})
		proceed()
		synctest.Wait()
		assert.DeepEqual(t, contents(t, path), []string{"b\n", ""})
		assert.Equal(t, s.Stats().RemoveErrors+other.Stats().RemoveErrors, uint64(0))
	})
}

func TestCloseRemovesWhatIsBeyondTheLimits(t *testing.T) {
	for _, tt := range limits {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := withOld(t, "a\n", "b\n", "c\n", "d\n")
				removing, proceed := make(chan struct{}), make(chan struct{})
				s, _ := faulty(path, &tt.opts, map[string]fault.Script{fault.Remove: func(n int) fault.Action {
					if n == 1 {
						close(removing)
						<-proceed
					}
					return fault.Action{}
				}})
				time.Sleep(4 * time.Hour)
				assert.NilError(t, s.Open(t.Context()))
				if tt.opts.MaxAge == 0 {
					<-removing
				} else {
					synctest.Wait() // all are old
				}
				for _, letter := range strings.Split("efghi", "") {
					write(t, s, letter)
					assert.NilError(t, s.Rotate())
					time.Sleep(time.Hour)
				}
				closed := make(chan error)
				go func() { closed <- s.Close(context.Background()) }()
				synctest.Wait() // until it waits
				close(proceed)
				assert.NilError(t, <-closed)
				want := []string{"h\n", "i\n", ""}
				if tt.opts.MaxAge > 0 { // the last one is an hour old
					want = want[1:]
				}
				assert.DeepEqual(t, contents(t, path), want)
			})
		})
	}
}

func TestCloseRemovesWhatIsBeyondTheLimitsThoughACompressionDoesNotEnd(t *testing.T) {
	tests := []struct {
		name string
		ends bool     // the compression, within the context of Close
		want []string // contents that are left
	}{
		{name: "at all", want: []string{"a\n", "e\n", "f\n", ""}}, // a was being compressed
		{name: "at once", ends: true, want: []string{"e\n", "f\n", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := withOld(t, "a\n")
				compressing, proceed := stuck()
				s := file.New(path, &file.Options{MaxFiles: 2, Compress: "slow"})
				assert.NilError(t, s.Open(t.Context()))
				<-compressing
				for _, letter := range strings.Split("bcdef", "") {
					write(t, s, letter)
					assert.NilError(t, s.Rotate())
				}
				ctx, cancel := timeout(t, time.Second)
				defer cancel()
				if tt.ends {
					time.AfterFunc(time.Second/2, proceed)
					assert.NilError(t, s.Close(ctx))
				} else {
					assert.ErrorContains(t, s.Close(ctx), "does not end")
				}
				assert.DeepEqual(t, contents(t, path), tt.want)
				if !tt.ends {
					proceed()
				}
				synctest.Wait()
				assert.Equal(t, s.Stats().Compressed, uint64(0))

				assert.NilError(t, s.Open(t.Context())) // a later one tidies up
				synctest.Wait()
				assert.DeepEqual(t, contents(t, path), []string{"e\n", "f\n", ""})
				assert.NilError(t, s.Close(t.Context()))
				assert.Equal(t, s.Stats().Compressed, uint64(2))
				assert.Equal(t, s.Stats().CompressErrors+s.Stats().RemoveErrors, uint64(0), s.Stats().LastError)
			})
		})
	}
}

func TestCloseRemovesItsOwnFileWhereOthersHaveRotatedIt(t *testing.T) {
	if !isUnix {
		t.Skip("open files cannot be renamed here")
	}
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		opts := &file.Options{MaxFiles: 1}
		s, other := file.New(path, opts), file.New(path, opts)
		assert.NilError(t, s.Open(t.Context()))
		assert.NilError(t, other.Open(t.Context()))
		for _, letter := range []string{"a", "b", "c"} {
			write(t, other, letter)
			assert.NilError(t, other.Rotate())
		}
		assert.NilError(t, other.Close(t.Context()))
		assert.DeepEqual(t, contents(t, path), []string{"a\n", "c\n", ""}) // s has the first one open
		assert.NilError(t, s.Close(t.Context()))
		assert.DeepEqual(t, contents(t, path), []string{"c\n", ""})
	})
}

func TestCloseRemovesNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := withOld(t, "a\n", "b\n", "c\n")
		ctx, cancel := context.WithCancel(t.Context())
		var closing atomic.Bool
		s, sys := faulty(path, &file.Options{MaxFiles: 1}, map[string]fault.Script{fault.Remove: func(int) fault.Action {
			cancel()
			return fault.Action{}
		}})
		sys.Only = func(op, _ string) bool {
			return op == fault.Remove && closing.Load()
		}
		assert.NilError(t, s.Open(t.Context()))
		synctest.Wait()
		assert.DeepEqual(t, contents(t, path), []string{"c\n", ""})
		for _, name := range []string{"app-19990101T000000.000Z.log", "app-19990101T000000.001Z.log"} {
			assert.NilError(t, os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte("old\n"), 0o600))
		}
		closing.Store(true)
		assert.ErrorIs(t, s.Close(ctx), context.Canceled)
		synctest.Wait()
		assert.DeepEqual(t, contents(t, path), []string{"old\n", "c\n", ""})
	})
}

func TestFault25CloseIsNoFailureWhereAFileCannotBeRemoved(t *testing.T) {
	tests := []struct {
		name   string
		op     string
		action fault.Action
	}{
		{name: "an error", op: fault.Remove, action: fault.Fail(syscall.EACCES)},
		{name: "an error of the folder", op: fault.ReadDir, action: fault.Fail(syscall.EIO)},
		{name: "a panic", op: fault.ReadDir, action: fault.Panic("no memory")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := withOld(t, "a\n", "b\n")
				s, _ := faulty(path, &file.Options{MaxFiles: 1}, map[string]fault.Script{tt.op: fault.First(2, tt.action)})
				assert.NilError(t, s.Open(t.Context()))
				synctest.Wait()
				assert.Equal(t, s.Stats().RemoveErrors, uint64(1))
				assert.NilError(t, s.Close(t.Context()))
				assert.Equal(t, s.Stats().RemoveErrors, uint64(2))
				assert.DeepEqual(t, contents(t, path), []string{"a\n", "b\n", ""})

				assert.NilError(t, s.Open(t.Context()))
				synctest.Wait()
				assert.NilError(t, s.Close(t.Context()))
				assert.DeepEqual(t, contents(t, path), []string{"b\n", ""})
			})
		})
	}
}

// fatten writes more than it gets, as compressors do with what cannot be compressed,
// and then waits and fails.
type fatten struct{ io.Writer }

var fattenHook func() error

func (w fatten) Write(p []byte) (int, error) {
	if _, err := w.Writer.Write(append([]byte("12 bytes more"), p...)); err != nil {
		return 0, err
	}
	return len(p), fattenHook()
}
func (fatten) Close() error { return nil }

func init() {
	file.RegisterCompressor("fat", file.Compressor{Extension: ".fat", New: func(w io.Writer) (io.WriteCloser, error) { return fatten{w}, nil }})
}

func TestWhatACompressionHasWrittenThatGrowsTakesNoOtherFileWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 999) + "\n"
		path := withOld(t, long, long)
		compressing, proceed := make(chan struct{}), make(chan struct{})
		n := 0
		fattenHook = func() error {
			if n++; n == 1 {
				close(compressing)
				<-proceed
			}
			return errors.New("no space left")
		}
		s := opened(t, path, &file.Options{MaxTotal: 2002, Compress: "fat"})
		<-compressing // the newest of the two: 1000 bytes
		write(t, s, "a")
		assert.NilError(t, s.Rotate()) // 2002 bytes now: within the limit
		synctest.Wait()
		close(proceed)
		synctest.Wait()
		assert.DeepEqual(t, contents(t, path), []string{long, long, "a\n", ""})
	})
}
