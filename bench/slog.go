// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"bufio"
	"context"
	"io"
	"log/slog"
)

var slogStacks = []Stack{
	{Name: "floor", Kind: Floor, Open: func(io.Writer, Options) (Logger, error) {
		return Logger{Work: newSlogWork(floor{}), Close: func() error { return nil }}, nil
	}},
	{Name: "slog", Kind: Slog, Open: openSlog(direct, newSlogJSON)},
	{Name: "slog+bufio", Kind: Slog, Open: openSlog(buffered, newSlogJSON)},
	{Name: "slog+channel", Kind: Slog, Open: openChannel},
}

func newSlogJSON(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) }

// openSlog makes an Open of a handler and of what stands between it and the
// writer.
func openSlog(between func(io.Writer, Options) (io.Writer, func() error), handler func(io.Writer, *slog.HandlerOptions) slog.Handler) func(io.Writer, Options) (Logger, error) {
	return func(w io.Writer, o Options) (Logger, error) {
		w, closeWriter := between(w, o)
		h := handler(w, &slog.HandlerOptions{AddSource: o.AddSource})
		return Logger{Work: newSlogWork(h), Close: closeWriter}, nil
	}
}

// floor is the handler whose Handle returns at once: what is left is slog.
type floor struct{}

func (floor) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (floor) Handle(context.Context, slog.Record) error    { return nil }
func (f floor) WithAttrs([]slog.Attr) slog.Handler         { return f }
func (f floor) WithGroup(string) slog.Handler              { return f }

// channelHandler is the asynchronous handler that programs make at home: a
// channel of records and a goroutine that formats and writes them.
type channelHandler struct {
	ch   chan<- channelItem
	next slog.Handler
}

type channelItem struct {
	next slog.Handler
	r    slog.Record
}

func openChannel(w io.Writer, o Options) (Logger, error) {
	ch := make(chan channelItem, o.queue())
	done := make(chan error)
	bw := bufio.NewWriterSize(w, bufferSize)
	// Ends when Close closes ch; Close waits for it.
	go func() {
		for it := range ch {
			_ = it.next.Handle(context.Background(), it.r)
			if len(ch) == 0 {
				_ = bw.Flush()
			}
		}
		done <- bw.Flush()
	}()
	h := channelHandler{ch, slog.NewJSONHandler(bw, &slog.HandlerOptions{AddSource: o.AddSource})}
	return Logger{Work: newSlogWork(h), Close: func() error { close(ch); return <-done }}, nil
}

func (h channelHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return h.next.Enabled(ctx, l)
}

func (h channelHandler) Handle(_ context.Context, r slog.Record) error {
	h.ch <- channelItem{h.next, r.Clone()}
	return nil
}

func (h channelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return channelHandler{h.ch, h.next.WithAttrs(attrs)}
}

func (h channelHandler) WithGroup(name string) slog.Handler {
	return channelHandler{h.ch, h.next.WithGroup(name)}
}
