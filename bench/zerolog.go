// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"
)

var zerologStacks = []Stack{
	{Name: "zerolog", Kind: Native, Open: openZerolog(zerologDirect)},
	{Name: "zerolog+diode", Kind: Native, Open: openZerolog(zerologDiode)},
	{Name: "zerolog-slog", Kind: Slog, NoSource: true, Open: openZerologSlog(zerologDirect)},
	{Name: "zerolog-slog+diode", Kind: Slog, NoSource: true, Open: openZerologSlog(zerologDiode)},
}

// zerolog is configured by globals, which are set once, to slog's names and
// units.
var zerologGlobals = sync.OnceFunc(func() {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	zerolog.MessageFieldName = "msg"
	zerolog.CallerFieldName = "source"
	zerolog.DurationFieldInteger = true
	zerolog.DurationFieldUnit = time.Nanosecond
})

// zerologWriter is what a zerolog stack writes to, how to end it, and what it
// says it lost.
type zerologWriter struct {
	io.Writer
	stop    func() error
	dropped func() int64
}

func zerologDirect(w io.Writer, _ Options) zerologWriter {
	return zerologWriter{w, func() error { return nil }, nil}
}

func zerologDiode(w io.Writer, o Options) zerologWriter {
	missed := new(atomic.Int64)
	// The diode closes what it can close, and w is not its own. It polls as
	// its documentation shows.
	d := diode.NewWriter(struct{ io.Writer }{w}, o.queue(), 10*time.Millisecond, func(n int) { missed.Add(int64(n)) })
	return zerologWriter{d, d.Close, missed.Load}
}

func openZerologSlog(writer func(io.Writer, Options) zerologWriter) func(io.Writer, Options) (Logger, error) {
	return func(w io.Writer, o Options) (Logger, error) {
		zerologGlobals()
		zw := writer(w, o)
		h := zerolog.NewSlogHandler(zerolog.New(zw).Level(zerolog.InfoLevel))
		return Logger{Work: newSlogWork(h), Close: zw.stop, Dropped: zw.dropped}, nil
	}
}

func openZerolog(writer func(io.Writer, Options) zerologWriter) func(io.Writer, Options) (Logger, error) {
	return func(w io.Writer, o Options) (Logger, error) {
		zerologGlobals()
		zw := writer(w, o)
		c := zerolog.New(zw).Level(zerolog.InfoLevel).With().Timestamp()
		if o.AddSource {
			c = c.Caller()
		}
		l := c.Logger()
		bound := l.With().
			Str("service", service).
			Str("region", region).
			Str("version", version).
			Str("request", requestID).
			Int("shard", 3).
			Logger()
		return Logger{Work: &zerologWork{l, bound}, Close: zw.stop, Dropped: zw.dropped}, nil
	}
}

// zerologWork does the work through zerolog's own API.
type zerologWork struct {
	l, bound zerolog.Logger
}

func (z *zerologWork) Message() { z.l.Info().Msg(Message) }

func (z *zerologWork) Three() {
	z.l.Info().Str("method", method).Str("path", path).Int("status", 200).Msg(Message)
}

func (z *zerologWork) Ten() {
	z.l.Info().
		Str("method", method).
		Int("status", 200).
		Float64("load", 0.75).
		Bool("cached", true).
		Dur("took", took).
		Time("started", startedAt).
		Err(errServed).
		Interface("order", order).
		Dict("user", zerolog.Dict().Str("name", "ada").Int("id", 42)).
		Strs("tags", tags).
		Msg(Message)
}

func (z *zerologWork) Bound() { z.bound.Info().Str("path", path).Int("status", 200).Msg(Message) }

func (z *zerologWork) Numbered(n int) {
	z.l.Info().
		Int("n", n).
		Str("path", longPath).
		Str("agent", agent).
		Str("remote", remote).
		Int("status", 200).
		Msg(Message)
}

func (z *zerologWork) Disabled() {
	z.l.Debug().Str("method", method).Str("path", path).Int("status", 200).Msg(Message)
}
