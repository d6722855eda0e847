// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/slogtest"

	"github.com/hydra-logger/hydra/format"
)

// kinds are the formats that promise slog's bytes, each beside the handler
// whose bytes they are.
var kinds = []struct {
	name string
	new  func(*format.Options) format.Format
	slog func(io.Writer, *slog.HandlerOptions) slog.Handler
}{
	{"json", format.JSON, func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) }},
	{"text", format.Text, func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) }},
}

// handler writes with a format, as simply as possible, and behind a record in what a
// Line differs.
type handler struct {
	w io.Writer
	f format.Format
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(_ context.Context, r slog.Record) error {
	b, _ := h.f.AppendRecord(nil, r, nil)
	_, err := h.w.Write(append(b, lineDiffers(h.f, r, nil)...))
	return err
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler { return handler{h.w, h.f.WithAttrs(attrs)} }

func (h handler) WithGroup(name string) slog.Handler { return handler{h.w, h.f.WithGroup(name)} }

// pair returns a handler of slog and one of format, and a function that
// compares what both have written since it was last called.
func pair(t testing.TB, kind int, opts *slog.HandlerOptions) (want, got slog.Handler, compare func(name string)) {
	t.Helper()
	var wantBuf, gotBuf bytes.Buffer
	o := &format.Options{}
	if opts != nil {
		o.AddSource, o.ReplaceAttr = opts.AddSource, opts.ReplaceAttr
	}
	return kinds[kind].slog(&wantBuf, opts), handler{&gotBuf, kinds[kind].new(o)}, func(name string) {
		t.Helper()
		if g, w := gotBuf.String(), wantBuf.String(); g != w {
			t.Errorf("%s, %s:\n got %q\nwant %q", kinds[kind].name, name, g, w)
		}
		gotBuf.Reset()
		wantBuf.Reset()
	}
}

func TestSlogtest(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			var buf bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				buf.Reset()
				return handler{&buf, k.new(nil)}
			}, func(t *testing.T) map[string]any {
				return parse(t, k.name, buf.Bytes())
			})
		})
	}
}
