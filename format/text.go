// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "log/slog"

// Text returns the format that writes key=value pairs, one record a line, with
// the bytes of slog.TextHandler. A nil opts and a zero one give one shared
// value.
//
// It departs from slog where slog would end the process or blame the wrong
// group: a value that contains itself is an "!ERROR:" string, a group that turns
// out empty leaves no trace in later keys, groups nested too deeply end in
// "!DEPTH", a panic in ReplaceAttr becomes the attribute's value, and a record
// is never longer than Options.MaxRecord.
//
// A cut record ends with the attribute "truncated": the number of attributes,
// the message included, that are cut short or missing.
func Text(opts *Options) Format {
	o, std := opts.normal()
	if std {
		return &defaultText
	}
	return &textFormat{base{opts: o}}
}

var defaultText = textFormat{base{opts: Options{MaxRecord: DefaultMaxRecord}}}

type textFormat struct{ base }

var _ Format = (*textFormat)(nil)

func (f *textFormat) AppendRecord(dst []byte, r slog.Record, top []slog.Attr) ([]byte, Flaws) {
	return f.append(dst, &r, top)
}

func (f *textFormat) append(dst []byte, r *slog.Record, top []slog.Attr) ([]byte, Flaws) {
	var e encoder
	e.begin(&f.base, dst)
	if e.replace != nil {
		e.appendReplacedHead(r)
	} else {
		e.appendTextHead(r)
	}
	e.appendTop(top)
	e.appendRest(r)
	if e.left > 0 {
		if e.sep != 0 {
			e.buf = append(e.buf, ' ')
		}
		e.buf = appendInt(append(e.buf, "truncated="...), e.left)
	}
	return e.end("\n")
}

func (f *textFormat) WithAttrs(attrs []slog.Attr) Format {
	if b, ok := f.withAttrs(attrs); ok {
		return &textFormat{b}
	}
	return f
}

func (f *textFormat) WithGroup(name string) Format {
	if b, ok := f.withGroup(name); ok {
		return &textFormat{b}
	}
	return f
}

// appendTextHead appends the time, the level, the source and the message, where no ReplaceAttr
// wants to see them.
func (e *encoder) appendTextHead(r *slog.Record) {
	b := e.buf
	if !r.Time.IsZero() {
		b = append(b, "time="...)
		b = appendNowMillis(b, r.Time)
		b = append(b, ' ')
	}
	b = append(b, "level="...)
	e.buf = appendLevel(b, r.Level)
	e.sep = ' '
	if e.opts.AddSource {
		if src := sourceOf(r.PC); src != nil {
			e.appendEncoded(src.text)
		}
	}
	e.buf = append(e.buf, " msg="...)
	e.appendMessage(r.Message)
}
