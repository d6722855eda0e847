// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package fault

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/hydra-logger/hydra/sink"
)

var (
	_ sink.Sink = (*Sink)(nil)
	_ io.Writer = (*Writer)(nil)
)

// The kinds of calls.
const (
	Open  = "open"
	Write = "write"
	Flush = "flush"
	Close = "close"
)

// Call is one call that a Sink or a Writer got.
type Call struct {
	Op       string // Open, Write, Flush or Close
	Nth      int    // among the calls of its kind, from 1
	Records  int    // given; 0 for a Writer
	Bytes    int    // given
	Returned bool   // false while it stalls, and after a panic
	Err      error  // what it returned
}

// Sink is a sink.Sink that keeps what it takes and does as its scripts say. The
// zero value takes everything. The scripts must not change after the first call;
// all other methods may be called at any time from any goroutine.
type Sink struct {
	OnOpen, OnWrite, OnFlush, OnClose Script

	log      history
	mu       sync.Mutex
	busy     string   // guarded by mu; the call under way
	opened   bool     // guarded by mu
	closed   bool     // guarded by mu
	breaches []string // guarded by mu
}

// Open does what OnOpen says.
func (s *Sink) Open(ctx context.Context) error {
	defer s.enter(Open)()
	_, err := s.log.call(ctx, Open, s.OnOpen, 0, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = s.opened || err == nil
	return err
}

// Write does what OnWrite says, and takes the bytes of b otherwise.
func (s *Sink) Write(ctx context.Context, b sink.Batch) (int, error) {
	defer s.enter(Write)()
	s.check(b)
	return s.log.call(ctx, Write, s.OnWrite, b.Len(), b.Bytes)
}

// Flush does what OnFlush says.
func (s *Sink) Flush(ctx context.Context) error {
	defer s.enter(Flush)()
	_, err := s.log.call(ctx, Flush, s.OnFlush, 0, nil)
	return err
}

// Close does what OnClose says.
func (s *Sink) Close(ctx context.Context) error {
	defer s.enter(Close)()
	_, err := s.log.call(ctx, Close, s.OnClose, 0, nil)
	return err
}

// Breaches returns what the caller did against the contract of sink.Sink: calls at
// the same time, before a successful Open or after Close, and batches whose Ends
// do not fit. A test should find none.
func (s *Sink) Breaches() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.breaches)
}

// Bytes returns a copy of all bytes taken.
func (s *Sink) Bytes() []byte { return s.log.copyOfBytes() }

// Lines returns the lines taken, without their ends. An unfinished one comes last.
func (s *Sink) Lines() []string { return lines(s.Bytes()) }

// Calls returns all calls in the order in which they began.
func (s *Sink) Calls() []Call { return s.log.copyOfCalls() }

// Count returns how many calls of a kind began.
func (s *Sink) Count(op string) int { return s.log.count(op) }

// enter notes breaches of the order of calls and returns what to do at the end.
func (s *Sink) enter(op string) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy != "" {
		s.breachLocked("%s during %s", op, s.busy)
	}
	if s.closed {
		s.breachLocked("%s after close", op)
	}
	if !s.opened && (op == Write || op == Flush) {
		s.breachLocked("%s before open", op)
	}
	s.closed = s.closed || op == Close
	s.busy = op
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy = ""
	}
}

func (s *Sink) check(b sink.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := 0
	for _, e := range b.Ends {
		if e <= end || e > len(b.Bytes) {
			s.breachLocked("batch of %d bytes with ends %v", len(b.Bytes), b.Ends)
			return
		}
		end = e
	}
	if end == 0 || end != len(b.Bytes) {
		s.breachLocked("batch of %d bytes with ends %v", len(b.Bytes), b.Ends)
	}
}

func (s *Sink) breachLocked(format string, args ...any) {
	s.breaches = append(s.breaches, fmt.Sprintf(format, args...))
}

// Writer is an io.Writer that keeps what it takes and does as its script says. The
// zero value takes everything. Its methods may be called from any goroutine, Write
// included; OnWrite must not change after the first call.
type Writer struct {
	OnWrite Script
	log     history
}

// Write does what OnWrite says, and takes p otherwise.
func (w *Writer) Write(p []byte) (int, error) {
	return w.log.call(context.Background(), Write, w.OnWrite, 0, p)
}

// Bytes returns a copy of all bytes taken.
func (w *Writer) Bytes() []byte { return w.log.copyOfBytes() }

// Lines returns the lines taken, without their ends. An unfinished one comes last.
func (w *Writer) Lines() []string { return lines(w.Bytes()) }

// Calls returns all calls in the order in which they began.
func (w *Writer) Calls() []Call { return w.log.copyOfCalls() }

// history is what a Sink or a Writer went through.
type history struct {
	mu     sync.Mutex
	bytes  []byte         // guarded by mu
	calls  []Call         // guarded by mu
	counts map[string]int // guarded by mu; calls by Op
}

// call notes a call and carries it out. mu is not held while it stalls.
func (h *history) call(ctx context.Context, op string, s Script, records int, p []byte) (int, error) {
	h.mu.Lock()
	if h.counts == nil {
		h.counts = make(map[string]int)
	}
	h.counts[op]++
	nth, at := h.counts[op], len(h.calls)
	h.calls = append(h.calls, Call{Op: op, Nth: nth, Records: records, Bytes: len(p)})
	h.mu.Unlock()

	n, err := s.do(ctx, nth, p, func(taken []byte) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.bytes = append(h.bytes, taken...)
	})

	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[at].Returned, h.calls[at].Err = true, err
	return n, err
}

func (h *history) copyOfBytes() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.bytes)
}

func (h *history) copyOfCalls() []Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

func (h *history) count(op string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts[op]
}

func lines(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}
