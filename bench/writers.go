// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// direct puts nothing in between.
func direct(w io.Writer, _ Options) (io.Writer, func() error) {
	return w, func() error { return nil }
}

// buffered puts a bufio.Writer behind a mutex in between, flushed every
// flushEvery. Who fills the buffer writes it, and everybody waits for that.
func buffered(w io.Writer, _ Options) (io.Writer, func() error) {
	b := &bufferedWriter{bw: bufio.NewWriterSize(w, bufferSize)}
	return b, every(b.flush)
}

type bufferedWriter struct {
	mu sync.Mutex
	bw *bufio.Writer // guarded by mu
}

func (b *bufferedWriter) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bw.Write(p)
}

func (b *bufferedWriter) flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bw.Flush()
}

// every calls flush each flushEvery until the function that it returns is
// called; that one joins the goroutine and flushes for the last time.
func every(flush func() error) (stop func() error) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(flushEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				_ = flush()
			case <-quit:
				return
			}
		}
	}()
	return func() error {
		close(quit)
		<-done
		return flush()
	}
}

// slabs puts slabs of 64 KiB in between: callers copy into the current one
// under a short mutex, and a goroutine writes the full ones. Callers wait only
// when all slabs are full.
func slabs(w io.Writer, o Options) (io.Writer, func() error) {
	const slab = 64 << 10
	n := max(2, o.queue()*256/slab)
	s := &slabWriter{full: make(chan []byte, n), free: make(chan []byte, n), cur: make([]byte, 0, slab)}
	for range n - 1 {
		s.free <- make([]byte, 0, slab)
	}
	done := make(chan error)
	// Ends when full is closed, below.
	go func() {
		var failed error
		for b := range s.full {
			if _, err := w.Write(b); err != nil {
				failed = err
			}
			s.free <- b[:0]
		}
		done <- failed
	}()
	stop := every(s.handOver)
	return s, func() error {
		_ = stop()
		close(s.full)
		return <-done
	}
}

type slabWriter struct {
	mu         sync.Mutex
	cur        []byte // guarded by mu
	full, free chan []byte
}

func (s *slabWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	if len(s.cur)+len(p) > cap(s.cur) && len(s.cur) > 0 {
		s.full <- s.cur
		s.cur = <-s.free
	}
	s.cur = append(s.cur, p...)
	s.mu.Unlock()
	return len(p), nil
}

// handOver gives away a slab that is not full.
func (s *slabWriter) handOver() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cur) > 0 {
		s.full <- s.cur
		s.cur = <-s.free
	}
	return nil
}
