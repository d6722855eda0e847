// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/sink"
)

// Stdout returns a sink that writes to the standard output, as os.Stdout is
// when Stdout is called.
//
// When the other end of a pipe is closed, Write returns an error; a program that
// writes to os.Stdout itself is ended by SIGPIPE there. When nobody reads, Write
// returns at its context's end with the number of bytes that were taken. A
// program that makes the shared descriptor non-blocking does no harm. Records of
// several destinations never mix within a line.
//
// Flush has nothing to do, because nothing is buffered. Close leaves the standard
// output open. On Windows a write that blocks cannot be interrupted. Where a
// program is started with its standard output closed, the Go runtime opens the
// null device in its place: records go there, and nothing can tell.
func Stdout() sink.Sink { return Writer(os.Stdout) }

// Stderr returns a sink that writes to the standard error, as os.Stderr is when
// Stderr is called. It promises what [Stdout] promises.
func Stderr() sink.Sink { return Writer(os.Stderr) }

// stdio is the sink for descriptors 1 and 2. It writes to a duplicate: the
// program may close or redirect the original at any time, and no log line ends
// up in a file that was given its number since.
type stdio struct {
	name string      // immutable
	file *os.File    // immutable
	dup  *descriptor // nil unless open
}

var _ sink.Sink = (*stdio)(nil)

// Open duplicates the descriptor. It fails when the descriptor is closed.
func (s *stdio) Open(ctx context.Context) error {
	if err := s.Close(ctx); err != nil {
		return err
	}
	dup, err := dupFile(s.file)
	if err != nil {
		return fmt.Errorf("hydra: %s cannot be used, it was closed or never open: %w", s.name, err)
	}
	s.dup = dup
	return nil
}

// Write writes the batch and returns how much of it was taken, also when ctx
// ends first.
func (s *stdio) Write(ctx context.Context, b sink.Batch) (int, error) {
	if s.dup == nil {
		return 0, &os.PathError{Op: "write", Path: s.name, Err: os.ErrClosed}
	}
	n, err := s.dup.write(ctx, b)
	if err != nil {
		err = &os.PathError{Op: "write", Path: s.name, Err: err}
	}
	return n, err
}

// Flush does nothing: what Write took is with the kernel.
func (s *stdio) Flush(context.Context) error { return nil }

// Close closes the duplicate.
func (s *stdio) Close(context.Context) error {
	if s.dup == nil {
		return nil
	}
	err := s.dup.close()
	s.dup = nil
	return err
}

// String names the sink for Health and for messages.
func (s *stdio) String() string { return s.name }

// stderrWriter writes to whatever descriptor 2 is at the time of each Write, and
// holds nothing open in between. A closed pipe is an error and does not end the
// process. It may be used by several goroutines at once: what one Write was
// given stays together.
type stderrWriter struct{}

var _ io.Writer = stderrWriter{}

// stderrPatience bounds a Write to a standard error that nobody reads. The last
// way out is not worth a program that stands still. It ends before whoever waits
// for a fallback gives up, who so learns how much was taken.
const stderrPatience = 500 * time.Millisecond

// Write writes p, or as much of it as is taken within stderrPatience.
func (stderrWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	dup, err := dupStderr()
	if err != nil {
		return 0, &os.PathError{Op: "write", Path: "stderr", Err: err}
	}
	ctx, cancel := context.WithTimeout(context.Background(), stderrPatience)
	defer cancel()
	n, err := dup.write(ctx, sink.Batch{Bytes: p, Ends: []int{len(p)}})
	err = errors.Join(err, dup.close())
	if err != nil {
		err = &os.PathError{Op: "write", Path: "stderr", Err: err}
	}
	return n, err
}

// streamTurns holds a turn for each pipe, terminal or file behind a duplicate.
// Whoever holds the turn is alone, within this process, in writing there: two
// destinations may share the standard output, and the standard error may be the
// same pipe, but a record longer than one write must stay in one piece.
//
// Entries stay for the life of the process. There are as many as the process had
// different standard outputs and errors.
var streamTurns sync.Map // streamID → turn

// turn is held by whoever has a value in the channel.
type turn chan struct{}

// turns are made before any goroutine can be in a bubble of testing/synctest,
// whose channels nobody outside may use. A process with more streams than turns
// shares some of them, which is safe but lets one wait for another.
var (
	turns     [64]turn
	turnsUsed atomic.Uint32
)

func init() {
	for i := range turns {
		turns[i] = make(turn, 1)
	}
}

// turnFor returns the one turn of the stream that id names.
func turnFor(id streamID) turn {
	if t, ok := streamTurns.Load(id); ok {
		return t.(turn)
	}
	i := turnsUsed.Add(1) - 1
	t, _ := streamTurns.LoadOrStore(id, turns[i%uint32(len(turns))])
	return t.(turn)
}

// take waits for the turn until ctx ends.
func (t turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// give lets the next one have the turn.
func (t turn) give() { <-t }
