// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"runtime"
	"sync/atomic"
)

// source is the place of a log call, as the formats write it.
type source struct {
	pc    uintptr
	json  []byte // "source":{…}
	text  []byte // source=…
	short []byte // for the console
}

// sources remembers where log calls are. A place that shares its slot with
// another is worked out anew each time they alternate; nothing grows.
var sources [4096]atomic.Pointer[source]

// sourceOf returns the source of pc, or nil when it is not known.
func sourceOf(pc uintptr) *source {
	if pc == 0 {
		return nil
	}
	slot := &sources[(pc^pc>>12)%uintptr(len(sources))]
	src := slot.Load()
	if src == nil || src.pc != pc {
		src = newSource(pc)
		slot.Store(src)
	}
	if src.json == nil {
		return nil
	}
	return src
}

func newSource(pc uintptr) *source {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	s := &slog.Source{Function: f.Function, File: f.File, Line: f.Line}
	return &source{
		pc:    pc,
		json:  encodeSource(&defaultJSON.base, s),
		text:  encodeSource(&defaultText.base, s),
		short: appendShortSource(nil, f.File, f.Line),
	}
}

// encodeSource returns the attribute for s as b writes it, nil if there is
// nothing to write.
func encodeSource(b *base, s *slog.Source) []byte {
	var e encoder
	e.beginWith(b)
	defer e.free()
	e.appendAttr(slog.Any(slog.SourceKey, s))
	if len(e.buf) == 0 {
		return nil
	}
	return e.buf
}

// sourceAttrs returns what slog knows of s, as attributes.
func sourceAttrs(s *slog.Source) []slog.Attr {
	attrs := make([]slog.Attr, 0, 3)
	if s.Function != "" {
		attrs = append(attrs, slog.String("function", s.Function))
	}
	if s.File != "" {
		attrs = append(attrs, slog.String("file", s.File))
	}
	if s.Line != 0 {
		attrs = append(attrs, slog.Int("line", s.Line))
	}
	return attrs
}
