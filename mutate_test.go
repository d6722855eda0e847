// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
)

// account is a value with everything in it that a caller may change later.
type account struct {
	Name  string
	Tags  []string
	Limit map[string]int
}

func (a *account) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", a.Name), slog.Any("tags", a.Tags))
}

// Run with the race detector this finds whoever looks at a record after the log
// call has returned; without it, whoever shows it as it is by then.
func TestFault52TheCallerMayChangeEverythingAfterTheCall(t *testing.T) {
	log := func(l *slog.Logger) {
		for i := range 50 {
			acc := &account{Name: "ann", Tags: []string{"a", "b"}, Limit: map[string]int{"x": 1}}
			plain := &struct {
				N     int
				Inner []string
			}{i, []string{"inner"}}
			raw := []byte("raw bytes")
			buf := bytes.NewBufferString("buffered")
			group := []slog.Attr{slog.Int("g", i), slog.Any("limit", acc.Limit)}
			args := []any{"account", acc, "plain", plain, "raw", raw, "buf", buf, slog.Attr{Key: "group", Value: slog.GroupValue(group...)}}
			attrs := []slog.Attr{slog.Any("tags", acc.Tags), slog.Any("limit", acc.Limit)}
			scope := []slog.Attr{slog.Int("scope", i)}
			ctx, cancel := context.WithCancel(hydra.With(context.Background(), scope...))

			derived := slog.New(l.Handler().WithAttrs(attrs)).WithGroup("in")
			l.InfoContext(ctx, "message", args...)
			derived.LogAttrs(ctx, slog.LevelInfo, "derived", group...)

			cancel()
			clear(args)
			clear(attrs)
			clear(scope)
			clear(group)
			clear(raw)
			buf.Reset()
			plain.N, plain.Inner[0] = -1, "changed"
			acc.Name, acc.Tags[0], acc.Limit["x"] = "changed", "changed", 2
			derived.Info("later")
		}
	}
	for _, k := range dropIns {
		t.Run(k.name, func(t *testing.T) {
			var want, got bytes.Buffer
			log(slog.New(dated{k.slog(&want, nil)}))
			h := closed(t, k.hydra(&got, nil))
			log(slog.New(dated{h}))
			assert.NilError(t, h.Close(t.Context()))
			// slog's own handlers show nothing of the context.
			lines := regexp.MustCompile(`"scope":\d+,| scope=\d+`).ReplaceAllString(got.String(), "")
			assert.Equal(t, strings.Count(got.String(), "scope"), 100)
			assert.Equal(t, lines, want.String())
		})
	}
}

// A record that a handler in front keeps and changes must not change what is
// written, and the other way round.
func TestFault52RecordsAreNotKept(t *testing.T) {
	var out kept
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{
		{Sink: hydra.Writer(&out), Format: format.Text(&format.Options{ReplaceAttr: bare})},
	}}}})
	r := slog.NewRecord(testTime, slog.LevelInfo, "m", 0)
	want := ""
	for i := range 100 {
		r.AddAttrs(slog.Int("a", i))
		assert.NilError(t, h.Handle(t.Context(), r))
		if i == 9 {
			r = slog.NewRecord(testTime, slog.LevelInfo, "n", 0)
		}
	}
	flushed(t, h)
	for i, line := range out.lines() {
		name, first := "m", 0
		if i > 9 {
			name, first = "n", 10
		}
		want = "msg=" + name
		for j := first; j <= i; j++ {
			want += fmt.Sprint(" a=", j)
		}
		assert.Equal(t, line, want)
	}
}

func TestConcurrentCallersShareDerivedLoggers(t *testing.T) {
	var out kept
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{
		{Sink: hydra.Writer(&out), Format: format.Text(&format.Options{ReplaceAttr: bare})},
	}}}})
	parent := slog.New(h).With("a", 1).WithGroup("g").With("b", 2)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				parent.With("c", i).WithGroup("h").Info("m", "d", j)
			}
		})
	}
	wg.Wait()
	flushed(t, h)
	next := make([]int, 8)
	assert.Equal(t, len(out.lines()), 400)
	for _, line := range out.lines() {
		var c, d int
		_, err := fmt.Sscanf(line, "msg=m a=1 g.b=2 g.c=%d g.h.d=%d", &c, &d)
		assert.NilError(t, err, line)
		assert.Equal(t, d, next[c], "a producer's records keep their order")
		next[c]++
	}
}
