// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
)

// dropIns are hydra's constructors beside those of slog that they stand in for.
var dropIns = []struct {
	name  string
	slog  func(io.Writer, *slog.HandlerOptions) slog.Handler
	hydra func(io.Writer, *slog.HandlerOptions) *hydra.Handler
}{
	{"json", func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) }, hydra.NewJSONHandler},
	{"text", func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) }, hydra.NewTextHandler},
}

// testTime is the time of records that the tests make.
var testTime = time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)

// dated is a handler that gives every record the same time.
type dated struct{ slog.Handler }

func (d dated) Handle(ctx context.Context, r slog.Record) error {
	r.Time = testTime
	return d.Handler.Handle(ctx, r)
}

func (d dated) WithAttrs(attrs []slog.Attr) slog.Handler { return dated{d.Handler.WithAttrs(attrs)} }
func (d dated) WithGroup(name string) slog.Handler       { return dated{d.Handler.WithGroup(name)} }

type point struct{ X, Y int }

type secret string

func (secret) LogValue() slog.Value { return slog.StringValue("hidden") }

type explosive struct{}

func (explosive) String() string { panic("boom") }

func (explosive) MarshalText() ([]byte, error) { panic("boom") }

// everything logs in all the ways that a logger has.
func everything(log *slog.Logger) {
	ctx := context.Background()
	log.Debug("debug")
	log.Info("")
	log.Warn("line\nbreak \"quoted\" \u2028 \x00 \xff <&>", "key with space", "value = \"x\"", "", "no key")
	log.Error("kinds", "s", "text", "i", -7, "u", uint64(7), "f", 1.5, "b", true, "d", time.Second, "nil", nil,
		"t", time.Date(2020, 2, 3, 4, 5, 6, 7, time.FixedZone("x", 3600)), "e", errors.New("failed"),
		"p", point{1, 2}, "pp", &point{3, 4}, "bytes", []byte("bytes"), "map", map[string]int{"a": 1}, "l", slog.LevelWarn+1)
	log.Log(ctx, slog.LevelError+3, "odd arguments", []any{"key", 1, "alone"}...)
	log.Log(ctx, slog.LevelInfo-1, "a level between")
	log.LogAttrs(ctx, slog.LevelInfo, "attributes", slog.Group("g", "a", 1, slog.Group("h", "b", 2)), slog.Group("empty"),
		slog.Group("", "inline", 1), slog.Any("secret", secret("x")), slog.Any("explosive", explosive{}), slog.Attr{})
	with := log.With("with", 1, "secret", secret("y"))
	group := with.WithGroup("g1").With("in", "g1").WithGroup("g2")
	group.Info("nothing in g2")
	group.Info("something in g2", "x", 1, "layer", "db")
	group.WithGroup("").With().Info("same again", "x", 2)
	with.Info("sibling", "x", 3)
}

func TestDropInHandlersWriteSlogsBytes(t *testing.T) {
	level := &slog.LevelVar{}
	level.Set(slog.LevelDebug)
	tests := []struct {
		name string
		opts *slog.HandlerOptions
	}{
		{"nil options", nil},
		{"zero options", &slog.HandlerOptions{}},
		{"source", &slog.HandlerOptions{AddSource: true}},
		{"level warn", &slog.HandlerOptions{Level: slog.LevelWarn}},
		{"level variable", &slog.HandlerOptions{Level: level}},
		{"replacing", &slog.HandlerOptions{AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "x":
				return slog.Attr{}
			case slog.LevelKey:
				return slog.String("severity", strings.ToLower(a.Value.String()))
			}
			a.Key = strings.Join(append([]string{"r"}, groups...), "/") + ":" + a.Key
			return a
		}}},
	}
	for _, k := range dropIns {
		for _, tt := range tests {
			t.Run(k.name+"/"+tt.name, func(t *testing.T) {
				var got, want bytes.Buffer
				h := k.hydra(&got, tt.opts)
				// The same lines of this file log to both: AddSource sees no difference.
				for _, h := range []slog.Handler{h, k.slog(&want, tt.opts)} {
					everything(slog.New(dated{h}))
				}
				assert.NilError(t, h.Close(t.Context()))
				assert.Equal(t, got.String(), want.String())
				assert.Assert(t, strings.Count(got.String(), "\n") > 2)
			})
		}
	}
}

// What slog.Logger asks first, other callers of a Handler may not.
func TestDropInHandlersTreatLevelsAsSlogDoes(t *testing.T) {
	for _, k := range dropIns {
		t.Run(k.name, func(t *testing.T) {
			level := &slog.LevelVar{}
			var got, want bytes.Buffer
			h := k.hydra(&got, &slog.HandlerOptions{Level: level})
			std := k.slog(&want, &slog.HandlerOptions{Level: level})
			for _, at := range []slog.Level{slog.LevelInfo, slog.LevelError, slog.LevelDebug} {
				level.Set(at)
				for l := slog.LevelDebug - 1; l <= slog.LevelError+1; l++ {
					assert.Equal(t, h.Enabled(t.Context(), l), std.Enabled(t.Context(), l), "level %v at %v", l, at)
					r := slog.NewRecord(time.Now(), l, "handled without asking", 0)
					assert.NilError(t, h.Handle(t.Context(), r))
					assert.NilError(t, std.Handle(t.Context(), r))
				}
			}
			assert.NilError(t, h.Close(t.Context()))
			assert.Equal(t, got.String(), want.String())
		})
	}
}

func TestDropInHandlersLeaveTheOptionsAlone(t *testing.T) {
	for _, k := range dropIns {
		t.Run(k.name, func(t *testing.T) {
			opts := &slog.HandlerOptions{}
			var got bytes.Buffer
			h := k.hydra(&got, opts)
			assert.Equal(t, opts.Level, nil)
			opts.AddSource = true
			opts.Level = slog.LevelError
			slog.New(h).Info("as the options were")
			assert.NilError(t, h.Close(t.Context()))
			assert.Assert(t, strings.Contains(got.String(), "as the options were"))
			assert.Assert(t, !strings.Contains(got.String(), "source"))
		})
	}
}
