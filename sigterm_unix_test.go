// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// A process that is asked to end closes its handler while everybody still logs.
func TestFault9SIGTERMUnderLoadLosesNothing(t *testing.T) {
	if isChild(t) {
		logUntilSIGTERM(os.Getenv("HYDRA_TEST_FILE"))
	}
	path := filepath.Join(t.TempDir(), "app.log")
	cmd := child(t)
	cmd.Env = append(cmd.Env, "HYDRA_TEST_FILE="+path)
	ready, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	signalled := make(chan error)
	go func() { // ends when the child logs, or has ended
		var pid int
		_, err := fmt.Fscanln(ready, &pid)
		if err == nil {
			err = unix.Kill(pid, unix.SIGTERM)
		}
		signalled <- err
	}()
	got := report(t, cmd)
	assert.NilError(t, <-signalled)
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	lines := strings.Count(string(text), `"msg":"m"`) // there may be a marker of what was refused
	assert.Assert(t, lines > 1000, "%d lines", lines)
	assert.Equal(t, got, fmt.Sprintf("<nil>, %[1]d accepted, %[1]d written, as many refused as the fallback has: true", lines))
}

// logUntilSIGTERM is the child: it logs to a file from several goroutines, which
// go on until they are refused, and reports what it was told and what is so.
func logUntilSIGTERM(path string) {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	f, err := os.Create(path)
	if err != nil {
		endChild("%v", err)
	}
	h := NewHandler(Config{MemoryLimit: -1, Layers: map[string]Layer{
		"default": {Destinations: []Destination{{Sink: Writer(f), Policy: Block, Queue: Queue{Records: 256}}}},
	}})
	var accepted, refused atomic.Uint64
	var producers sync.WaitGroup
	for range 6 {
		producers.Go(func() {
			for {
				err := h.Handle(context.Background(), slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0))
				if errors.Is(err, ErrClosed) {
					refused.Add(1)
					return
				} else if err == nil && accepted.Add(1) == 1001 {
					fmt.Println(os.Getpid())
				}
			}
		})
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = h.Close(end)
	producers.Wait()
	d := h.Health().Destinations[0]
	endChild("%v, %d accepted, %d written, as many refused as the fallback has: %v", err, accepted.Load(), d.Written, d.Fallback == refused.Load())
}
