// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"

	"github.com/hydra-logger/hydra/internal/peek"
)

// encoder is the state of one AppendRecord or WithAttrs. It lives on the stack
// of the call; what it needs beyond that it borrows (scratch).
//
// A format's AppendRecord is: begin, its own built-in attributes, appendTop,
// appendRest, end.
type encoder struct {
	*base
	replace func([]string, slog.Attr) slog.Attr

	buf    []byte
	sep    byte   // goes before the next key; 0 at the start of an object
	prefix []byte // !nest: of every key; in x as soon as it is ours
	ours   bool   // prefix is in x

	groups []string // open groups, for replace
	head   bool     // groups are not tracked: replace sees nil
	x      *scratch // nil until needed

	depth  int // of groups inside the attributes
	closes int // objects that appendRest has to close

	limit  int // buf stays below, but for the tail
	visits int // attributes that may yet be looked at
	misses int // attributes that may yet fail to fit
	full   bool
	simple bool // appendSimple may be tried
	tooBig bool // the value at hand had no room
	left   int  // attributes cut short or missing
	flaws  Flaws
}

// maxDepth bounds groups within groups. No log needs as many, readers of JSON
// still take it, and the stack stays small.
const maxDepth = 200

// tailRoom is kept free for the attribute "truncated", which has at most
// 19 digits, and for the end of the line.
const tailRoom = len(`,"truncated":`) + 19 + len("}\n")

// maxMisses is how many attributes may fail to fit before the rest is left out
// unseen: a large value must not take the small ones after it along, but a
// million attributes must not be tried one by one.
const maxMisses = 32

func (e *encoder) begin(b *base, dst []byte) {
	e.base = b
	e.replace = b.opts.ReplaceAttr
	e.simple = e.json == e.nest && !e.console && e.replace == nil
	e.buf = dst
	e.left = b.left
	e.flaws = b.flaws
	e.head = true
	e.misses = maxMisses
	e.visits = b.opts.MaxRecord
	// What With has put in comes later and is certain of its room.
	e.limit = len(dst) + b.opts.MaxRecord - tailRoom - len(b.pre) - b.opened - 1
}

// beginWith prepares for the attributes of With, which may fill half a record.
func (e *encoder) beginWith(b *base) {
	e.base = b
	e.replace = b.opts.ReplaceAttr
	e.buf = append(make([]byte, 0, len(b.pre)+128), b.pre...)
	e.left = b.left
	e.misses = maxMisses
	e.visits = b.opts.MaxRecord
	e.limit = b.opts.MaxRecord/2 - len(b.groups)
	e.afterPre()
}

// afterPre sets what holds after the attributes of With.
func (e *encoder) afterPre() {
	if n := len(e.pre); n > 0 {
		e.sep = e.comma()
		if e.nest && e.pre[n-1] == '{' {
			e.sep = 0
		}
	}
	e.prefix, e.ours = e.base.prefix, false
	e.head = false
	if e.replace != nil {
		e.groups = append(e.scratch().groups[:0], e.base.groups[:e.opened]...)
	}
}

// comma returns what separates two attributes.
func (e *encoder) comma() byte {
	if e.json {
		return ','
	}
	return ' '
}

// appendEncoded appends an attribute whose bytes are known.
func (e *encoder) appendEncoded(attr []byte) {
	if len(e.buf)+1+len(attr)+messageRoom > e.limit {
		e.miss()
		return
	}
	e.buf = append(append(e.buf, e.sep), attr...)
}

// appendMessage appends the value of the message, which is never left out.
func (e *encoder) appendMessage(s string) {
	e.appendString(s)
	e.tooBig = false
}

// appendReplacedHead appends the built-in attributes as replace wants them.
func (e *encoder) appendReplacedHead(r *slog.Record) {
	if !r.Time.IsZero() {
		e.appendAttr(slog.Time(slog.TimeKey, r.Time.Round(0)))
	}
	e.appendAttr(slog.Any(slog.LevelKey, r.Level))
	if e.opts.AddSource {
		src := r.Source()
		if src == nil {
			src = &slog.Source{}
		}
		e.appendAttr(slog.Any(slog.SourceKey, src))
	}
	e.appendAttr(slog.String(slog.MessageKey, r.Message))
}

// appendTop appends the attributes of the context of the call.
func (e *encoder) appendTop(top []slog.Attr) {
	if len(top) > 0 {
		e.head = false
		e.appendAttrs(top)
		e.groups = nil
	}
}

// appendRest appends the attributes of With and of the record, and closes what
// they opened.
func (e *encoder) appendRest(r *slog.Record) {
	if len(e.pre) > 0 {
		if e.sep != 0 {
			e.buf = append(e.buf, e.sep)
		}
		e.buf = append(e.buf, e.pre...)
		e.sep = e.comma()
		e.limit += len(e.pre) + 1
	}
	e.closes = e.opened
	e.appendOwn(r)
	if e.nest {
		e.closeGroups()
	}
}

// appendOwn appends the attributes of the record itself, in the groups that are
// open.
func (e *encoder) appendOwn(r *slog.Record) {
	front, back := peek.Attrs(r)
	if len(front) == 0 {
		return
	}
	e.afterPre()
	pos, sep := len(e.buf), e.sep
	wrote := false
	if e.openGroups() {
		wrote = e.appendAttrs(front)
		wrote = e.appendAttrs(back) || wrote
	} else {
		e.left += len(front) + len(back)
	}
	if wrote {
		e.closes = len(e.base.groups)
	} else {
		e.buf, e.sep = e.buf[:pos], sep
	}
}

// closeGroups closes as many objects as closes says.
func (e *encoder) closeGroups() {
	for range e.closes {
		e.buf = append(e.buf, '}')
	}
	if e.closes > 0 {
		e.sep = ','
	}
}

// openGroups opens the groups that pre has not. It reports whether they fit.
func (e *encoder) openGroups() bool {
	for _, name := range e.base.groups[e.opened:] {
		if !e.openGroup(name) {
			return false
		}
	}
	return len(e.buf) <= e.limit
}

// end appends the end of the record and lets go of what was borrowed.
func (e *encoder) end(tail string) ([]byte, Flaws) {
	if e.left > 0 {
		e.flaws |= Truncated
	}
	e.free()
	return append(e.buf, tail...), e.flaws
}

func (e *encoder) free() {
	if e.x == nil {
		return
	}
	if e.ours {
		e.x.prefix = e.prefix
	}
	if e.groups != nil {
		e.x.groups = e.groups
	}
	e.x.release()
	e.x = nil
}
