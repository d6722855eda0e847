// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

// TestFault46AnOutageLongerThanMemory logs, during an outage, many times what the
// queue holds, ends the handler and starts it again.
func TestFault46AnOutageLongerThanMemory(t *testing.T) {
	const records = 2000
	dir := t.TempDir()
	start := func(inner *fault.Sink) *hydra.Handler {
		h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
			Sink: spool.New(inner, dir, nil), Queue: hydra.Queue{Records: 32}, Policy: hydra.Block,
		}}}}})
		assert.NilError(t, err)
		return h
	}
	away := fault.Sink{OnWrite: fault.Always(fault.Fail(errAway))}
	h := start(&away)
	log := slog.New(h)
	for i := range records {
		log.Info("during", "n", i)
	}
	assert.NilError(t, h.Flush(t.Context())) // all of it is in the spool
	assert.NilError(t, h.FlushTo(t.Context(), hydra.SurvivesProcess))
	assert.ErrorContains(t, h.FlushTo(t.Context(), hydra.SurvivesPower), "cannot promise that records survive a loss of power")
	d := h.Health().Destinations[0]
	assert.Equal(t, d.Spooled, uint64(records))
	assert.Equal(t, d.Written+d.Fallback+d.Dropped+d.Rejected+d.Pending, uint64(0))
	assert.Equal(t, d.Status, hydra.StatusDegraded)
	table := h.Health().String()
	assert.Assert(t, strings.Contains(table, "spooling: ") && strings.Contains(table, errAway.Error()), table)
	text, err := json.Marshal(d)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(text), `"sink_state":{"mode":"spooling","records":2000,`), string(text))
	err = h.Close(t.Context())
	var failed *hydra.DeliveryError
	assert.Assert(t, errors.As(err, &failed), "%v", err)
	assert.Equal(t, failed.Deliveries[0].Spooled, uint64(records))
	assert.Equal(t, h.Health().Destinations[0].Spooled, uint64(records))

	var back fault.Sink
	h = start(&back)
	slog.New(h).Info("after", "n", records)
	assert.NilError(t, h.Close(t.Context()))
	lines := back.Lines()
	assert.Equal(t, len(lines), records+1)
	for i, line := range lines {
		var r struct{ N int }
		assert.NilError(t, json.Unmarshal([]byte(line), &r))
		assert.Equal(t, r.N, i)
	}
	d = h.Health().Destinations[0]
	assert.Equal(t, d.Written, uint64(1))
	assert.Equal(t, d.Spooled, uint64(0))
	sound(t, &away)
	sound(t, &back)
}

func TestAFullSpoolSendsRecordsToTheFallback(t *testing.T) {
	away := fault.Sink{OnWrite: fault.Always(fault.Fail(errAway))}
	var fallback fault.Writer
	h, err := hydra.Open(hydra.Config{
		Fallback: &fallback,
		Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
			Sink:     spool.New(&away, t.TempDir(), &spool.Options{MaxBytes: 4 << 10, Patience: 1}),
			RetryFor: 1, Policy: hydra.Block,
		}}}},
	})
	assert.NilError(t, err)
	log := slog.New(h)
	for i := range 500 {
		log.Info("during", "n", i)
	}
	assert.NilError(t, errors.Join(nil, ignoreDelivery(h.Flush(t.Context()))))
	d := h.Health().Destinations[0]
	assert.Assert(t, d.Spooled > 0 && d.Fallback > 0, "%d spooled, %d to the fallback", d.Spooled, d.Fallback)
	assert.Equal(t, d.Spooled+d.Fallback, uint64(500))
	assert.NilError(t, ignoreDelivery(h.Close(t.Context())))
	n := 0
	for _, line := range fallback.Lines() {
		if strings.Contains(line, `"msg":"during"`) {
			n++
		}
	}
	assert.Equal(t, uint64(n), d.Fallback)
}

// What somebody does to the files of a spool during an outage must not make records
// count as written that the inner sink never got.
func TestFault18WhatIsLostInTheSpoolIsDroppedAndNotWritten(t *testing.T) {
	const records = 50
	tests := []struct {
		name     string
		harm     func(t *testing.T, dir string)
		wantLost uint64
	}{
		{"a segment is removed", func(t *testing.T, dir string) {
			for _, path := range paths(t, dir) {
				assert.NilError(t, os.Remove(path))
			}
		}, records},
		{"a segment is moved away", func(t *testing.T, dir string) {
			for _, path := range paths(t, dir) {
				assert.NilError(t, os.Rename(path, path+".old"))
			}
		}, records},
		{"a segment is damaged", func(t *testing.T, dir string) {
			for _, path := range paths(t, dir) {
				text, err := os.ReadFile(path)
				assert.NilError(t, err)
				clear(text[40:])
				assert.NilError(t, os.WriteFile(path, text, 0o600))
			}
		}, records},
		{"the folder is renamed", func(t *testing.T, dir string) {
			assert.NilError(t, os.Rename(dir, dir+".old"))
		}, 0},
		{"the folder is removed, and made again", func(t *testing.T, dir string) {
			assert.NilError(t, os.RemoveAll(dir))
			assert.NilError(t, os.Mkdir(dir, 0o700))
		}, records},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("open files cannot be removed or renamed here")
			}
			dir := filepath.Join(t.TempDir(), "spool")
			gate := make(chan struct{})
			inner := fault.Sink{OnOpen: fault.At(1, fault.Hang(gate))}
			h, err := hydra.Open(hydra.Config{Fallback: io.Discard, Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
				Sink: spool.New(&inner, dir, &spool.Options{Patience: 1}),
			}}}}})
			assert.NilError(t, err)
			log := slog.New(h)
			log.Info("in hand")
			assert.NilError(t, h.Flush(t.Context()))
			for range records {
				log.Info("before")
			}
			assert.NilError(t, h.Flush(t.Context()))
			assert.Equal(t, h.Health().Destinations[0].Spooled, uint64(records+1))
			tt.harm(t, dir)
			log.Info("after")
			assert.NilError(t, h.Flush(t.Context()))
			close(gate)
			err = h.Close(t.Context())
			d := h.Health().Destinations[0]
			assert.Equal(t, d.Written, uint64(len(inner.Lines())))
			assert.Equal(t, d.Written, records+2-tt.wantLost)
			assert.Equal(t, d.Losses.Held, tt.wantLost)
			assert.Equal(t, d.Offered, d.Written+d.Dropped)
			if tt.wantLost == 0 {
				assert.NilError(t, err)
				return
			}
			assert.Equal(t, d.Status, hydra.StatusDegraded)
		})
	}
}

// paths returns those of the segments in a folder.
func paths(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	assert.NilError(t, err)
	assert.Assert(t, len(all) > 0)
	return all
}

// talker is a sink that does something in the first call of its Write.
type talker struct {
	*fault.Sink
	once sync.Once
	talk func()
}

func (s *talker) Write(ctx context.Context, b sink.Batch) (int, error) {
	s.once.Do(s.talk)
	return s.Sink.Write(ctx, b)
}

// The calls of the inner sink are not made by the goroutine that calls the spool, which
// waits for them.
func TestFault47AnInnerSinkThatLogsToItsOwnDestinationDoesNotWaitForItself(t *testing.T) {
	tests := []struct {
		name string
		talk func(t *testing.T, h *hydra.Handler)
	}{
		{"Block, and the queue is full", func(_ *testing.T, h *hydra.Handler) {
			for range 10 {
				slog.New(h).Info("the collector is slow")
			}
		}},
		{"SyncLevel", func(_ *testing.T, h *hydra.Handler) { slog.New(h).Error("the collector is slow") }},
		{"Flush", func(t *testing.T, h *hydra.Handler) {
			assert.Check(t, is.ErrorContains(h.Flush(t.Context()), "would wait for itself"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h *hydra.Handler
				var took time.Duration
				inner := &talker{Sink: &fault.Sink{}, talk: func() {
					begin := time.Now()
					tt.talk(t, h)
					took = time.Since(begin)
				}}
				var err error
				h, err = hydra.Open(hydra.Config{Fallback: io.Discard, Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
					Sink:  spool.New(spool.New(inner, t.TempDir(), &spool.Options{Patience: 2 * time.Hour}), t.TempDir(), &spool.Options{Patience: time.Hour}),
					Queue: hydra.Queue{Records: 4}, Policy: hydra.Block, SyncLevel: slog.LevelError,
				}}}}})
				assert.NilError(t, err)
				slog.New(h).Info("first")
				assert.NilError(t, h.Flush(t.Context()))
				assert.Assert(t, took < time.Minute, "it waited for %v", took)
				assert.NilError(t, ignoreDelivery(h.Close(t.Context())))
			})
		})
	}
}

// ignoreDelivery returns errors other than those that say where records went.
func ignoreDelivery(err error) error {
	if failed := (*hydra.DeliveryError)(nil); errors.As(err, &failed) {
		return nil
	}
	return err
}
