// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/sink"
)

// noContext is what some callers pass, and some handlers do not survive.
var noContext context.Context

// kept is a writer that keeps what it is given. It may be read at any time.
type kept struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.buf.Write(p)
}

func (k *kept) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.buf.String()
}

// lines returns what was written, a line an element.
func (k *kept) lines() []string {
	s := k.String()
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// to returns the destinations that write JSON to each of sinks.
func to(sinks ...sink.Sink) []hydra.Destination {
	var all []hydra.Destination
	for _, s := range sinks {
		all = append(all, hydra.Destination{Sink: s})
	}
	return all
}

// serve returns a handler for cfg that is closed at the end of the test. The
// memory of the machine has no influence on it, and its fallback is the test's.
func serve(t testing.TB, cfg hydra.Config) *hydra.Handler {
	t.Helper()
	if cfg.MemoryLimit == 0 {
		cfg.MemoryLimit = -1
	}
	if cfg.Fallback == nil {
		cfg.Fallback = io.Discard
	}
	return closed(t, hydra.NewHandler(cfg))
}

// closed closes h at the end of the test.
func closed(t testing.TB, h *hydra.Handler) *hydra.Handler {
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	return h
}

// flushed waits until everything is in the sinks.
func flushed(t testing.TB, h *hydra.Handler) {
	t.Helper()
	assert.NilError(t, h.Flush(t.Context()))
}

// adding is a handler that adds an attribute to each record itself, or, where
// that would fill an empty group, to the context of the call.
type adding struct {
	slog.Handler
	attr slog.Attr
}

func (a adding) Handle(ctx context.Context, r slog.Record) error {
	if r.NumAttrs() == 0 {
		return a.Handler.Handle(hydra.With(ctx, a.attr), r)
	}
	r = r.Clone()
	r.AddAttrs(a.attr)
	return a.Handler.Handle(ctx, r)
}

func (a adding) WithAttrs(attrs []slog.Attr) slog.Handler {
	return adding{a.Handler.WithAttrs(attrs), a.attr}
}

func (a adding) WithGroup(name string) slog.Handler {
	if name == "" {
		return a
	}
	return adding{a.Handler.WithGroup(name), a.attr}
}

func TestSlogtest(t *testing.T) {
	formats := []struct {
		name   string
		format format.Format
		parse  func(*testing.T, string) map[string]any
	}{
		{"json", format.JSON(nil), parseJSON},
		{"text", format.Text(nil), parseText},
		{"console", format.Console(&format.ConsoleOptions{Color: format.ColorNever}), parseConsole},
	}
	ways := []struct {
		name   string
		derive func(slog.Handler) slog.Handler
		group  string   // that the derivation opens
		reach  []string // sinks that must have the record
	}{
		{"plain", func(h slog.Handler) slog.Handler { return h }, "", []string{"default", "second", "every"}},
		{"with", func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("w", 1)})
		}, "", []string{"default", "second", "every"}},
		{"group", func(h slog.Handler) slog.Handler { return h.WithGroup("other") }, "other", []string{"default", "every"}},
		{"routed by attribute of with", func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.String("layer", "db")})
		}, "", []string{"db", "every"}},
		{"routed by attribute of the call", func(h slog.Handler) slog.Handler {
			return adding{h, slog.String("layer", "db")}
		}, "", []string{"db", "every"}},
		{"routed by group", func(h slog.Handler) slog.Handler { return h.WithGroup("db") }, "db", []string{"db", "every"}},
		{"routed by match", func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.String("component", "sql")})
		}, "", []string{"db", "every"}},
	}
	for _, f := range formats {
		for _, way := range ways {
			for _, reached := range way.reach {
				t.Run(f.name+"/"+way.name+"/"+reached, func(t *testing.T) {
					var h *hydra.Handler
					var sinks map[string]*kept
					slogtest.Run(t, func(t *testing.T) slog.Handler {
						sinks = map[string]*kept{"default": {}, "second": {}, "db": {}, "every": {}}
						d := func(name string) hydra.Destination {
							return hydra.Destination{
								Name: name, Sink: hydra.Writer(sinks[name]), Format: f.format,
								Queue: hydra.Queue{Records: 8, Bytes: 64 << 10},
							}
						}
						h = serve(t, hydra.Config{Layers: map[string]hydra.Layer{
							"default": {Destinations: []hydra.Destination{d("default"), d("second")}},
							"db":      {Match: map[string]string{"component": "sql"}, Destinations: []hydra.Destination{d("db")}},
							"*":       {Destinations: []hydra.Destination{d("every")}},
						}})
						return way.derive(h)
					}, func(t *testing.T) map[string]any {
						flushed(t, h)
						got := sinks[reached].lines()
						assert.Equal(t, len(got), 1, "lines %q", got)
						m := f.parse(t, got[0])
						if inner, ok := m[way.group].(map[string]any); ok {
							delete(m, way.group)
							maps.Copy(m, inner)
						}
						return m
					})
				})
			}
		}
	}
}

func parseJSON(t *testing.T, line string) map[string]any {
	t.Helper()
	var m map[string]any
	assert.NilError(t, json.Unmarshal([]byte(line), &m), line)
	return m
}

// parseText takes apart a line whose keys need no quotes.
func parseText(t *testing.T, line string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for line != "" {
		key, rest, ok := strings.Cut(line, "=")
		assert.Assert(t, ok, line)
		value := rest
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			line = rest[len(quoted):]
			value, err = strconv.Unquote(quoted)
			assert.NilError(t, err)
		} else if i := strings.IndexByte(rest, ' '); i >= 0 {
			value, line = rest[:i], rest[i:]
		} else {
			line = ""
		}
		line = strings.TrimPrefix(line, " ")
		m := all
		groups := strings.Split(key, ".")
		for _, g := range groups[:len(groups)-1] {
			if m[g] == nil {
				m[g] = map[string]any{}
			}
			m = m[g].(map[string]any)
		}
		m[groups[len(groups)-1]] = value
	}
	return all
}

// parseConsole takes apart a line whose message and keys need no quotes.
func parseConsole(t *testing.T, line string) map[string]any {
	t.Helper()
	// Levels are as wide as the widest.
	head, rest, _ := strings.Cut(strings.Replace(line, "INFO ", "INFO", 1), "  ")
	m := parseText(t, rest)
	words := strings.Fields(head)
	if strings.Contains(words[0], ":") {
		m[slog.TimeKey], words = words[0], words[1:]
	}
	assert.Equal(t, len(words), 2, line)
	m[slog.LevelKey], m[slog.MessageKey] = words[0], words[1]
	return m
}
