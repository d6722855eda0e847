// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
)

// named is a value that says a layer's name in its own way.
type named string

func (n named) LogValue() slog.Value { return slog.StringValue(string(n)) }

// word is a name in a type of the program's own.
type word string

// ordinal is a number of the program's own.
type ordinal uint8

// stringer says its name through String.
type stringer struct{ name string }

func (s stringer) String() string { return s.name }

// selfish is a list that holds itself.
func selfish() []any {
	s := make([]any, 1)
	s[0] = s
	return s
}

func TestLayerOfARecord(t *testing.T) {
	ctx := context.Background()
	in := func(attrs ...slog.Attr) context.Context { return hydra.With(ctx, attrs...) }
	layer := func(name string) slog.Attr { return slog.String("layer", name) }
	tests := []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"nothing said", func(l *slog.Logger) { l.Info("m") }, "default"},
		{"(1) attribute", func(l *slog.Logger) { l.Info("m", "layer", "db") }, "db"},
		{"(1) last attribute", func(l *slog.Logger) { l.Info("m", "layer", "http", "x", 1, "layer", "db") }, "db"},
		{"(1) before (2)", func(l *slog.Logger) { l.With("layer", "http").Info("m", "layer", "db") }, "db"},
		{"(1) before (3)", func(l *slog.Logger) { l.WithGroup("http").Info("m", "layer", "db") }, "db"},
		{"(1) before (4)", func(l *slog.Logger) { l.Info("m", "component", "pay", "layer", "db") }, "db"},
		{"(1) names the default", func(l *slog.Logger) { l.WithGroup("db").Info("m", "layer", "default") }, "default"},
		{"(2) with", func(l *slog.Logger) { l.With("layer", "db").Info("m") }, "db"},
		{"(2) last with", func(l *slog.Logger) { l.With("layer", "http").With("layer", "db").Info("m") }, "db"},
		{"(2) last of one with", func(l *slog.Logger) { l.With("layer", "http", "layer", "db").Info("m") }, "db"},
		{"(2) before (3), group first", func(l *slog.Logger) { l.WithGroup("http").With("layer", "db").Info("m") }, "db"},
		{"(2) before (3), group last", func(l *slog.Logger) { l.With("layer", "db").WithGroup("http").Info("m") }, "db"},
		{"(2) before (4)", func(l *slog.Logger) { l.With("layer", "db", "component", "pay").Info("m", "component", "pay") }, "db"},
		{"(3) group", func(l *slog.Logger) { l.WithGroup("db").Info("m") }, "db"},
		{"(3) longest prefix", func(l *slog.Logger) { l.WithGroup("db").WithGroup("pool").Info("m") }, "db.pool"},
		{"(3) group below", func(l *slog.Logger) { l.WithGroup("db").WithGroup("pool").WithGroup("x").Info("m") }, "db.pool"},
		{"(3) group beside", func(l *slog.Logger) { l.WithGroup("db").WithGroup("poolside").Info("m") }, "db"},
		{"(3) dotted group", func(l *slog.Logger) { l.WithGroup("db.pool").Info("m") }, "db.pool"},
		{"(3) dots across groups", func(l *slog.Logger) { l.WithGroup("db").WithGroup("pool.x").Info("m") }, "db.pool"},
		{"(3) odd dots", func(l *slog.Logger) { l.WithGroup(".").WithGroup("..db.").Info("m") }, "default"},
		{"(3) far below", func(l *slog.Logger) {
			l.WithGroup("db").WithGroup("pool").WithGroup("far").WithGroup("below").Info("m")
		}, "db.pool"},
		{"(3) long words", func(l *slog.Logger) { l.WithGroup("db").WithGroup("poolpoolpool").WithGroup("pool").Info("m") }, "db"},
		{"(3) longer word", func(l *slog.Logger) { l.WithGroup("dbx").Info("m") }, "default"},
		{"(3) inner group only", func(l *slog.Logger) { l.WithGroup("x").WithGroup("db").Info("m") }, "default"},
		{"(3) group inside the record", func(l *slog.Logger) { l.Info("m", slog.Group("db", "x", 1)) }, "default"},
		{"(3) before (4)", func(l *slog.Logger) { l.With("component", "pay").WithGroup("db").Info("m", "component", "pay") }, "db"},
		{"(4) with", func(l *slog.Logger) { l.With("component", "pay").Info("m") }, "pay"},
		{"(4) last with", func(l *slog.Logger) { l.With("component", "pay").With("team", "web").Info("m") }, "http"},
		{"(4) with before record", func(l *slog.Logger) { l.With("component", "pay").Info("m", "team", "web") }, "pay"},
		{"(4) record", func(l *slog.Logger) { l.Info("m", "x", 1, "component", "pay") }, "pay"},
		{"(4) last of the record", func(l *slog.Logger) { l.Info("m", "team", "web", "component", "pay") }, "pay"},
		{"(4) with in a group", func(l *slog.Logger) { l.WithGroup("x").With("component", "pay").Info("m") }, "pay"},
		{"(4) record in a group", func(l *slog.Logger) { l.WithGroup("x").Info("m", "component", "pay") }, "pay"},
		{"(4) inside a group of the record", func(l *slog.Logger) { l.Info("m", slog.Group("x", "component", "pay")) }, "default"},
		{"(4) record before context", func(l *slog.Logger) { l.InfoContext(in(slog.String("team", "web")), "m", "component", "pay") }, "pay"},
		{"(4) with before context", func(l *slog.Logger) { l.With("component", "pay").InfoContext(in(slog.String("team", "web")), "m") }, "pay"},
		{"(4) by a number", func(l *slog.Logger) { l.Info("m", "tenant", 7) }, "pay"},
		{"(4) other value", func(l *slog.Logger) { l.Info("m", "component", "other") }, "default"},
		{"(4) key of no rule", func(l *slog.Logger) { l.Info("m", "pay", "component") }, "default"},
		{"context attribute", func(l *slog.Logger) { l.InfoContext(in(layer("db")), "m") }, "db"},
		{"context, nested", func(l *slog.Logger) { l.InfoContext(hydra.With(in(layer("http")), layer("db")), "m") }, "db"},
		{"record before context", func(l *slog.Logger) { l.InfoContext(in(layer("http")), "m", "layer", "db") }, "db"},
		{"context before (2)", func(l *slog.Logger) { l.With("layer", "http").InfoContext(in(layer("db")), "m") }, "db"},
		{"context before (3)", func(l *slog.Logger) { l.WithGroup("http").InfoContext(in(layer("db")), "m") }, "db"},
		{"context by match", func(l *slog.Logger) { l.InfoContext(in(slog.String("component", "pay")), "m") }, "pay"},
		{"context not given", func(l *slog.Logger) { in(layer("db")); l.Info("m") }, "default"},

		{"log valuer", func(l *slog.Logger) { l.Info("m", "layer", named("db")) }, "db"},
		{"own string type", func(l *slog.Logger) { l.Info("m", "layer", word("db")) }, "db"},
		{"stringer", func(l *slog.Logger) { l.With("layer", stringer{"db"}).Info("m") }, "db"},
		{"error", func(l *slog.Logger) { l.Info("m", "layer", errors.New("db")) }, "db"},
		{"own number type", func(l *slog.Logger) { l.Info("m", "layer", ordinal(8)) }, "8"},
		{"boolean", func(l *slog.Logger) { l.WithGroup("db").Info("m", "layer", true) }, "default"},
		{"nil", func(l *slog.Logger) { l.WithGroup("db").Info("m", "layer", nil) }, "db"},
		{"empty", func(l *slog.Logger) { l.WithGroup("db").Info("m", "layer", "") }, "db"},
		{"group", func(l *slog.Logger) { l.WithGroup("db").Info("m", slog.Group("layer", "http", 1)) }, "db"},
		{"struct", func(l *slog.Logger) { l.WithGroup("db").Info("m", "layer", point{1, 2}) }, "db"},
		{"holds itself", func(l *slog.Logger) { l.WithGroup("db").Info("m", "layer", selfish(), "component", selfish()) }, "db"},
		{"panicking stringer", func(l *slog.Logger) { l.WithGroup("db").Info("m", "layer", explosive{}) }, "default"},
		{"unknown", func(l *slog.Logger) { l.WithGroup("db").Info("m", "layer", "bd") }, "default"},
		{"other case", func(l *slog.Logger) { l.Info("m", "layer", "DB") }, "default"},
		{"every layer is no layer", func(l *slog.Logger) { l.Info("m", "layer", "*") }, "default"},
	}
	names := []string{"default", "db", "db.pool", "http", "pay", "8"}
	sinks := map[string]*kept{"*": {}}
	layers := map[string]hydra.Layer{"*": {Destinations: to(hydra.Writer(sinks["*"]))}}
	for _, name := range names {
		sinks[name] = &kept{}
		layers[name] = hydra.Layer{Destinations: to(hydra.Writer(sinks[name]))}
	}
	match := func(name string, rules map[string]string) {
		l := layers[name]
		l.Match = rules
		layers[name] = l
	}
	match("pay", map[string]string{"component": "pay", "tenant": "7"})
	match("http", map[string]string{"team": "web"})
	h := serve(t, hydra.Config{Layers: layers})
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.log(slog.New(h))
			flushed(t, h)
			var got []string
			for _, name := range names {
				if lines := sinks[name].lines(); len(lines) > 0 {
					got = append(got, name)
					assert.Equal(t, len(lines), 1)
				}
				sinks[name].buf.Reset()
			}
			assert.DeepEqual(t, got, []string{tt.want})
			assert.Equal(t, len(sinks["*"].lines()), i+1, "layer * has a copy of everything")
		})
	}
}

func TestLayerKeyCanBeChosen(t *testing.T) {
	var usual, db kept
	h := serve(t, hydra.Config{LayerKey: "part", Layers: map[string]hydra.Layer{
		"default": {Destinations: to(hydra.Writer(&usual))},
		"db":      {Destinations: to(hydra.Writer(&db))},
	}})
	slog.New(h).Info("one", "part", "db")
	slog.New(h).Info("two", "layer", "db")
	flushed(t, h)
	assert.Equal(t, len(db.lines()), 1)
	assert.Equal(t, len(usual.lines()), 1)
}

func TestUnknownLayersAreCountedAndBounded(t *testing.T) {
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: to(hydra.Writer(&kept{}))},
		"db":      {Destinations: to(hydra.Writer(&kept{}))},
	}})
	log := slog.New(h)
	log.Info("m", "layer", "bd")
	log.Info("m", "layer", "bd")
	log.Info("m", "layer", "db")
	log.With("layer", "dbb").Info("m")
	log.Info("m", "layer", strings.Repeat("é", 1000))
	got := h.Health().UnknownLayers
	assert.Equal(t, got["bd"], uint64(2))
	assert.Equal(t, got["dbb"], uint64(1))
	assert.Equal(t, len(got), 3)
	for name := range got {
		assert.Assert(t, len(name) < 100, name)
	}
	for i := range 1000 {
		log.Info("m", "layer", fmt.Sprint("x", i))
	}
	got = h.Health().UnknownLayers
	assert.Assert(t, len(got) <= 65, len(got))
	sum := uint64(0)
	for _, n := range got {
		sum += n
	}
	assert.Equal(t, sum, uint64(1004))
}

func TestNothingIsUnknownWithoutLayers(t *testing.T) {
	h := closed(t, hydra.NewJSONHandler(&kept{}, nil))
	slog.New(h).Info("just an attribute", "layer", "db")
	assert.Equal(t, len(h.Health().UnknownLayers), 0)
}

func TestARecordReachesASharedSinkOnce(t *testing.T) {
	var both, own kept
	shared, other := hydra.Writer(&both), hydra.Writer(&own)
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: to(shared)},
		"db":      {Level: slog.LevelWarn, Destinations: to(shared, other)},
		"*":       {Level: slog.LevelError, Destinations: to(shared)},
		"quiet":   {Level: slog.LevelError + 1, Destinations: to(shared)},
	}})
	log := slog.New(h)
	var want []string
	for i := range 20 {
		for _, l := range []string{"default", "db", "quiet"} {
			log.Error(fmt.Sprintf("%s-%d", l, i), "layer", l)
			want = append(want, fmt.Sprintf("%s-%d", l, i))
		}
		log.Info("no", "layer", "db")
		log.Warn("no", "layer", "quiet")
	}
	flushed(t, h)
	var got []string
	for _, line := range both.lines() {
		got = append(got, parseJSON(t, line)["msg"].(string))
	}
	assert.DeepEqual(t, got, want) // one destination: the order is kept, too
	assert.Equal(t, len(own.lines()), 20)
	assert.Equal(t, len(h.Health().Destinations), 2)
}

// counted is JSON that counts the records it encodes.
type counted struct {
	format.Format
	records *atomic.Int64
}

func newCounted() *counted { return &counted{format.JSON(nil), new(atomic.Int64)} }

func (c *counted) AppendRecord(dst []byte, r slog.Record, top []slog.Attr) ([]byte, format.Flaws) {
	c.records.Add(1)
	return c.Format.AppendRecord(dst, r, top)
}

func (c *counted) WithAttrs(attrs []slog.Attr) format.Format {
	return &counted{c.Format.WithAttrs(attrs), c.records}
}

func (c *counted) WithGroup(name string) format.Format {
	return &counted{c.Format.WithGroup(name), c.records}
}

func TestARecordIsEncodedOncePerFormat(t *testing.T) {
	one, two := newCounted(), newCounted()
	sinks := make([]kept, 5)
	d := func(i int, f format.Format) hydra.Destination {
		return hydra.Destination{Sink: hydra.Writer(&sinks[i]), Format: f}
	}
	quiet := d(3, two)
	quiet.Level = slog.LevelError
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{d(0, one), d(1, format.Text(nil)), d(2, one), quiet}},
		"*":       {Destinations: []hydra.Destination{d(4, one)}},
	}})
	for i, log := range []*slog.Logger{slog.New(h), slog.New(h).With("a", 1), slog.New(h).WithGroup("g")} {
		log.Info("m", "x", 1)
		assert.Equal(t, one.records.Load(), int64(i+1))
	}
	assert.Equal(t, two.records.Load(), int64(0), "nobody takes it, so nobody encodes it")
	flushed(t, h)
	for _, i := range []int{0, 2, 4} {
		assert.Equal(t, len(sinks[i].lines()), 3)
		assert.DeepEqual(t, parseJSON(t, sinks[i].lines()[1])["a"], 1.0)
	}
	assert.Equal(t, parseText(t, sinks[1].lines()[0])["x"], "1")
	assert.Equal(t, len(sinks[3].lines()), 0)
}

func TestSinksOfOneWriterAreOneDestination(t *testing.T) {
	var out kept
	text := hydra.Destination{Sink: hydra.Writer(&out), Format: format.Text(nil)}
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: to(hydra.Writer(&out), hydra.Stderr())},
		"db":      {Level: slog.LevelWarn, Destinations: to(hydra.Writer(&out), hydra.Stderr())},
		"http":    {Destinations: []hydra.Destination{text}},
		"other":   {Destinations: to(hydra.Writer(&kept{}))},
	}})
	assert.Equal(t, len(h.Health().Destinations), 4, "out in two formats, stderr, and another writer")
}

// Without a choice of layers, nothing is asked of an attribute that slog's own
// handlers would not ask.
func TestAValueIsAskedOnceWhereThereAreNoLayers(t *testing.T) {
	h := closed(t, hydra.NewJSONHandler(&kept{}, nil))
	asked := 0
	value := valuer(func() slog.Value { asked++; return slog.StringValue("db") })
	slog.New(h).Info("m", "layer", value)
	assert.Equal(t, asked, 1)
	slog.New(h).With("layer", value).WithGroup("db").Info("m")
	assert.Equal(t, asked, 2)
}

func TestTheLayerAttributeMayBeLeftOutOfTheOutput(t *testing.T) {
	var db kept
	f := format.JSON(&format.Options{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "layer" {
			return slog.Attr{}
		}
		return bare(groups, a)
	}})
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: to(hydra.Writer(&kept{}))},
		"db":      {Destinations: []hydra.Destination{{Sink: hydra.Writer(&db), Format: f}}},
	}})
	slog.New(h).Info("m", "layer", "db", "x", 1)
	slog.New(h).With("layer", "db").Info("m", "x", 2)
	flushed(t, h)
	assert.DeepEqual(t, db.lines(), []string{`{"msg":"m","x":1}`, `{"msg":"m","x":2}`})
}

// filter is JSON without the records whose message is "no".
type filter struct{ format.Format }

func (f filter) AppendRecord(dst []byte, r slog.Record, top []slog.Attr) ([]byte, format.Flaws) {
	if r.Message == "no" {
		return dst, 0
	}
	return f.Format.AppendRecord(dst, r, top)
}

func TestAFormatThatWritesNothingFilters(t *testing.T) {
	var all, some kept
	h := serve(t, hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{
		{Sink: hydra.Writer(&some), Format: filter{format.JSON(nil)}}, {Sink: hydra.Writer(&all)},
	}}}})
	slog.New(h).Info("no")
	slog.New(h).Info("yes")
	flushed(t, h)
	assert.Equal(t, len(all.lines()), 2)
	assert.Equal(t, len(some.lines()), 1)
	offered := h.Health().Destinations
	slices.SortFunc(offered, func(a, b hydra.DestinationHealth) int { return int(a.Offered) - int(b.Offered) })
	assert.Equal(t, offered[0].Offered, uint64(1))
}
