// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "log/slog"

// ConsoleOptions configures Console. The zero value, and a nil *ConsoleOptions,
// give lines for a terminal of today.
type ConsoleOptions struct {
	// Color says whether lines are coloured. Zero is ColorAuto, which judges by
	// the process, not by the destination: choose ColorNever for a file.
	Color ColorMode

	// TimeLayout is how the time of a record is written, as time.Layout
	// describes, always in local time. Empty means "15:04:05.000".
	TimeLayout string

	// OmitTime leaves the time of the record out, for a terminal or a service
	// manager that puts one before each line.
	OmitTime bool

	// AddSource adds the file and line of the log call, without the directory.
	AddSource bool

	// ReplaceAttr is called for every attribute that is not a group, as in
	// slog.HandlerOptions. It runs on the caller's goroutine, concurrently.
	//
	// The built-in attributes keep their places and show no key, so only their
	// values can be changed; the zero Attr leaves one out, and a group joins the
	// other attributes.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr

	// MaxRecord bounds an encoded record, colours included, in bytes. A longer
	// one is cut and says so in an attribute "truncated". Zero means
	// DefaultMaxRecord; less than MinMaxRecord counts as MinMaxRecord.
	MaxRecord int
}

// Console returns the format for a person at a terminal, one record a line:
//
//	15:04:05.000 INFO  order placed  id=7 took=1.5s req.path=/checkout
//	15:04:05.000 ERROR payment failed  err="card declined: \"no funds\""
//
// Time and keys are dim, the level has a colour of its own, and so have errors:
// attributes called err or error, and values that are errors.
//
// Attributes have the bytes of Text. The message stands as it is, unless that
// could mislead: it is quoted as values are when it is empty, holds anything
// that is not printable, has spaces at an end or two in a row, or begins with a
// quote. Two spaces end it, so a line can be read back.
//
// Nothing that is logged reaches the terminal as a command or as a line of its
// own: line ends, escapes, control characters of ASCII and of C1, and those
// that turn the direction of text are written as Go writes them in a string,
// in messages, keys, values, groups, file names and time zones alike. The only
// escapes in a line are the colours.
//
// A nil opts and a zero one give one shared value for as long as ColorAuto
// decides alike.
func Console(opts *ConsoleOptions) Format {
	var o ConsoleOptions
	if opts != nil {
		o = *opts
	}
	shared := &plainConsole
	if o.Color.on() {
		shared = &colorConsole
	}
	n, std := (&Options{AddSource: o.AddSource, ReplaceAttr: o.ReplaceAttr, MaxRecord: o.MaxRecord}).normal()
	if std && o.TimeLayout == "" && !o.OmitTime {
		return shared
	}
	return &consoleFormat{base: base{opts: n, console: true, color: shared.color}, layout: o.TimeLayout, omitTime: o.OmitTime}
}

var (
	plainConsole = consoleFormat{base: base{opts: Options{MaxRecord: DefaultMaxRecord}, console: true}}
	colorConsole = consoleFormat{base: base{opts: Options{MaxRecord: DefaultMaxRecord}, console: true, color: true}}
)

type consoleFormat struct {
	base
	layout   string // of the time; empty for the default
	omitTime bool
}

var _ Format = (*consoleFormat)(nil)

func (f *consoleFormat) AppendRecord(dst []byte, r slog.Record, top []slog.Attr) ([]byte, Flaws) {
	var e encoder
	e.begin(&f.base, dst)
	const tail = len(dim) + len("  truncated=") + len(reset) + 19 + len("\n")
	e.limit -= tail - tailRoom

	var groups replacedGroups
	if e.replace == nil {
		f.appendHead(&e, &r)
	} else {
		f.appendReplacedHead(&e, &r, &groups)
	}
	// The first of two spaces before the attributes; each of them brings another.
	start := len(e.buf)
	if e.sep != 0 {
		e.buf = append(e.buf, ' ')
	}
	first := len(e.buf)
	for i := range groups.n {
		e.appendGroup(groups.attrs[i].Key, groups.attrs[i].Value.Group())
	}
	e.appendTop(top)
	e.appendRest(&r)
	if e.left > 0 {
		e.appendTruncated()
	}
	if len(e.buf) == first {
		e.buf = e.buf[:start]
	}
	return e.end("\n")
}

func (f *consoleFormat) WithAttrs(attrs []slog.Attr) Format {
	if b, ok := f.withAttrs(attrs); ok {
		return &consoleFormat{b, f.layout, f.omitTime}
	}
	return f
}

func (f *consoleFormat) WithGroup(name string) Format {
	if b, ok := f.withGroup(name); ok {
		return &consoleFormat{b, f.layout, f.omitTime}
	}
	return f
}
