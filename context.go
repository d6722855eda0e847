// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"log/slog"
	"slices"

	"github.com/hydra-logger/hydra/internal/errs"
)

// contextKey is the key of the attributes that With puts into a context.
type contextKey struct{}

// With returns a context whose log calls carry attrs, after those that ctx
// carries already. They stand at the top level of the record, outside any group
// of the logger, right after the message. A layer attribute among them chooses
// the layer, whatever logger.With and logger.WithGroup chose, unless the record
// has one of its own; the last one counts.
//
// It takes a log call that is given the context: InfoContext, not Info. The
// attributes are evaluated at each log call, so what they point to must not
// change. With copies the slice and is safe for concurrent use. A nil ctx is
// context.Background().
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	if len(attrs) == 0 {
		return ctx
	}
	have, _ := ctx.Value(contextKey{}).([]slog.Attr)
	return context.WithValue(ctx, contextKey{}, slices.Clip(slices.Concat(have, attrs)))
}

// contextAttrs returns what ctx and the extractors know about a record.
func (c *core) contextAttrs(ctx context.Context) []slog.Attr {
	attrs := safely(ctx, fromWith)
	if len(c.config.Extractors) == 0 {
		return attrs
	}
	for _, extract := range c.config.Extractors {
		attrs = append(attrs, safely(ctx, extract)...) // With has left no room in it
	}
	return attrs
}

// fromWith is the extractor of what With put into a context.
func fromWith(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(contextKey{}).([]slog.Attr)
	return attrs
}

// doneOf returns what tells that ctx has ended. A context of the program's own that
// panics there never ends.
func doneOf(ctx context.Context) (done <-chan struct{}) {
	defer func() {
		if recover() != nil {
			done = nil
		}
	}()
	return ctx.Done()
}

// safely calls an extractor; its panic, or that of a context of the program's
// own, becomes an attribute.
func safely(ctx context.Context, extract func(context.Context) []slog.Attr) (attrs []slog.Attr) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			attrs = []slog.Attr{slog.String("!PANIC", "in the context of the log call: "+err.Error())}
		}
	}()
	return extract(ctx)
}

// Traceparent returns an extractor that finds the trace of a request. get returns
// the value of the request's traceparent header (W3C Trace Context, level 1), as
// the program keeps it in its contexts, or "" for none.
//
// A valid header gives the attributes trace_id and span_id; an invalid one gives
// nothing. The extractor is safe for concurrent use if get is. A nil get gives a
// nil extractor, which is a mistake in Config.Extractors.
func Traceparent(get func(context.Context) string) func(context.Context) []slog.Attr {
	if get == nil {
		return nil
	}
	return func(ctx context.Context) []slog.Attr {
		trace, span, ok := parseTraceparent(get(ctx))
		if !ok {
			return nil
		}
		return []slog.Attr{slog.String("trace_id", trace), slog.String("span_id", span)}
	}
}

// parseTraceparent takes a header apart: version "-" trace-id "-" parent-id "-"
// flags, in lower-case hexadecimal. Versions above 00 may add fields; ff is
// invalid, and so are ids of zeros only.
func parseTraceparent(h string) (trace, span string, ok bool) {
	const length = 55
	if len(h) < length || h[2] != '-' || h[35] != '-' || h[52] != '-' {
		return "", "", false
	}
	version, trace, span, flags := h[:2], h[3:35], h[36:52], h[53:55]
	switch {
	case !isHex(version) || !isHex(trace) || !isHex(span) || !isHex(flags):
	case version == "ff" || isZero(trace) || isZero(span):
	case len(h) > length && (version == "00" || h[length] != '-'):
	default:
		return trace, span, true
	}
	return "", "", false
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isZero(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}
