// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/spool"
)

// nowhere is a sink that takes everything once it is there.
type nowhere struct{ there bool }

func (n nowhere) Open(context.Context) error {
	if !n.there {
		return errAway
	}
	return nil
}
func (nowhere) Write(_ context.Context, b sink.Batch) (int, error) { return len(b.Bytes), nil }
func (nowhere) Flush(context.Context) error                        { return nil }
func (nowhere) Close(context.Context) error                        { return nil }

// lump returns a batch of records of 220 bytes.
func lump(records int) sink.Batch {
	var b sink.Batch
	for i := range records {
		b.Bytes = fmt.Appendf(b.Bytes, "%0219d\n", i)
		b.Ends = append(b.Ends, len(b.Bytes))
	}
	return b
}

func bench(b *testing.B, there bool, o spool.Options, batch sink.Batch) {
	o.MaxBytes, o.Patience = 1<<50, time.Hour
	s := spool.New(nowhere{there}, b.TempDir(), &o)
	if err := s.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	if !there {
		ctx = ended()
	}
	b.SetBytes(int64(len(batch.Bytes)))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := s.Write(ctx, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// A batch on its way straight through.
func BenchmarkThrough(b *testing.B) {
	for _, n := range []int{1, 300} {
		b.Run(fmt.Sprint("records=", n), func(b *testing.B) { bench(b, true, spool.Options{}, lump(n)) })
	}
}

// A batch on its way into the spool.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 300} {
		b.Run(fmt.Sprint("records=", n), func(b *testing.B) { bench(b, false, spool.Options{}, lump(n)) })
	}
	b.Run("records=300,sync=batch", func(b *testing.B) { bench(b, false, spool.Options{Sync: spool.SyncBatch}, lump(300)) })
}

// From the disk to the inner sink; the segments are in the system's memory.
func BenchmarkReplay(b *testing.B) {
	for _, n := range []int{1, 300} {
		b.Run(fmt.Sprint("records=", n), func(b *testing.B) {
			batch := lump(n)
			total := (32 << 20) / len(batch.Bytes)
			b.SetBytes(int64(total * len(batch.Bytes)))
			for range b.N {
				b.StopTimer()
				dir := b.TempDir()
				s := spool.New(nowhere{}, dir, nil)
				if err := s.Open(b.Context()); err != nil {
					b.Fatal(err)
				}
				for range total {
					if _, err := s.Write(ended(), batch); err != nil {
						b.Fatal(err)
					}
				}
				if err := s.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				s = spool.New(nowhere{there: true}, dir, nil)
				if err := s.Open(b.Context()); err != nil {
					b.Fatal(err)
				}
				if err := s.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
