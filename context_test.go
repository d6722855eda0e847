// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
)

// logged returns what log writes through a handler with extractors, without time
// and level.
func logged(t *testing.T, extractors []func(context.Context) []slog.Attr, log func(*slog.Logger)) string {
	t.Helper()
	var out kept
	h := serve(t, hydra.Config{
		Extractors: extractors,
		Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
			Sink: hydra.Writer(&out), Format: format.JSON(&format.Options{ReplaceAttr: bare}),
		}}}},
	})
	log(slog.New(h))
	flushed(t, h)
	return strings.TrimSuffix(out.String(), "\n")
}

// bare drops the time and the level.
func bare(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

func TestContextAttributesStandAfterTheMessage(t *testing.T) {
	ctx := hydra.With(context.Background(), slog.Int("a", 1))
	tests := []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"one", func(l *slog.Logger) { l.InfoContext(ctx, "m", "x", 1) }, `{"msg":"m","a":1,"x":1}`},
		{"nested", func(l *slog.Logger) { l.InfoContext(hydra.With(ctx, slog.Int("b", 2)), "m") }, `{"msg":"m","a":1,"b":2}`},
		{
			"outside groups", func(l *slog.Logger) { l.With("w", 1).WithGroup("g").InfoContext(ctx, "m", "x", 1) },
			`{"msg":"m","a":1,"w":1,"g":{"x":1}}`,
		},
		{"call without context", func(l *slog.Logger) { l.Info("m") }, `{"msg":"m"}`},
		{"nil context of With", func(l *slog.Logger) { l.InfoContext(hydra.With(noContext, slog.Int("n", 1)), "m") }, `{"msg":"m","n":1}`},
		{"nothing to add", func(l *slog.Logger) { l.InfoContext(hydra.With(ctx), "m") }, `{"msg":"m","a":1}`},
		{"group", func(l *slog.Logger) { l.InfoContext(hydra.With(ctx, slog.Group("r", "id", 7)), "m") }, `{"msg":"m","a":1,"r":{"id":7}}`},
		{"cancelled", func(l *slog.Logger) {
			c, cancel := context.WithCancel(ctx)
			cancel()
			l.InfoContext(c, "m")
		}, `{"msg":"m","a":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, logged(t, nil, tt.log), tt.want)
		})
	}
}

func TestWithoutAttributesWithReturnsItsContext(t *testing.T) {
	ctx := t.Context()
	assert.Equal(t, hydra.With(ctx), ctx)
}

func TestFault53SiblingContextsShareNothing(t *testing.T) {
	attrs := make([]slog.Attr, 1, 8)
	attrs[0] = slog.Int("a", 0)
	parent := hydra.With(context.Background(), attrs...)
	attrs[0] = slog.Int("changed", 1)
	_ = append(attrs, slog.Int("changed", 2))
	// The parent's own parent has room to spare, too, if anything has.
	parent = hydra.With(parent, slog.Int("b", 0), slog.Int("c", 0))
	const siblings = 8
	got := make([]string, siblings)
	var wg sync.WaitGroup
	for i := range siblings {
		wg.Go(func() {
			child := hydra.With(parent, slog.Int("child", i))
			got[i] = logged(t, []func(context.Context) []slog.Attr{func(context.Context) []slog.Attr {
				return []slog.Attr{slog.Int("extracted", i)}
			}}, func(l *slog.Logger) { l.InfoContext(child, "m") })
		})
	}
	wg.Wait()
	for i := range siblings {
		assert.Equal(t, got[i], fmt.Sprintf(`{"msg":"m","a":0,"b":0,"c":0,"child":%d,"extracted":%d}`, i, i))
	}
	assert.Equal(t, logged(t, nil, func(l *slog.Logger) { l.InfoContext(parent, "m") }), `{"msg":"m","a":0,"b":0,"c":0}`)
}

// roomy is a format that notes how much room there is behind the attributes of
// the context.
type roomy struct {
	format.Format
	room *int
}

func (r roomy) AppendRecord(dst []byte, rec slog.Record, top []slog.Attr) ([]byte, format.Flaws) {
	*r.room = cap(top) - len(top)
	return r.Format.AppendRecord(dst, rec, top)
}

func TestFormatsMayAppendToContextAttributes(t *testing.T) {
	room := -1
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
		Sink: hydra.Writer(&kept{}), Format: roomy{format.JSON(nil), &room},
	}}}}})
	ctx := context.Background()
	for i := range 40 {
		ctx = hydra.With(ctx, slog.Int("i", i))
		slog.New(h).InfoContext(ctx, "m")
		assert.Equal(t, room, 0, "after %d", i)
	}
}

// grumpy is a context that panics when it is asked for a value.
type grumpy struct{ context.Context }

func (*grumpy) Value(any) any { panic("grumpy") }

func TestExtractors(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(hydra.With(context.Background(), slog.Int("a", 1)), key{}, "u7")
	user := func(ctx context.Context) []slog.Attr {
		if u, ok := ctx.Value(key{}).(string); ok {
			return []slog.Attr{slog.String("user", u)}
		}
		return nil
	}
	broken := func(context.Context) []slog.Attr { panic("broken") }
	tests := []struct {
		name       string
		extractors []func(context.Context) []slog.Attr
		ctx        context.Context
		want       string
	}{
		{"after With", []func(context.Context) []slog.Attr{user}, ctx, `{"msg":"m","a":1,"user":"u7","x":1}`},
		{"in their order", []func(context.Context) []slog.Attr{user, user}, ctx, `{"msg":"m","a":1,"user":"u7","user":"u7","x":1}`},
		{"nothing found", []func(context.Context) []slog.Attr{user}, t.Context(), `{"msg":"m","x":1}`},
		{"background is not asked", []func(context.Context) []slog.Attr{broken}, context.Background(), `{"msg":"m","x":1}`},
		{
			"panic",
			[]func(context.Context) []slog.Attr{broken, user},
			ctx,
			`{"msg":"m","a":1,"!PANIC":"in the context of the log call: panic: broken","user":"u7","x":1}`,
		},
		{"panicking context", nil, &grumpy{ctx}, `{"msg":"m","!PANIC":"in the context of the log call: panic: grumpy","x":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := logged(t, tt.extractors, func(l *slog.Logger) { l.InfoContext(tt.ctx, "m", "x", 1) })
			assert.Equal(t, got, tt.want)
		})
	}
}

func TestANilContextIsNoContext(t *testing.T) {
	got := logged(t, []func(context.Context) []slog.Attr{func(ctx context.Context) []slog.Attr {
		return []slog.Attr{slog.Any("value", ctx.Value(0))}
	}}, func(l *slog.Logger) { l.InfoContext(noContext, "m", "x", 1) })
	assert.Equal(t, got, `{"msg":"m","x":1}`)
	h := closed(t, hydra.NewJSONHandler(&kept{}, nil))
	assert.NilError(t, h.Flush(noContext))
	assert.NilError(t, h.Close(noContext))
}

func TestTraceparent(t *testing.T) {
	const (
		trace = "4bf92f3577b34da6a3ce929d0e0e4736"
		span  = "00f067aa0ba902b7"
		valid = "00-" + trace + "-" + span + "-01"
	)
	tests := []struct {
		name   string
		header string
		want   bool
	}{
		{"valid", valid, true},
		{"not sampled", "00-" + trace + "-" + span + "-00", true},
		{"unknown flags", "00-" + trace + "-" + span + "-ff", true},
		{"future version", "01-" + trace + "-" + span + "-01", true},
		{"future version with more", "cc-" + trace + "-" + span + "-01-what-the-future-will-be", true},
		{"future version with nothing more", "cc-" + trace + "-" + span + "-01-", true},
		{"future version, longer flags", "cc-" + trace + "-" + span + "-01.what", false},
		{"version 00 with more", valid + "-more", false},
		{"version ff", "ff-" + trace + "-" + span + "-01", false},
		{"upper-case version", "CC-" + trace + "-" + span + "-01", false},
		{"none", "", false},
		{"short", valid[:54], false},
		{"upper case", "00-" + strings.ToUpper(trace) + "-" + span + "-01", false},
		{"not hexadecimal", "00-" + strings.Repeat("g", 32) + "-" + span + "-01", false},
		{"span not hexadecimal", "00-" + trace + "-" + strings.Repeat("/", 16) + "-01", false},
		{"flags not hexadecimal", "00-" + trace + "-" + span + "-0x", false},
		{"trace of zeros", "00-" + strings.Repeat("0", 32) + "-" + span + "-01", false},
		{"span of zeros", "00-" + trace + "-" + strings.Repeat("0", 16) + "-01", false},
		{"other first separator", "00_" + valid[3:], false},
		{"other second separator", valid[:35] + "_" + valid[36:], false},
		{"other third separator", valid[:52] + "_" + valid[53:], false},
		{"white space around", " " + valid[:54], false},
		{"short trace", "00-" + trace[1:] + "-" + span + "-01-", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			extract := hydra.Traceparent(func(context.Context) string { return tt.header })
			got := extract(t.Context())
			if !tt.want {
				assert.Equal(t, len(got), 0, "%v", got)
				return
			}
			assert.Equal(t, len(got), 2)
			assert.Assert(t, got[0].Equal(slog.String("trace_id", trace)), got[0])
			assert.Assert(t, got[1].Equal(slog.String("span_id", span)), got[1])
		})
	}
}
