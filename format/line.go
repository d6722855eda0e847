// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"sync"
)

// A Line is where a log call encodes a record. Most records are short, and of values that
// are soon written: JSON puts these into the Line itself, and a Line that stays on the
// caller's stack allocates nothing. For others the Line borrows memory, until Free. The
// zero value is ready. A Line is for one goroutine, and must not be copied after first use.
type Line struct {
	borrowed *buffer // nil until needed
	room     [lineRoom]byte
}

// lineRoom is how long a record may be that a Line holds itself: no Options.MaxRecord
// cuts it, and a log call clears that much in a few nanoseconds.
const lineRoom = 448

// buffer is behind a pointer because a slice in a sync.Pool costs an allocation.
type buffer struct{ bytes []byte }

var buffers = sync.Pool{New: func() any { return &buffer{bytes: make([]byte, 0, 1024)} }}

// keepBuffer is the largest buffer that is kept for later calls, so that one huge
// record does not occupy its memory for good.
const keepBuffer = 64 << 10

// Encode returns what f.AppendRecord appends. The bytes are good until the next call
// of a method of l.
func (l *Line) Encode(f Format, r *slog.Record, top []slog.Attr) ([]byte, Flaws) {
	if f, ok := f.(*jsonFormat); ok {
		return f.encode(l, r, top)
	}
	return l.append(f, r, top)
}

// append encodes a record into what it borrows.
func (l *Line) append(f Format, r *slog.Record, top []slog.Attr) ([]byte, Flaws) {
	l.borrow()
	b := l.borrowed.bytes
	var flaws Flaws
	switch f := f.(type) {
	case *jsonFormat:
		b, flaws = f.append(b, r, top)
	case *textFormat:
		b, flaws = f.append(b, r, top)
	default:
		b, flaws = f.AppendRecord(b, *r, top)
	}
	l.borrowed.bytes = b
	return b, flaws
}

// borrow makes borrowed an empty buffer.
func (l *Line) borrow() {
	if l.borrowed == nil {
		l.borrowed = buffers.Get().(*buffer)
	}
	l.borrowed.bytes = l.borrowed.bytes[:0]
}

// Free gives back what l has borrowed.
func (l *Line) Free() {
	if l.borrowed != nil {
		l.giveBack()
	}
}

func (l *Line) giveBack() {
	if cap(l.borrowed.bytes) <= keepBuffer {
		buffers.Put(l.borrowed)
	}
	l.borrowed = nil
}
