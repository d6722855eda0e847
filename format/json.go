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
	e.buf = append(e.buf, '{')
	if e.replace != nil {
		e.appendReplacedHead(r)
	} else {
		e.appendJSONHead(r)
	}
	e.appendTop(top)
	e.appendRest(r)
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

// appendJSONHead appends the built-in attributes for which nobody asked to be
// asked.
func (e *encoder) appendJSONHead(r *slog.Record) {
	b := e.buf
	if !r.Time.IsZero() {
		b = append(b, `"time":"`...)
		var ok bool
		if b, ok = appendNowNano(b, r.Time); !ok {
			e.flaws |= Failed
			b = append(b, yearError...)
		}
		b = append(b, '"', ',')
	}
	e.sep = ','
	if e.opts.AddSource {
		b = append(b, `"level":"`...)
		b = appendLevel(b, r.Level)
		e.buf = append(b, '"')
		if src := sourceOf(r.PC); src != nil {
			e.appendEncoded(src.json)
		}
		b = append(e.buf, `,"msg":`...)
	} else {
		b = appendLevelAndKey(b, r.Level)
	}
	if 6*len(r.Message) < e.limit-len(b) { // it fits, whatever is escaped
		e.buf = appendJSONText(b, r.Message)
		return
	}
	e.buf = b
	e.appendMessage(r.Message)
}

// appendLevelAndKey appends the attribute of the level and the key of the message.
func appendLevelAndKey(b []byte, l slog.Level) []byte {
	switch l {
	case slog.LevelDebug:
		return append(b, `"level":"DEBUG","msg":`...)
	case slog.LevelInfo:
		return append(b, `"level":"INFO","msg":`...)
	case slog.LevelWarn:
		return append(b, `"level":"WARN","msg":`...)
	case slog.LevelError:
		return append(b, `"level":"ERROR","msg":`...)
	}
	b = append(b, `"level":"`...)
	b = appendLevel(b, l)
	return append(b, `","msg":`...)
}
