// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build fault && linux

package file_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
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

func TestFault11And12AFullDiskThatHasSpaceAgain(t *testing.T) {
	dir := mounted(t, "256k")
	path := filepath.Join(dir, "app.log")
	s := opened(t, path, &file.Options{MaxSize: 1 << 20, Sync: file.SyncFlush})
	ballast := filepath.Join(dir, "ballast")
	assert.NilError(t, os.WriteFile(ballast, make([]byte, 150<<10), 0o600))
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprint(i, strings.Repeat("x", 997)))
	}
	b := batchOf(lines...)
	n, err := s.Write(t.Context(), b)
	assert.ErrorIs(t, err, unix.ENOSPC)
	assert.Assert(t, n > 0 && n < len(b.Bytes), n)
	for range 3 { // it stays full
		more, err := s.Write(t.Context(), rest(b, n))
		assert.ErrorIs(t, err, unix.ENOSPC)
		n += more
	}
	assert.NilError(t, os.Remove(ballast))
	more, err := s.Write(t.Context(), rest(b, n))
	assert.NilError(t, err)
	assert.Equal(t, n+more, len(b.Bytes))
	assert.NilError(t, s.Flush(t.Context()))
	assert.Equal(t, content(t, path), string(b.Bytes))
}

func TestFault11And13AHandlerOutlastsAFullDisk(t *testing.T) {
	dir := mounted(t, "256k")
	path, ballast := filepath.Join(dir, "app.log"), filepath.Join(dir, "ballast")
	assert.NilError(t, os.WriteFile(ballast, make([]byte, 150<<10), 0o600))
	h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{Sink: file.New(path, nil), RetryFor: time.Minute, Policy: hydra.Block}}},
	}})
	for i := range 200 {
		slog.New(h).Info("m", "i", i, "x", strings.Repeat("x", 800))
	}
	for len(h.Health().Destinations[0].Errors) == 0 {
		runtime.Gosched() // go test has a timeout
	}
	d := h.Health().Destinations[0]
	assert.Equal(t, d.Status, hydra.StatusDegraded)
	assert.Equal(t, d.Errors[0].Kind, errs.NoSpace)
	assert.Equal(t, d.Fallback+d.Dropped, uint64(0), "what was not written is kept")
	assert.NilError(t, os.Remove(ballast))
	assert.NilError(t, h.Close(t.Context()))
	next := 0
	for line := range strings.Lines(content(t, path)) {
		assert.Assert(t, strings.Contains(line, fmt.Sprintf(`"msg":"m","i":%d,"x":"x`, next)), line)
		next++
	}
	assert.Equal(t, next, 200)
}

func TestFault14ALimitOnTheSizeOfFiles(t *testing.T) {
	if isChild(t) {
		ctx := context.Background()
		path := filepath.Join(os.Getenv(childDir), "app.log")
		s := file.New(path, nil)
		err := errors.Join(s.Open(ctx), unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: unix.RLIM_INFINITY}))
		for i := range 100 {
			_, werr := s.Write(ctx, batchOf(fmt.Sprint(i, strings.Repeat("x", 300))))
			err = errors.Join(err, werr)
		}
		_, tooLarge := s.Write(ctx, batchOf(strings.Repeat("x", 5000)))
		endChild("%v %d %v", err, s.Stats().Rotations, errors.Is(tooLarge, unix.EFBIG))
	}
	dir := t.TempDir()
	assert.Equal(t, report(t, dir), "<nil> 8 true")
	all := strings.Join(contents(t, filepath.Join(dir, "app.log")), "")
	for i := range 100 {
		assert.Equal(t, strings.Count("\n"+all, fmt.Sprint("\n", i, strings.Repeat("x", 300), "\n")), 1, "line %d", i)
	}
}

func TestFault16AFileSystemThatBecomesReadOnly(t *testing.T) {
	dir := mounted(t, "1m")
	path := filepath.Join(dir, "app.log")
	remount := func(flags uintptr) {
		assert.NilError(t, unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|flags, "size=1m"))
	}
	remount(unix.MS_RDONLY)
	s := file.New(path, nil)
	err := s.Open(t.Context())
	assert.ErrorContains(t, err, "the file system is read-only: choose another path")
	assert.ErrorContains(t, err, path)
	remount(0)
	open(t, s)
	write(t, s, "one")
	assert.Equal(t, content(t, path), "one\n")
}

func TestFault23And17AFolderThatBecomesReadOnly(t *testing.T) {
	dir := mounted(t, "1m")
	path := filepath.Join(dir, "app.log")
	// The file is open through the first mount, which stays writable; the folder
	// that a rotation sees is the second, which does not.
	s := opened(t, path, &file.Options{MaxSize: 1024})
	write(t, s, "one")
	assert.NilError(t, unix.Mount(dir, dir, "", unix.MS_BIND, ""))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	assert.NilError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	assert.ErrorIs(t, s.Rotate(), unix.EROFS)
	assert.ErrorIs(t, s.Reopen(), unix.EROFS)
	write(t, s, "two")
	assert.Equal(t, s.Stats().RotationErrors, uint64(1))
	assert.Equal(t, content(t, path), "one\ntwo\n")
}

func TestFault24NoDescriptorsAtRotation(t *testing.T) {
	if isChild(t) {
		ctx := context.Background()
		path := filepath.Join(os.Getenv(childDir), "app.log")
		s := file.New(path, &file.Options{MaxSize: 1024})
		err := s.Open(ctx)
		var before unix.Rlimit
		err = errors.Join(err, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
		// The lowest free descriptors decide how far a rotation comes.
		probe, perr := os.Open(path)
		err = errors.Join(err, perr)
		free := uint64(probe.Fd())
		err = errors.Join(err, probe.Close())
		for i, spare := range []uint64{0, 1, 2} {
			err = errors.Join(err, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: free + spare, Max: before.Max}))
			_, werr := s.Write(ctx, batchOf(fmt.Sprint(i)))
			if rerr := s.Rotate(); spare < 2 && !errors.Is(rerr, unix.EMFILE) {
				werr = errors.Join(werr, fmt.Errorf("with %d spare descriptors: %w", spare, rerr))
			}
			err = errors.Join(err, werr)
		}
		err = errors.Join(err, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
		_, werr := s.Write(ctx, batchOf("3"))
		endChild("%v", errors.Join(err, werr, s.Close(ctx)))
	}
	dir := t.TempDir()
	assert.Equal(t, report(t, dir), "<nil>")
	assert.Equal(t, strings.Join(contents(t, filepath.Join(dir, "app.log")), ""), "0\n1\n2\n3\n")
}

// TestFault5And8And25 kills two processes over and over while they write to one file,
// rotate and compress it, and looks for every record whose Write returned.
func TestFault5And8And25KilledAtAnyMomentNothingIsLostOrTwice(t *testing.T) {
	const processes, kills = 2, 40
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	opts := &file.Options{MaxSize: 16 << 10, Compress: "gzip"}
	if isChild(t) {
		ctx := context.Background()
		s := file.New(filepath.Join(os.Getenv(childDir), "app.log"), opts)
		if err := s.Open(ctx); err != nil {
			endChild("%v\n", err)
		}
		acks := os.NewFile(3, "acks")
		for i := 0; ; i++ {
			line := fmt.Sprintf("%d-%d %s.", os.Getpid(), i, strings.Repeat("x", i%1500))
			if _, err := s.Write(ctx, batchOf(line)); err != nil {
				endChild("%v\n", err)
			}
			if _, err := fmt.Fprintf(acks, "%d-%d\n", os.Getpid(), i); err != nil {
				os.Exit(1)
			}
		}
	}
	acked := make(map[string]bool)
	var mu sync.Mutex // guards acked
	var wg sync.WaitGroup
	for range processes {
		wg.Go(func() {
			for range kills {
				ids, err := killed(t, dir, 20+rand.IntN(400))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, id := range ids {
					acked[id] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()

	synctest.Test(t, func(t *testing.T) {
		s := file.New(path, opts)
		assert.NilError(t, s.Open(t.Context()))
		write(t, s, "the end.")
		synctest.Wait()
		assert.NilError(t, s.Close(t.Context()))
		assert.Equal(t, s.Stats().CompressErrors, uint64(0), s.Stats().LastError)
	})
	seen := make(map[string]int)
	torn := 0
	for _, f := range append(backups(t, path), path) {
		text := ""
		if f == path {
			text = content(t, f)
		} else {
			assert.Assert(t, strings.HasSuffix(f, ".log.gz"), f)
			text = unzip(t, f)
		}
		for line := range strings.Lines(text) {
			id, _, _ := strings.Cut(line, " ")
			if seen[id]++; !strings.HasSuffix(line, ".\n") {
				torn++
				assert.Assert(t, !acked[id], "torn though acknowledged: %q", line)
			}
		}
	}
	for id := range acked {
		assert.Equal(t, seen[id], 1, "%s", id)
	}
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(entries), len(backups(t, path))+1, "nothing else is left")
	t.Logf("%d kills, %d records acknowledged, 0 lost, 0 twice, %d torn and not acknowledged", processes*kills, len(acked), torn)
}

// killed starts the test again as a child, kills it after some lines of its report,
// and returns all of them.
func killed(t *testing.T, dir string, lines int) (report []string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name(), childDir+"="+dir)
	cmd.ExtraFiles = []*os.File{w}
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		return nil, err
	}
	s := bufio.NewScanner(r)
	for s.Scan() { // goes on after the kill with what the pipe holds
		if report = append(report, s.Text()); len(report) == lines {
			err = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait() // it was killed
	return report, errors.Join(err, s.Err())
}
