// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// replacedGroups are the groups into which ReplaceAttr has turned built-in
// attributes.
type replacedGroups struct {
	attrs [4]slog.Attr
	n     int
}

// messageRoom stays free for the message while what stands before it is
// written.
const messageRoom = 64

// appendHead appends the time, the level, the source and the message, where no ReplaceAttr
// wants to see them.
func (f *consoleFormat) appendHead(e *encoder, r *slog.Record) {
	e.limit -= messageRoom
	if !f.omitTime && !r.Time.IsZero() {
		p := e.beginPiece(dim)
		f.appendTime(e, r.Time)
		e.endPiece(p)
	}
	p := e.beginPiece(levelColor(r.Level))
	e.buf = appendLevel(e.buf, r.Level)
	e.padLevel(p)
	e.endPiece(p)
	if e.opts.AddSource {
		if src := sourceOf(r.PC); src != nil {
			p := e.beginPiece(dim)
			e.buf = append(e.buf, src.short...)
			e.endPiece(p)
		}
	}
	e.limit += messageRoom
	e.appendConsoleMessage(r.Message)
}

// appendReplacedHead appends the built-in attributes as replace wants them,
// except those that it turns into groups.
func (f *consoleFormat) appendReplacedHead(e *encoder, r *slog.Record, groups *replacedGroups) {
	e.limit -= messageRoom
	if !f.omitTime && !r.Time.IsZero() {
		f.appendReplaced(e, groups, dim, slog.Time(slog.TimeKey, r.Time.Round(0)))
	}
	f.appendReplaced(e, groups, levelColor(r.Level), slog.Any(slog.LevelKey, r.Level))
	if e.opts.AddSource {
		if src := r.Source(); src != nil {
			f.appendReplaced(e, groups, dim, slog.Any(slog.SourceKey, src))
		}
	}
	e.limit += messageRoom
	f.appendReplaced(e, groups, "", slog.String(slog.MessageKey, r.Message))
}

// appendReplaced appends what replace makes of a built-in attribute.
func (f *consoleFormat) appendReplaced(e *encoder, groups *replacedGroups, color string, a slog.Attr) {
	key := a.Key
	a = e.replaced(a)
	var v any
	switch a.Value.Kind() {
	case slog.KindGroup:
		groups.attrs[groups.n] = a
		groups.n++
		return
	case slog.KindAny:
		v = a.Value.Any()
		if v == nil && a.Key == "" {
			return
		}
	case slog.KindString:
		if key == slog.MessageKey {
			e.appendConsoleMessage(a.Value.String())
			return
		}
	}

	level, isLevel := v.(slog.Level)
	if isLevel {
		color = levelColor(level)
	}
	p := e.beginPiece(color)
	src, isSource := v.(*slog.Source)
	switch {
	case isLevel:
		e.buf = appendLevel(e.buf, level)
	case isSource && src != nil:
		e.buf = appendShortSource(e.buf, src.File, src.Line)
	case a.Value.Kind() == slog.KindTime:
		f.appendTime(e, a.Value.Time())
	default:
		e.appendValue(a.Value)
	}
	if key == slog.LevelKey {
		e.padLevel(p)
	}
	e.endPiece(p)
}

// piece is a part of the line that has no key: where it began, where its text
// did, and how much had been cut by then.
type piece struct{ pos, text, left int }

func (e *encoder) beginPiece(color string) piece {
	p := piece{pos: len(e.buf), left: e.left}
	if e.sep != 0 {
		e.buf = append(e.buf, e.sep)
	}
	if e.color {
		e.buf = append(e.buf, color...)
	}
	p.text = len(e.buf)
	return p
}

// endPiece takes the piece back when there is no room for it.
func (e *encoder) endPiece(p piece) {
	if e.color {
		e.buf = append(e.buf, reset...)
	}
	if e.tooBig || len(e.buf) > e.limit {
		e.tooBig = false
		e.buf, e.left = e.buf[:p.pos], p.left
		e.miss()
		return
	}
	e.sep = ' '
}

// padLevel makes the piece as wide as the names of levels are.
func (e *encoder) padLevel(p piece) {
	const width = len("ERROR")
	for n := utf8.RuneCount(e.buf[p.text:]); n < width; n++ {
		e.buf = append(e.buf, ' ')
	}
}

// appendTime appends the time of a record in local time.
func (f *consoleFormat) appendTime(e *encoder, t time.Time) {
	t = t.Local()
	if f.layout == "" {
		h, m, s := t.Clock()
		ms := t.Nanosecond() / 1e6
		e.buf = append(e.buf,
			byte('0'+h/10), byte('0'+h%10), ':',
			byte('0'+m/10), byte('0'+m%10), ':',
			byte('0'+s/10), byte('0'+s%10), '.',
			byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		return
	}
	pos := len(e.buf)
	e.buf = t.AppendFormat(e.buf, f.layout)
	// Layouts and the names of zones can hold anything.
	if !printable(e.buf[pos:]) {
		text := string(e.buf[pos:])
		e.buf = appendQuoted(e.buf[:pos], text)
	}
}

// appendConsoleMessage appends a message, which is never left out.
func (e *encoder) appendConsoleMessage(s string) {
	if e.sep != 0 {
		e.buf = append(e.buf, e.sep)
	}
	e.sep = ' '
	if plainMessage(s) {
		appendBounded(e, s, false, appendPlain[string])
	} else {
		appendBounded(e, s, true, appendQuoted[string])
	}
	e.tooBig = false
}

// plainMessage reports whether a message can stand as it is and be told from
// what comes after it.
func plainMessage(s string) bool {
	return s != "" && s[0] != ' ' && s[0] != '"' && s[len(s)-1] != ' ' && printable(s) && !strings.Contains(s, "  ")
}

// printable reports whether s is UTF-8 that does nothing but show.
func printable[S string | []byte](s S) bool {
	for i := printableASCII(s, 0); i < len(s); i = printableASCII(s, i) {
		if s[i] < utf8.RuneSelf {
			return false
		}
		r, size := decodeRune(s, i)
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
		i += size
	}
	return true
}

// printableASCII returns where the run of printable ASCII ends that begins at i.
func printableASCII[S string | []byte](s S, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := word(s, i)
		if below(w, ' ')|equal(w, 0x7f)|w&highs != 0 {
			break
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7f {
		i++
	}
	return i
}

// appendTruncated appends how many attributes are cut short or missing.
func (e *encoder) appendTruncated() {
	p := e.beginPiece(dim)
	e.buf = append(e.buf, "truncated="...)
	if e.color {
		e.buf = append(e.buf, reset...)
	}
	e.buf = appendInt(e.buf, p.left)
}

// appendShortSource appends file and line of a log call without the directory.
func appendShortSource(b []byte, file string, line int) []byte {
	file = file[strings.LastIndexAny(file, `/\`)+1:]
	place := fmt.Sprintf("%s:%d", file, line)
	if needsQuoting(place) || hasDelete(place) {
		return append(appendQuoted(append(b, '"'), place), '"')
	}
	return append(b, place...)
}
