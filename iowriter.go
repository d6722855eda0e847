// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync/atomic"

	"github.com/hydra-logger/hydra/sink"
)

// Writer returns a sink that writes to w, one call of w.Write for each batch of
// records. A handler calls w from one goroutine at a time, also where several
// destinations have it, so w needs no lock of its own unless the program uses it as
// well, gives it to several handlers or as Config.Fallback, too, or to other sinks
// that write to it; nor where w is of a type that cannot be compared, such as a func.
//
// Flush calls w's "Flush() error" and then its "Sync() error", where it has
// them, but does not sync an [*os.File]: use package sink/file for that. Close
// leaves w open: it belongs to whoever made it. A w that is nil, or a nil
// pointer, is an error of Open.
//
// A w that blocks holds up the destinations that write to it and nothing else; the end
// of a context cannot interrupt it. An [*os.File] that is descriptor 1 or 2 is
// treated as [Stdout] and [Stderr] are. A w that makes records of what it gets,
// as [log.Writer] does once slog has a default handler, is an error of Open: they
// would come back here without end.
func Writer(w io.Writer) sink.Sink {
	if f, ok := w.(*os.File); ok && f != nil {
		if name := standardName(f); name != "" {
			return &stdio{name: name, file: f}
		}
	}
	return &ioWriter{w: w}
}

// ioWriter is the sink that Writer returns. It has no state of its own.
type ioWriter struct {
	w      io.Writer // immutable
	common *common   // immutable; of all destinations that write to w, nil where there is one
}

// common is what destinations that write to one io.Writer have in common.
type common struct {
	turn   turn
	holder atomic.Uint64 // the goroutine that has the turn; 0 for none
}

// enter waits for the turn, if there are others.
func (s *ioWriter) enter(ctx context.Context) error {
	if s.common == nil {
		return nil
	}
	if err := s.common.turn.take(ctx); err != nil {
		return err
	}
	s.common.holder.Store(goroutineID())
	return nil
}

// leave gives the turn to the next.
func (s *ioWriter) leave() {
	if s.common != nil {
		s.common.holder.Store(0)
		s.common.turn.give()
	}
}

// Own reports whether the caller is within a call of the writer, which may log to
// another destination that has it.
func (s *ioWriter) Own() bool {
	return s.common != nil && s.common.holder.Load() == goroutineID()
}

// Regular reports whether the writer is a regular file.
func (s *ioWriter) Regular() bool {
	f, ok := s.w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

var (
	_ sink.Runner  = (*ioWriter)(nil)
	_ sink.Regular = (*ioWriter)(nil)
)

// Open refuses what can never be written to.
func (s *ioWriter) Open(context.Context) error {
	if s.w == nil {
		return errors.New("hydra: Writer(nil): there is nothing to write to")
	}
	switch v := reflect.ValueOf(s.w); v.Kind() {
	case reflect.Pointer, reflect.Func:
		if v.IsNil() {
			return fmt.Errorf("hydra: Writer: the %T is nil", s.w)
		}
	}
	if isLogWriter(s.w) {
		return fmt.Errorf("hydra: Writer: the %T makes a record of every write, which may come back here without end; give the writer behind it, such as os.Stderr", s.w)
	}
	if f, ok := s.w.(*os.File); ok {
		conn, err := f.SyscallConn()
		if err != nil || conn.Control(func(uintptr) {}) != nil {
			return fmt.Errorf("hydra: Writer: %s: %w", s, os.ErrClosed)
		}
	}
	return nil
}

// Write hands the whole batch to the writer in one call.
func (s *ioWriter) Write(ctx context.Context, b sink.Batch) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	n, err := s.w.Write(b.Bytes)
	// Some writers count what they made of the bytes (colours, compression)
	// instead of the bytes: they took them all.
	n = min(max(n, 0), len(b.Bytes))
	if n < len(b.Bytes) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

// Flush empties the writer's own buffer. What an *os.File was given is with the
// kernel already; it is not synced, because nobody asked for that.
func (s *ioWriter) Flush(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if f, ok := s.w.(interface{ Flush() error }); ok {
		if err := f.Flush(); err != nil {
			return err
		}
	}
	if _, ok := s.w.(*os.File); ok {
		return nil
	}
	if f, ok := s.w.(interface{ Sync() error }); ok {
		if err := f.Sync(); err != nil && !syncUnsupported(err) {
			return err
		}
	}
	return nil
}

// Close leaves the writer open.
func (s *ioWriter) Close(context.Context) error { return nil }

// String names the writer for Health and for messages.
func (s *ioWriter) String() string {
	if f, ok := s.w.(*os.File); ok && f != nil {
		return fmt.Sprintf("*os.File %q", f.Name())
	}
	return fmt.Sprintf("%T", s.w)
}

// takeTurns makes d, which is new, and those of the others that write to the same
// io.Writer do so one at a time.
func takeTurns(d *destination, others []*destination) {
	s, ok := d.sink.(*ioWriter)
	if !ok {
		return
	}
	for _, other := range others {
		o, ok := other.sink.(*ioWriter)
		if !ok || !same(o.w, s.w) {
			continue
		}
		if o.common == nil {
			o = &ioWriter{w: o.w, common: &common{turn: make(turn, 1)}}
			other.sink = o
		}
		d.sink = o
	}
}

// isLogWriter reports whether w is what slog puts before package log, or what
// slog.NewLogLogger writes to. Neither type has a name outside of slog.
func isLogWriter(w io.Writer) bool { return fmt.Sprintf("%T", w) == "*slog.handlerWriter" }
