// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// hydra is the default of slog and log while everything goes wrong that hydra
// tells: if it told it through either of them, the records would multiply.
func TestFault67ADefaultHandlerNeverLogsThroughItself(t *testing.T) {
	if isChild(t) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			endChild("%v", err)
		}
		h := NewHandler(Config{
			MemoryLimit: -1, OnEvent: func(Event) { panic("callback") },
			Layers: map[string]Layer{"default": {Destinations: []Destination{{Sink: Writer(full), RetryFor: -1, Queue: Queue{Records: 4}}}}},
		})
		slog.SetDefault(slog.New(h))
		const records = 1000
		for i := range records / 2 {
			log.Print("through log ", i)
			slog.Info("through slog", "i", i, "layer", "unknown")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = h.Close(ctx) // which fails, as everything
		log.Print("after Close")
		d := h.Health().Destinations[0]
		endChild("%d more than were logged, %d of them not settled", d.Offered-records-1, d.Offered-d.Fallback-d.Dropped)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no full device here: ", err)
	}
	cmd := child(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	assert.Equal(t, report(t, cmd), "0 more than were logged, 0 of them not settled", "stderr: %.2000s", &stderr)
	assert.Assert(t, strings.Contains(stderr.String(), "after Close"))
}

func TestFault67WritersThatLeadBackAreRefused(t *testing.T) {
	if isChild(t) {
		before := log.Writer() // standard error
		h := NewJSONHandler(os.Stdout, nil)
		slog.SetDefault(slog.New(h))
		open := func(c Config) string {
			h, err := Open(c)
			if err == nil {
				_ = h.Close(context.Background())
				return "it was not refused"
			}
			return err.Error()
		}
		to := func(d Destination) Config {
			return Config{Layers: map[string]Layer{"default": {Destinations: []Destination{d}}}}
		}
		_, err := Open(to(Destination{Sink: Writer(before)}))
		endChild("%v\n%s\n%s\n%s", err,
			open(to(Destination{Sink: Writer(log.Writer())})),
			open(to(Destination{Sink: Writer(slog.NewLogLogger(h, slog.LevelInfo).Writer())})),
			open(Config{Fallback: log.Writer()}))
	}
	got := strings.Split(report(t, child(t)), "\n")
	const refused = `hydra: Layers["default"].Destinations[0].Sink: hydra: Writer: the *slog.handlerWriter makes a record of every write`
	assert.Equal(t, len(got), 4, "%q", got)
	assert.Equal(t, got[0], "<nil>")
	assert.Assert(t, strings.HasPrefix(got[1], refused), got[1])
	assert.Assert(t, strings.HasPrefix(got[2], refused), got[2])
	assert.Assert(t, strings.HasPrefix(got[3], "hydra: Fallback: is a *slog.handlerWriter"), got[3])
}
