// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"io"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

var zapStacks = []Stack{
	{Name: "zap", Kind: Native, Open: openZap(zapDirect)},
	{Name: "zap+buffered", Kind: Native, Open: openZap(zapBuffered)},
	{Name: "zap-slog", Kind: Slog, Open: openZapSlog(zapDirect)},
	{Name: "zap-slog+buffered", Kind: Slog, Open: openZapSlog(zapBuffered)},
}

func zapDirect(w io.Writer) (zapcore.WriteSyncer, func() error) {
	return zapcore.Lock(zapcore.AddSync(w)), func() error { return nil }
}

func zapBuffered(w io.Writer) (zapcore.WriteSyncer, func() error) {
	b := &zapcore.BufferedWriteSyncer{
		// The plain writer has no Sync: a flush is a write here, as with every
		// other buffer.
		WS:            zapcore.AddSync(struct{ io.Writer }{w}),
		Size:          bufferSize,
		FlushInterval: flushEvery,
	}
	return b, b.Stop
}

func zapCore(ws zapcore.WriteSyncer) zapcore.Core {
	return zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey:        "time",
		LevelKey:       "level",
		MessageKey:     "msg",
		CallerKey:      "source",
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.CapitalLevelEncoder,
		EncodeDuration: zapcore.NanosDurationEncoder,
		EncodeCaller:   zapcore.FullCallerEncoder,
	}), ws, zapcore.InfoLevel)
}

func openZapSlog(writer func(io.Writer) (zapcore.WriteSyncer, func() error)) func(io.Writer, Options) (Logger, error) {
	return func(w io.Writer, o Options) (Logger, error) {
		ws, stop := writer(w)
		h := zapslog.NewHandler(zapCore(ws), zapslog.WithCaller(o.AddSource), zapslog.AddStacktraceAt(slog.LevelError+1))
		return Logger{Work: newSlogWork(h), Close: stop}, nil
	}
}

func openZap(writer func(io.Writer) (zapcore.WriteSyncer, func() error)) func(io.Writer, Options) (Logger, error) {
	return func(w io.Writer, o Options) (Logger, error) {
		ws, stop := writer(w)
		l := zap.New(zapCore(ws), zap.WithCaller(o.AddSource))
		return Logger{Close: stop, Work: zapWork{l: l, bound: l.With(
			zap.String("service", service),
			zap.String("region", region),
			zap.String("version", version),
			zap.String("request", requestID),
			zap.Int("shard", 3),
		)}}, nil
	}
}

// zapWork does the work through zap's own API.
type zapWork struct {
	l, bound *zap.Logger
}

func (z zapWork) Message() { z.l.Info(Message) }

func (z zapWork) Three() {
	z.l.Info(Message, zap.String("method", method), zap.String("path", path), zap.Int("status", 200))
}

func (z zapWork) Ten() {
	z.l.Info(Message,
		zap.String("method", method),
		zap.Int("status", 200),
		zap.Float64("load", 0.75),
		zap.Bool("cached", true),
		zap.Duration("took", took),
		zap.Time("started", startedAt),
		zap.Error(errServed),
		zap.Any("order", order),
		zap.Dict("user", zap.String("name", "ada"), zap.Int("id", 42)),
		zap.Strings("tags", tags),
	)
}

func (z zapWork) Bound() { z.bound.Info(Message, zap.String("path", path), zap.Int("status", 200)) }

func (z zapWork) Numbered(n int) {
	z.l.Info(Message,
		zap.Int("n", n),
		zap.String("path", longPath),
		zap.String("agent", agent),
		zap.String("remote", remote),
		zap.Int("status", 200),
	)
}

func (z zapWork) Disabled() {
	z.l.Debug(Message, zap.String("method", method), zap.String("path", path), zap.Int("status", 200))
}
