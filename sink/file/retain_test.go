// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

func timeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

// unzip returns what is in the gzip file at path.
func unzip(t *testing.T, path string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(content(t, path)))
	assert.NilError(t, err)
	got, err := io.ReadAll(r)
	assert.NilError(t, err)
	return string(got)
}

// rotated writes lines to s, each to a file of its own, with an hour between.
func rotated(t *testing.T, s *file.Sink, lines ...string) {
	t.Helper()
	for _, line := range lines {
		write(t, s, line)
		assert.NilError(t, s.Rotate())
		synctest.Wait()
		time.Sleep(time.Hour)
	}
}

// lookalikes are files that are none of ours.
var lookalikes = []string{
	"app-.log", "app-important.log", "app-20000101T000000.000.log", "app-20000101T000000.000Z-00.log", "app-20000101T000000.000Z.log.zip",
	"bapp-20000101T000000.000Z.log", "app-20000101T000000.000Z.log.gz.tmp.1", "app.log.gz",
}

func TestFault25RetentionRemovesItsOwnFilesAndNoOthers(t *testing.T) {
	long := strings.Repeat("x", 1000)
	tests := []struct {
		name string
		opts file.Options
		want []string // contents that are left
	}{
		{name: "all", opts: file.Options{}, want: []string{"1\n", "2\n", "3\n", long + "\n", "4\n", ""}},
		{name: "by count", opts: file.Options{MaxFiles: 2}, want: []string{long + "\n", "4\n", ""}},
		{name: "by age", opts: file.Options{MaxAge: 210 * time.Minute}, want: []string{"3\n", long + "\n", "4\n", ""}},
		{name: "by bytes", opts: file.Options{MaxTotal: 1002}, want: []string{"4\n", ""}},
		{name: "by bytes, just enough", opts: file.Options{MaxTotal: 1003}, want: []string{long + "\n", "4\n", ""}},
		{name: "the least of all", opts: file.Options{MaxFiles: 3, MaxAge: 24 * time.Hour, MaxTotal: 1}, want: []string{""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				for _, name := range lookalikes {
					assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
				}
				assert.NilError(t, os.Mkdir(filepath.Join(dir, "app-20000101T000000.001Z.log"), 0o700))
				path := filepath.Join(dir, "app.log")
				s := file.New(path, &tt.opts)
				assert.NilError(t, s.Open(t.Context()))
				rotated(t, s, "1", "2", "3", long, "4")
				synctest.Wait()
				assert.NilError(t, s.Close(t.Context()))
				assert.NilError(t, os.Remove(filepath.Join(dir, "app-20000101T000000.001Z.log")))
				assert.DeepEqual(t, contents(t, path), tt.want)
				for _, name := range lookalikes {
					assert.Equal(t, content(t, filepath.Join(dir, name)), name)
				}
				assert.Equal(t, s.Stats().Removed, uint64(6-len(tt.want)))
			})
		})
	}
}

func TestRotatedFilesAreCompressedInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		opts := &file.Options{Compress: "gzip", MaxFiles: 2, Mode: 0o640}
		s := file.New(path, opts)
		assert.NilError(t, s.Open(t.Context()))
		rotated(t, s, "one", "two", "three")
		assert.NilError(t, s.Close(t.Context()))
		found := backups(t, path)
		assert.Equal(t, len(found), 2)
		for i, want := range []string{"two\n", "three\n"} {
			assert.Assert(t, strings.HasSuffix(found[i], "Z.log.gz"), found[i])
			assert.Equal(t, unzip(t, found[i]), want)
			info, err := os.Stat(found[i])
			assert.NilError(t, err)
			if isUnix {
				assert.Equal(t, info.Mode(), os.FileMode(0o640), "Fault34")
			}
		}
		assert.Equal(t, s.Stats().Compressed, uint64(3))
		assert.Equal(t, s.Stats().CompressErrors+s.Stats().RemoveErrors, uint64(0))
	})
}

// TestFault25 fails each call of a compression, at every place where it can fail.
func TestFault25AFailedCompressionLeavesTheFileAndIsTriedAgain(t *testing.T) {
	for _, op := range []string{fault.Open, fault.Write, fault.Sync, fault.Rename, fault.Remove, fault.ReadDir} {
		for nth := 1; ; nth++ {
			failed := false
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "app.log")
				assert.NilError(t, os.WriteFile(filepath.Join(dir, "app-20000101T000000.000Z.log"), []byte("one\n"), 0o600))
				broken := fault.At(nth, fault.Fail(syscall.EIO))
				s, sys := faulty(path, &file.Options{Compress: "gzip"}, map[string]fault.Script{op: broken})
				var background atomic.Bool
				sys.Only = func(string, string) bool { return background.Load() }
				assert.NilError(t, s.Open(t.Context()))
				background.Store(true)
				synctest.Wait()
				failed = sys.Count(op) >= nth
				time.Sleep(time.Minute) // until the next try
				synctest.Wait()
				assert.NilError(t, s.Close(t.Context()))
				assert.Equal(t, unzip(t, only(t, path)), "one\n", "%s %d", op, nth)
				entries, err := os.ReadDir(dir)
				assert.NilError(t, err)
				assert.Equal(t, len(entries), 2, "nothing else is left: %v", entries)
			})
			if !failed {
				break
			}
		}
	}
}

func TestFault8WhatADeadCompressionLeftIsTidiedUp(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write([]byte("one\n"))
	assert.NilError(t, errors.Join(err, w.Close()))
	var other bytes.Buffer // as another version would do it
	w, err = gzip.NewWriterLevel(&other, gzip.HuffmanOnly)
	assert.NilError(t, err)
	_, err = w.Write([]byte("one\n"))
	assert.NilError(t, errors.Join(err, w.Close()))
	assert.Assert(t, other.String() != zipped.String())
	const name = "app-20000101T000000.000Z.log"
	tests := []struct {
		name   string
		files  map[string]string
		want   []string // names in the folder, beside app.log
		errors uint64
	}{
		{name: "within gzip", files: map[string]string{name: "one\n", name + ".gz.tmp": "half"}, want: []string{name + ".gz"}},
		{name: "before the removal", files: map[string]string{name: "one\n", name + ".gz": zipped.String()}, want: []string{name + ".gz"}},
		{name: "before the removal, by another version", files: map[string]string{name: "one\n", name + ".gz": other.String()}, want: []string{name + ".gz"}},
		{name: "before the removal, by another version, and cut off", files: map[string]string{name: "one\n", name + ".gz": other.String()[:other.Len()-1]}, want: []string{name, name + ".gz"}, errors: 1},
		{name: "compressed content of another file", files: map[string]string{name: "two\n", name + ".gz": other.String()}, want: []string{name, name + ".gz"}, errors: 1},
		{name: "other content under the name", files: map[string]string{name: "one\n", name + ".gz": "foreign"}, want: []string{name, name + ".gz"}, errors: 1},
		{name: "longer content under the name", files: map[string]string{name: "one\n", name + ".gz": zipped.String() + "!"}, want: []string{name, name + ".gz"}, errors: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				for name, text := range tt.files {
					assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
				}
				s := file.New(filepath.Join(dir, "app.log"), &file.Options{Compress: "gzip"})
				assert.NilError(t, s.Open(t.Context()))
				synctest.Wait()
				assert.NilError(t, s.Close(t.Context()))
				entries, err := os.ReadDir(dir)
				assert.NilError(t, err)
				var got []string
				for _, e := range entries {
					got = append(got, e.Name())
				}
				assert.DeepEqual(t, got, append(tt.want, "app.log"))
				assert.Equal(t, s.Stats().CompressErrors, tt.errors)
			})
		})
	}
}

func TestFault25AFileThatCannotBeRemovedIsTriedAgain(t *testing.T) {
	for _, op := range []string{fault.Remove, fault.ReadDir, fault.Open} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			s, sys := faulty(path, &file.Options{MaxFiles: 1}, nil)
			assert.NilError(t, s.Open(t.Context()))
			rotated(t, s, "one")
			write(t, s, "two")
			assert.NilError(t, s.Close(t.Context()))
			assert.NilError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "app-19990101T000000.000Z.log"), nil, 0o600))

			sys.On = map[string]fault.Script{op: fault.Always(fault.Fail(syscall.EACCES))}
			sys.Only = func(op, name string) bool {
				return op == fault.ReadDir || strings.Contains(filepath.Base(name), "1999")
			}
			assert.NilError(t, s.Open(t.Context()))
			synctest.Wait()
			if op == fault.Open { // who may not open it may remove it
				assert.Equal(t, s.Stats().Removed, uint64(1))
			} else {
				assert.Equal(t, s.Stats().RemoveErrors, uint64(1))
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Equal(t, s.Stats().RemoveErrors, uint64(2))
			}
			assert.NilError(t, s.Close(t.Context()))
		})
	}
}

func TestFilesInUseByAnotherProcessStay(t *testing.T) {
	if !isUnix {
		t.Skip("there are no locks here")
	}
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "app.log")
		old := filepath.Join(dir, "app-19990101T000000.000Z.log")
		assert.NilError(t, os.WriteFile(old, []byte("old\n"), 0o600))
		unlock := lockFolder(t, old)
		s := file.New(path, &file.Options{Compress: "gzip", MaxAge: time.Hour})
		assert.NilError(t, s.Open(t.Context()))
		synctest.Wait()
		assert.Equal(t, content(t, old), "old\n")
		unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.NilError(t, s.Close(t.Context()))
		assert.Equal(t, len(backups(t, path)), 0)
		assert.Equal(t, s.Stats().RemoveErrors+s.Stats().CompressErrors, uint64(0))
	})
}

func TestFault24AFileThatCannotBeLookedAtIsNotRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		old := filepath.Join(filepath.Dir(path), "app-19990101T000000.000Z.log")
		assert.NilError(t, os.WriteFile(old, []byte("another process may be in the middle of this\n"), 0o600))
		s, sys := faulty(path, &file.Options{MaxAge: time.Hour}, map[string]fault.Script{fault.Open: fault.At(1, fault.Fail(syscall.EMFILE))})
		sys.Only = func(_, name string) bool { return name == old }
		assert.NilError(t, s.Open(t.Context()))
		synctest.Wait()
		assert.Equal(t, len(backups(t, path)), 1)
		assert.Equal(t, s.Stats().RemoveErrors, uint64(1))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, s.Stats().Removed, uint64(1))
		assert.NilError(t, s.Close(t.Context()))
	})
}

func TestCloseEndsACompression(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		compressing, proceed := make(chan struct{}), make(chan struct{})
		slow.Store(func() {
			close(compressing)
			<-proceed
		})
		s := file.New(path, &file.Options{Compress: "slow"})
		assert.NilError(t, s.Open(t.Context()))
		write(t, s, "one")
		assert.NilError(t, s.Rotate())
		<-compressing

		// A compressor that does not end is left behind at the end of the context.
		ctx, cancel := timeout(t, time.Second)
		defer cancel()
		assert.ErrorContains(t, s.Close(ctx), "does not end")
		close(proceed)
		synctest.Wait()
		assert.Equal(t, content(t, only(t, path)), "one\n")
		assert.Equal(t, s.Stats().CompressErrors, uint64(0))

		// It begins anew at the next Open, and its panics are errors.
		slow.Store(func() { panic("no memory") })
		assert.NilError(t, s.Open(t.Context()))
		synctest.Wait()
		assert.Equal(t, s.Stats().CompressErrors, uint64(1))
		assert.Assert(t, strings.Contains(s.Stats().LastError, "no memory"), s.Stats().LastError)
		slow.Store(func() {})
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.NilError(t, s.Close(t.Context()))
		assert.Equal(t, content(t, only(t, path)), "one\n")
		assert.Assert(t, strings.HasSuffix(only(t, path), ".slow"))
	})
}

// slow is what the compressor of that name does before it writes: a func().
var slow atomic.Value

// slowWriter compresses nothing.
type slowWriter struct{ io.Writer }

func (w slowWriter) Write(p []byte) (int, error) {
	slow.Load().(func())()
	return w.Writer.Write(p)
}

func (slowWriter) Close() error { return nil }

func init() {
	file.RegisterCompressor("slow", file.Compressor{Extension: ".slow", New: func(w io.Writer) (io.WriteCloser, error) { return slowWriter{w}, nil }})
	file.RegisterCompressor("none", file.Compressor{Extension: ".none", New: func(io.Writer) (io.WriteCloser, error) { return nil, errors.New("not today") }})
}

func TestACompressorThatDoesNotStartIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		s := file.New(path, &file.Options{Compress: "none"})
		assert.NilError(t, s.Open(t.Context()))
		rotated(t, s, "one")
		assert.NilError(t, s.Close(t.Context()))
		assert.Equal(t, content(t, only(t, path)), "one\n")
		assert.Assert(t, strings.Contains(s.Stats().LastError, "not today"), s.Stats().LastError)
	})
}

func TestUselessCompressorsAreRefusedWithTheReason(t *testing.T) {
	start := func(io.Writer) (io.WriteCloser, error) { return nil, nil }
	tests := []struct {
		name       string
		compressor file.Compressor
		want       string
	}{
		{"gzip", file.Compressor{Extension: ".x", New: start}, `RegisterCompressor("gzip"): the name is taken`},
		{"x", file.Compressor{Extension: ".gz", New: start}, `Extension ".gz" is that of "gzip"`},
		{"", file.Compressor{Extension: ".x", New: start}, "the name is empty"},
		{"x", file.Compressor{Extension: ".x"}, "New is nil"},
		{"x", file.Compressor{New: start}, `Extension "" must be a dot and a word`},
		{"x", file.Compressor{Extension: ".", New: start}, `Extension "." must be a dot and a word`},
		{"x", file.Compressor{Extension: "x", New: start}, `Extension "x" must be a dot and a word`},
		{"x", file.Compressor{Extension: "./x", New: start}, `Extension "./x" must be a dot and a word`},
		{"x", file.Compressor{Extension: ".tmp", New: start}, `Extension ".tmp" marks what is not finished`},
	}
	for _, tt := range tests {
		t.Run(tt.name+tt.compressor.Extension, func(t *testing.T) {
			defer func() {
				got := fmt.Sprint(recover())
				assert.Assert(t, strings.Contains(got, tt.want), "got %s, want %s", got, tt.want)
			}()
			file.RegisterCompressor(tt.name, tt.compressor)
		})
	}
}
