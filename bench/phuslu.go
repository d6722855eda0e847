// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"io"
	"os"

	"github.com/phuslu/log"
)

var phusluStacks = []Stack{
	{Name: "phuslu", Kind: Native, Open: openPhuslu(phusluDirect)},
	{Name: "phuslu+async-block", Kind: Native, Open: openPhuslu(phusluAsync(false))},
	{Name: "phuslu+async-drop", Kind: Native, Open: openPhuslu(phusluAsync(true))},
	{Name: "phuslu-slog", Kind: Slog, Open: openSlog(direct, log.SlogNewJSONHandler)},
	{Name: "phuslu-slog+bufio", Kind: Slog, Open: openSlog(buffered, log.SlogNewJSONHandler)},
	{Name: "phuslu-slog+slab", Kind: Slog, Open: openSlog(slabs, log.SlogNewJSONHandler)},
}

func phusluDirect(w io.Writer, _ Options) (log.Writer, func() error) {
	return log.IOWriter{Writer: w}, func() error { return nil }
}

func phusluAsync(drop bool) func(io.Writer, Options) (log.Writer, func() error) {
	return func(w io.Writer, o Options) (log.Writer, func() error) {
		a := &log.AsyncWriter{ChannelSize: uint(o.queue()), DiscardOnFull: drop}
		// Only into a file of its own does it write many records at a time.
		// With the process id in its name it leaves no goroutine behind that
		// makes a link to it.
		if f, ok := w.(*os.File); ok {
			a.Writer = &log.FileWriter{Filename: f.Name(), ProcessID: true}
		} else {
			a.Writer = log.IOWriter{Writer: w}
		}
		return a, a.Close
	}
}

func openPhuslu(writer func(io.Writer, Options) (log.Writer, func() error)) func(io.Writer, Options) (Logger, error) {
	return func(w io.Writer, o Options) (Logger, error) {
		pw, stop := writer(w, o)
		l := log.Logger{Level: log.InfoLevel, Writer: pw}
		if o.AddSource {
			l.Caller = -1 // the whole path, as slog has it
		}
		bound := l
		bound.Context = log.NewContext(nil).
			Str("service", service).
			Str("region", region).
			Str("version", version).
			Str("request", requestID).
			Int("shard", 3).
			Value()
		return Logger{Work: &phusluWork{l, bound}, Close: stop}, nil
	}
}

// phusluWork does the work through phuslu/log's own API.
type phusluWork struct {
	l, bound log.Logger
}

func (p *phusluWork) Message() { p.l.Info().Msg(Message) }

func (p *phusluWork) Three() {
	p.l.Info().Str("method", method).Str("path", path).Int("status", 200).Msg(Message)
}

func (p *phusluWork) Ten() {
	p.l.Info().
		Str("method", method).
		Int("status", 200).
		Float64("load", 0.75).
		Bool("cached", true).
		Dur("took", took).
		Time("started", startedAt).
		AnErr("error", errServed).
		Interface("order", order).
		Dict("user", log.NewContext(nil).Str("name", "ada").Int("id", 42).Value()).
		Strs("tags", tags).
		Msg(Message)
}

func (p *phusluWork) Bound() {
	p.bound.Info().Str("path", path).Int("status", 200).Msg(Message)
}

func (p *phusluWork) Numbered(n int) {
	p.l.Info().
		Int("n", n).
		Str("path", longPath).
		Str("agent", agent).
		Str("remote", remote).
		Int("status", 200).
		Msg(Message)
}

func (p *phusluWork) Disabled() {
	p.l.Debug().Str("method", method).Str("path", path).Int("status", 200).Msg(Message)
}
