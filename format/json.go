// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "log/slog"

// JSON returns the format that writes one JSON object a line, with the bytes
// of slog.JSONHandler. A nil opts and a zero one give one shared value.
//
// It departs from slog where slog's line would not be JSON, or where slog would
// end the process: a time whose year JSON cannot hold is an "!ERROR:" string and
// nothing more, a group that turns out empty leaves no trace, groups nested too
// deeply end in "!DEPTH", a panic in ReplaceAttr becomes the attribute's value,
// and a record is never longer than Options.MaxRecord.
//
// A cut record ends with the attribute "truncated": the number of attributes,
// the message included, that are cut short or missing.
func JSON(opts *Options) Format {
	o, std := opts.normal()
	if std {
		return &defaultJSON
	}
	return &jsonFormat{base{opts: o, json: true, nest: true}}
}

var defaultJSON = jsonFormat{base{opts: Options{MaxRecord: DefaultMaxRecord}, json: true, nest: true}}

type jsonFormat struct{ base }

var _ Format = (*jsonFormat)(nil)

func (f *jsonFormat) AppendRecord(dst []byte, r slog.Record, top []slog.Attr) ([]byte, Flaws) {
	return f.append(dst, &r, top)
}

func (f *jsonFormat) append(dst []byte, r *slog.Record, top []slog.Attr) ([]byte, Flaws) {
	var e encoder
	e.begin(&f.base, dst)
	if e.replace != nil {
		e.buf = append(e.buf, '{')
		e.appendReplacedHead(r)
	} else {
		e.appendJSONHead(r)
	}
	e.appendTop(top)
	e.appendRest(r)
	return e.endJSON()
}

// endJSON appends the end of the record, and what it lacks.
func (e *encoder) endJSON() ([]byte, Flaws) {
	if e.left > 0 {
		if e.sep != 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = appendInt(append(e.buf, `"truncated":`...), e.left)
	}
	return e.end("}\n")
}

func (f *jsonFormat) WithAttrs(attrs []slog.Attr) Format {
	if b, ok := f.withAttrs(attrs); ok {
		return &jsonFormat{b}
	}
	return f
}

func (f *jsonFormat) WithGroup(name string) Format {
	if b, ok := f.withGroup(name); ok {
		return &jsonFormat{b}
	}
	return f
}
