// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"time"
)

// Stack is one way to bring records into a writer.
type Stack struct {
	// Name names the stack as results do: the library, "-slog" when it is
	// called through slog, and "+" what stands between it and the writer.
	Name string

	Kind Kind

	// NoSource marks a stack that cannot tell the source line of a call.
	NoSource bool

	// Open starts the stack on w. A stack that does better with a file of its
	// own than with an io.Writer takes the name of w, when w is an *os.File,
	// and may replace that file by others of its own in the same directory.
	Open func(w io.Writer, o Options) (Logger, error)
}

// Kind says what a stack can be compared with.
type Kind int

const (
	// Floor is what slog itself costs; it writes nothing.
	Floor Kind = iota
	// Slog marks a peer that is called through slog, as hydra is.
	Slog
	// Native marks a peer with an API of its own, which skips slog's work.
	Native
	// Hydra marks hydra.
	Hydra
)

// Options is what every stack is given alike.
type Options struct {
	// AddSource adds the file and line of the call.
	AddSource bool

	// Queue is how many records of 256 bytes may wait for the writer, in the
	// stacks that have a queue or slabs. Zero means DefaultQueue.
	Queue int
}

// DefaultQueue holds what 100,000 records/s pile up in 300 ms. A power of two,
// because some queues round up.
const DefaultQueue = 1 << 15

func (o Options) queue() int { return cmp.Or(o.Queue, DefaultQueue) }

const (
	// bufferSize is the size of every buffer whose size is ours to choose; it
	// is zap's default.
	bufferSize = 256 << 10

	// flushEvery is how long a buffer that is not full may hold records back.
	flushEvery = 100 * time.Millisecond
)

// Logger is a stack that runs.
type Logger struct {
	Work

	// Close returns when every record that was not lost is in the writer. The
	// writer stays open.
	Close func() error

	// Dropped is how many records the stack says it lost, nil if it cannot say.
	Dropped func() int64
}

// Stacks returns every stack, the floor first.
func Stacks() []Stack {
	return slices.Concat(slogStacks, zapStacks, zerologStacks, phusluStacks, hydraStacks)
}

// Select returns the stacks whose names match pattern, in the order of Stacks.
// The empty pattern matches all.
func Select(pattern string) ([]Stack, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	stacks := slices.DeleteFunc(Stacks(), func(s Stack) bool { return !re.MatchString(s.Name) })
	if len(stacks) == 0 {
		return nil, fmt.Errorf("no stack matches %q", pattern)
	}
	return stacks, nil
}

// Warm lets the stack log 10,000 records to a file of their own, so that what
// follows finds code and memory in place.
func (s Stack) Warm() error {
	t, err := NewTarget()
	if err != nil {
		return err
	}
	l, err := s.Open(t.File, Options{})
	if err == nil {
		for n := range 10_000 {
			l.Numbered(n)
		}
		err = l.Close()
	}
	runtime.GC() // what it left is not the work of what follows
	return errors.Join(err, t.Remove())
}
