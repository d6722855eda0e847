// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package format turns log records into bytes.
//
// A [Format] encodes on the goroutine of the log call, in parallel with every
// other caller, and appends to a buffer that it is given: it does no I/O and
// keeps nothing of what it was handed.
package format

import "log/slog"

// Format turns records into bytes, one whole record a call.
//
// A Format is immutable and safe for concurrent use: WithAttrs and WithGroup
// return a new Format and leave the receiver as it was. No method panics, not
// even when a LogValuer, a MarshalJSON or a ReplaceAttr of the caller does.
//
// Destinations that hold the same Format (equal by ==) share one encoding of
// each record.
type Format interface {
	// AppendRecord appends r to dst as one whole record, its terminator
	// included, and returns the extended slice and what went wrong on the way.
	// The attributes that WithAttrs captured come before r's own. The
	// attributes in top belong to the context of the log call: they stand at
	// the top level, outside every open group, right after the message.
	AppendRecord(dst []byte, r slog.Record, top []slog.Attr) ([]byte, Flaws)

	// WithAttrs returns a Format that adds attrs, in the groups open now, to
	// every record. It encodes them before it returns, so the caller may change
	// afterwards whatever they point to.
	WithAttrs(attrs []slog.Attr) Format

	// WithGroup returns a Format that puts everything added later into a group
	// called name. An empty name changes nothing.
	WithGroup(name string) Format
}

// Flaws says in which ways an encoded record falls short of the record. The
// bytes are well-formed all the same.
type Flaws uint8

const (
	// Truncated: the record was longer than Options.MaxRecord and was cut.
	Truncated Flaws = 1 << iota
	// Failed: a value panicked or returned an error instead of an encoding;
	// the error stands in the value's place.
	Failed
)

// Options configures a format. The zero value, and a nil *Options, give the
// output of slog's own handlers.
type Options struct {
	// AddSource adds the file and line of the log call under slog.SourceKey.
	AddSource bool

	// ReplaceAttr is called for every attribute that is not a group, as in
	// slog.HandlerOptions. It runs on the caller's goroutine, concurrently.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr

	// MaxRecord bounds an encoded record, in bytes. A longer one is cut and
	// says so in an attribute "truncated". Zero means DefaultMaxRecord; less
	// than MinMaxRecord counts as MinMaxRecord, and more than 128 MiB as that.
	//
	// Values that encoding/json or fmt would encode are judged before, by the least
	// that they could take, and are left out when that is too much; so are some that
	// would just have fitted, such as a struct of which encoding/json hides large
	// fields behind others of the same name. Values are nested 9000 deep at most.
	MaxRecord int
}

const (
	// DefaultMaxRecord is what Options.MaxRecord means when it is zero.
	DefaultMaxRecord = 1 << 20

	// MinMaxRecord leaves room for the time, the level and a short message.
	MinMaxRecord = 512

	maxMaxRecord = 128 << 20 // sizes are reckoned with in an int of 32 bits, times 7
)
