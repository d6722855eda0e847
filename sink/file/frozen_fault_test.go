// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build fault && linux

package file_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/sink/file"
)

// freezable returns a folder with a file system of its own, on a disk that hangs
// between the calls of freeze and thaw. Whatever becomes of the test, another
// process thaws it after a minute: who writes to it meanwhile cannot be killed.
func freezable(t *testing.T) (dir string, freeze, thaw func()) {
	t.Helper()
	dir = t.TempDir()
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	assert.NilError(t, err)
	assert.NilError(t, errors.Join(f.Truncate(32<<20), f.Close()))
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Logf("%s %v: %v %s", name, args, err, out)
		}
		return err
	}
	if run("mkfs.ext4", "-q", image) != nil || run("mount", "-o", "loop", image, dir) != nil {
		t.Skip("no file system can be made and mounted here")
	}
	t.Cleanup(func() { assert.NilError(t, unix.Unmount(dir, unix.MNT_DETACH)) })

	guard := exec.Command("sh", "-c", `timeout 60 cat; fsfreeze -u "$0"`, dir)
	release, err := guard.StdinPipe()
	assert.NilError(t, err)
	assert.NilError(t, guard.Start())
	thawed := false
	thaw = func() {
		if !thawed {
			thawed = true
			assert.NilError(t, release.Close())
			_ = guard.Wait() // fails where nothing was frozen
		}
	}
	t.Cleanup(thaw)
	return dir, func() {
		if run("fsfreeze", "-f", dir) != nil {
			t.Skip("the file system cannot be frozen here")
		}
	}, thaw
}

func TestFault33AFrozenDiskHoldsUpItsOwnSinkOnly(t *testing.T) {
	dir, freeze, thaw := freezable(t)
	s := file.New(filepath.Join(dir, "app.log"), &file.Options{Sync: file.SyncFlush})
	assert.NilError(t, s.Open(t.Context()))
	write(t, s, "one")
	freeze()
	wrote := make(chan error)
	go func() { // ends when the file system has thawed
		_, err := s.Write(context.Background(), batchOf("two"))
		wrote <- err
	}()
	other := opened(t, filepath.Join(t.TempDir(), "other.log"), &file.Options{MaxSize: 1024})
	for range 100 {
		write(t, other, strings.Repeat("x", 500))
	}
	assert.Equal(t, s.Stats().LastError, "")
	select {
	case err := <-wrote:
		t.Error("a frozen file system took a write: ", err)
	default:
	}
	thaw()
	assert.NilError(t, <-wrote)
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, content(t, filepath.Join(dir, "app.log")), "one\ntwo\n")
}

func TestFault33And65AFrozenDiskChangesNothingForTheProgram(t *testing.T) {
	dir, freeze, thaw := freezable(t)
	otherPath := filepath.Join(t.TempDir(), "other.log")
	h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{
			{Name: "frozen", Sink: file.New(filepath.Join(dir, "app.log"), nil), Queue: hydra.Queue{Records: 100}},
			{Name: "other", Sink: file.New(otherPath, nil)},
		}},
	}})
	log := slog.New(h)
	log.Info("before")
	assert.NilError(t, h.Flush(t.Context()))
	freeze()
	const records = 1000
	for i := range records {
		log.Info("m", "i", i)
	}
	runtime.GC() // would not return if a goroutine could not be stopped
	for h.Health().Destinations[1].Written < records+1 {
		runtime.Gosched() // go test has a timeout
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begin := time.Now()
	var failure *hydra.DeliveryError
	assert.Assert(t, errors.As(h.Close(ctx), &failure))
	assert.Assert(t, time.Since(begin) < 5*time.Second, "Close took %v", time.Since(begin)) // without that second ten, or for ever
	assert.Equal(t, len(failure.Deliveries), 1)
	got := failure.Deliveries[0]
	assert.Equal(t, got.Destination, "frozen")
	assert.ErrorContains(t, got.Err, "has not returned")
	frozen := h.Health().Destinations[0]
	assert.Assert(t, got.Unknown > 0 && frozen.Pending == got.Unknown && frozen.Dropped > 0, "got %+v and %+v", got, frozen)
	assert.Equal(t, frozen.Offered, frozen.Written+frozen.Fallback+frozen.Dropped+frozen.Rejected+frozen.Spooled+frozen.Pending)

	thaw()
	for h.Health().Destinations[0].Pending > 0 { // what was unknown is settled
		runtime.Gosched()
	}
	frozen = h.Health().Destinations[0]
	assert.Equal(t, strings.Count(content(t, filepath.Join(dir, "app.log")), `"msg":"m"`), int(frozen.Written)-1)
	assert.Equal(t, strings.Count(content(t, otherPath), "\n"), records+1)
}
