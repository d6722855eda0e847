// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

// TestFault11And12 has two layers in one file, on a disk that is full at every
// seventh write, somewhere in the middle, while the file is rotated all the time.
func TestFault11And12EveryRecordOfAHandlerIsWrittenOnceAndWhole(t *testing.T) {
	const loggers, each = 4, 1500
	path := filepath.Join(t.TempDir(), "app.log")
	opts := &file.Options{MaxSize: 16 << 10}
	full := func(n int) fault.Action {
		if n%7 != 0 {
			return fault.Action{}
		}
		return fault.Short(n%211, syscall.ENOSPC)
	}
	var sinks []*file.Sink
	destination := func() []hydra.Destination {
		s, _ := faulty(path, opts, map[string]fault.Script{fault.Write: full})
		sinks = append(sinks, s)
		return []hydra.Destination{{Sink: s, Policy: hydra.Block}}
	}
	h, err := hydra.Open(hydra.Config{CloseTimeout: -1, Layers: map[string]hydra.Layer{ // all may still be queued
		"default": {Destinations: destination()},
		"audit":   {Destinations: destination()},
	}})
	assert.NilError(t, err)
	var wg sync.WaitGroup
	for i := range loggers {
		wg.Go(func() {
			log, audit := slog.New(h), slog.New(h).With("layer", "audit")
			for j := range each {
				log.Info("app", "logger", i, "n", j)
				audit.Info("audit", "logger", i, "n", j)
			}
		})
	}
	wg.Wait()
	assert.NilError(t, h.Close(t.Context()))
	seen := make(map[string]int)
	files := contents(t, path)
	for _, text := range files {
		for line := range strings.Lines(text) {
			var r struct {
				Msg       string
				Logger, N int
			}
			assert.NilError(t, json.Unmarshal([]byte(line), &r), line)
			seen[fmt.Sprint(r.Msg, r.Logger, ":", r.N)]++
		}
	}
	for _, s := range sinks {
		assert.Equal(t, s.Stats().RotationErrors+s.Stats().ReopenErrors, uint64(0), s.Stats().LastError)
	}
	assert.Assert(t, len(files) > 1, "nothing was rotated")
	assert.Equal(t, len(seen), 2*loggers*each)
	for record, times := range seen {
		assert.Equal(t, times, 1, record)
	}
}

func TestOnlySyncToTellsALogCallThatTheDiskFailed(t *testing.T) {
	tests := []struct {
		name string
		to   hydra.Promise
		want error // of the log call
	}{
		{name: "each batch is synced"},
		{name: "and the log call asks for it", to: hydra.SurvivesPower, want: syscall.EIO},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, sys := faulty(filepath.Join(t.TempDir(), "app.log"), &file.Options{Sync: file.SyncBatch},
				map[string]fault.Script{fault.Sync: fault.Always(fault.Fail(syscall.EIO))})
			syncs(sys)
			h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
				"default": {Destinations: []hydra.Destination{{Sink: s, SyncLevel: slog.LevelError, SyncTo: tt.to}}},
			}})
			assert.NilError(t, err)
			err = h.Handle(t.Context(), slog.Record{Level: slog.LevelError, Message: "one"})
			assert.Assert(t, errors.Is(err, tt.want), "got %v", err)
			assert.Equal(t, h.Health().Destinations[0].Status, hydra.StatusDegraded)
			assert.ErrorIs(t, h.Flush(t.Context()), syscall.EIO)
			assert.ErrorIs(t, h.Close(t.Context()), syscall.EIO)
		})
	}
}

func TestASecondHandlerDoesNotCloseTheFileOfTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var fallback fault.Writer
	cfg := hydra.Config{MemoryLimit: -1, Fallback: &fallback, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{Sink: file.New(path, nil)}}},
	}}
	first, err := hydra.Open(cfg)
	assert.NilError(t, err)
	_, err = hydra.Open(cfg)
	assert.ErrorContains(t, err, "this Sink is open already")
	second := hydra.NewHandler(cfg)
	assert.NilError(t, second.Close(t.Context()))
	slog.New(first).Info("one")
	assert.NilError(t, first.Close(t.Context()))
	assert.Equal(t, strings.Count(content(t, path), `"msg":"one"`), 1)
}

func TestFault59EachMistakeOfEachFileNamesItsPlace(t *testing.T) {
	wrong := &file.Options{MaxSize: 1, MaxAge: 1}
	_, err := hydra.Open(hydra.Config{MemoryLimit: -1, Layers: map[string]hydra.Layer{
		"a": {Destinations: []hydra.Destination{{Sink: file.New("a.log", wrong)}}},
		"b": {Destinations: []hydra.Destination{{Sink: file.New("b.log", wrong)}}},
	}})
	lines := strings.Split(err.Error(), "\n")
	assert.Equal(t, len(lines), 4, err)
	for i, want := range []string{"a", "a", "b", "b"} {
		place := fmt.Sprintf(`hydra: Layers[%q].Destinations[0].Sink: hydra: log file "%s.log": Options.Max`, want, want)
		assert.Assert(t, strings.HasPrefix(lines[i], place), lines[i])
	}
}
