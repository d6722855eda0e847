// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// BenchmarkDurable holds a queue in memory against a durable one, in rounds that
// take turns. It reports what each costs for a record, and the median of the rounds'
// ratios.
//
//	queue  a push of 200 bytes and its share of a take
//	log    a log call of three attributes, whose records go to a file
func BenchmarkDurable(b *testing.B) {
	b.Run("queue", func(b *testing.B) {
		heap, ring := benchQueue(b, nil), benchQueue(b, benchDurable(b))
		compare(b, func() { pushAndTake(b, heap) }, func() { pushAndTake(b, ring) }, func() {})
	})
	b.Run("log", func(b *testing.B) {
		heap, ring := benchHandler(b, nil), benchHandler(b, benchDurable(b))
		compare(b, func() { logRound(heap) }, func() { logRound(ring) }, func() {
			for _, h := range []*Handler{heap, ring} {
				_ = h.Flush(context.Background()) // the end shows what is lost
			}
		})
	})
}

// benchRound is how many records a round has.
const benchRound = 2 << 10

// compare runs the two in turn, and what comes after each off the clock, and reports
// what they cost.
func compare(b *testing.B, heap, ring, after func()) {
	clock := func(f func()) float64 {
		began := time.Now()
		f()
		took := time.Since(began)
		after()
		return float64(took) / benchRound
	}
	heap()
	ring()
	var heaps, rings, ratios []float64
	for i := 0; b.Loop(); i++ {
		var h, r float64
		if i%2 == 0 {
			h, r = clock(heap), clock(ring)
		} else {
			r, h = clock(ring), clock(heap)
		}
		heaps, rings, ratios = append(heaps, h), append(rings, r), append(ratios, r/h)
	}
	median := func(v []float64) float64 {
		slices.Sort(v)
		return v[len(v)/2]
	}
	b.ReportMetric(median(heaps), "heap-ns/record")
	b.ReportMetric(median(rings), "ring-ns/record")
	b.ReportMetric(median(ratios), "ring:heap")
}

// benchDurable returns a durable queue's settings, in a folder in memory.
func benchDurable(b *testing.B) *Durable {
	dir, err := os.MkdirTemp("/dev/shm", "hydra-bench-")
	assert.NilError(b, err)
	b.Cleanup(func() { assert.NilError(b, os.RemoveAll(dir)) })
	return &Durable{Dir: dir}
}

// benchQueue returns a destination without a writer.
func benchQueue(b *testing.B, durable *Durable) *destination {
	var check checker
	c := newCore(Config{Fallback: io.Discard, Layers: map[string]Layer{"default": {Destinations: []Destination{{
		Name: "bench", Sink: Writer(io.Discard), Durable: durable,
	}}}}}, &check)
	assert.Equal(b, len(check.mistakes), 0)
	assert.NilError(b, c.openRings())
	b.Cleanup(c.closeRings)
	return c.destinations[0]
}

// pushAndTake is a round of a queue: half fills it and empties it, as a writer does
// whose sink costs nothing.
func pushAndTake(b *testing.B, d *destination) {
	for range benchRound {
		if o, _ := d.queue.push(benchmarkRecord, 1, true); o > crowded {
			b.Fatal("no room")
		}
	}
	for {
		d.books.take(d.queue, &d.haul)
		if len(d.haul.ends) == 0 {
			return
		}
		d.batch = batch{bytes: d.haul.bytes, ends: d.haul.ends, whens: d.haul.whens}
		d.begin()
		d.trace.took(len(d.batch.bytes))
		d.conclude()
		d.books.write(uint64(len(d.haul.ends)))
	}
}

// benchHandler returns a handler that logs to a file.
func benchHandler(b *testing.B, durable *Durable) *Handler {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	assert.NilError(b, err)
	b.Cleanup(func() { _ = f.Close() })
	h, err := Open(Config{Fallback: io.Discard, Layers: map[string]Layer{"default": {Destinations: []Destination{{
		Name: "bench", Sink: Writer(f), Durable: durable,
	}}}}})
	assert.NilError(b, err)
	b.Cleanup(func() {
		assert.NilError(b, h.Close(context.Background()))
		d := h.Health().Destinations[0]
		assert.Equal(b, d.Offered, d.Written, "a fast log call that loses records is no success")
	})
	return h
}

// logRound is a round of log calls.
func logRound(h *Handler) {
	log := slog.New(h)
	for range benchRound {
		log.LogAttrs(context.Background(), slog.LevelInfo, "request served",
			slog.String("method", "GET"), slog.Int("status", 200), slog.Duration("took", 1250*time.Microsecond))
	}
}
