// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// mistakes are ways to configure a handler wrongly. Applied one after the other
// they make a Config with all of them.
var mistakes = []struct {
	name  string
	apply func(*hydra.Config)
	want  []string // where it is, what it is, the way out
}{
	{
		"nil level pointer", func(c *hydra.Config) { c.Level = (*slog.LevelVar)(nil) },
		[]string{"Level:", "nil *slog.LevelVar", "leave it unset"},
	},
	{
		"nil extractor", func(c *hydra.Config) { c.Extractors = append(c.Extractors, nil) },
		[]string{"Extractors[0]:", "is nil", "remove it"},
	},
	{
		"memory limit", func(c *hydra.Config) { c.MemoryLimit = 101 },
		[]string{"MemoryLimit:", "101", "negative number"},
	},
	{
		"layer without a name", layer("", hydra.Layer{Destinations: to(&fault.Sink{})}),
		[]string{`Layers[""]:`, "can never be chosen", `"default"`},
	},
	{
		"white space in a name", layer("odd ", hydra.Layer{Destinations: to(&fault.Sink{})}),
		[]string{`Layers["odd "]:`, "white space", "remove"},
	},
	{
		"control character in a name", layer("o\ndd", hydra.Layer{Destinations: to(&fault.Sink{})}),
		[]string{`Layers["o\ndd"]:`, "control characters", "remove"},
	},
	{"names that differ in case", func(c *hydra.Config) {
		layer("DB", hydra.Layer{Destinations: to(&fault.Sink{})})(c)
		layer("db", hydra.Layer{Destinations: to(&fault.Sink{})})(c)
	}, []string{`Layers["db"]:`, `"DB"`, "rename one"}},
	{
		"layer without destinations", layer("bare", hydra.Layer{}),
		[]string{`Layers["bare"].Destinations:`, "empty", "add a destination"},
	},
	{
		"nil level pointer of a layer", layer("level", hydra.Layer{Level: (*slog.LevelVar)(nil), Destinations: to(&fault.Sink{})}),
		[]string{`Layers["level"].Level:`, "nil *slog.LevelVar", "leave it unset"},
	},
	{
		"rule with an empty key", layer("rule1", hydra.Layer{Match: map[string]string{"": "x"}, Destinations: to(&fault.Sink{})}),
		[]string{`Layers["rule1"].Match[""]:`, "empty key", "name one"},
	},
	{
		"nil function as the level of a layer", layer("levelFunc", hydra.Layer{Level: levelFunc(nil), Destinations: to(&fault.Sink{})}),
		[]string{`Layers["levelFunc"].Level:`, "nil hydra_test.levelFunc", "leave it unset"},
	},
	{
		"durable queue without a name",
		layer("durable", hydra.Layer{Destinations: []hydra.Destination{{Sink: &fault.Sink{}, Durable: &hydra.Durable{}}}}),
		[]string{`Layers["durable"].Destinations[0].Name:`, `"durable/0"`, "set a name, and keep it"},
	},
	{
		"relative folder of a durable queue", durably("relative", hydra.Durable{Dir: "rings"}),
		[]string{`Layers["relative"].Destinations[0].Durable.Dir:`, `"rings" is relative`, "give an absolute path"},
	},
	{
		"control character in that folder", durably("folder", hydra.Durable{Dir: "/dev/shm/a\nb"}),
		[]string{`Layers["folder"].Destinations[0].Durable.Dir:`, "control characters", "remove them"},
	},
	{
		"negative orphans", durably("orphans", hydra.Durable{MaxOrphans: -1}),
		[]string{`Layers["orphans"].Destinations[0].Durable.MaxOrphans:`, "-1 is negative", "leave it zero for 1073741824"},
	},
	{"rule of two layers", func(c *hydra.Config) {
		for _, name := range []string{"rule2", "rule3"} {
			layer(name, hydra.Layer{Match: map[string]string{"a": "b"}, Destinations: to(&fault.Sink{})})(c)
		}
	}, []string{`Layers["rule3"].Match["a"]:`, `already chooses layer "rule2"`, "keep one"}},
	{
		"rule of layer *", layer("*", hydra.Layer{Match: map[string]string{"c": "d"}, Destinations: to(&fault.Sink{})}),
		[]string{`Layers["*"].Match["c"]:`, "every record already", "remove the rule"},
	},
	{
		"nil sink", destination("nilsink", hydra.Destination{}),
		[]string{`Layers["nilsink"].Destinations[0].Sink:`, "is nil", "set one"},
	},
	{
		"nil sink pointer", destination("nilptr", hydra.Destination{Sink: (*fault.Sink)(nil)}),
		[]string{`Layers["nilptr"].Destinations[0].Sink:`, "is nil", "set one"},
	},
	{
		"nil format pointer", destination("format", hydra.Destination{Sink: &fault.Sink{}, Format: (*counted)(nil)}),
		[]string{`Layers["format"].Destinations[0].Format:`, "nil *hydra_test.counted", "leave it unset"},
	},
	{
		"nil level pointer of a destination", destination("dlevel", hydra.Destination{Sink: &fault.Sink{}, Level: (*slog.LevelVar)(nil)}),
		[]string{`Layers["dlevel"].Destinations[0].Level:`, "nil *slog.LevelVar", "leave it unset"},
	},
	{
		"unknown policy", destination("policy", hydra.Destination{Sink: &fault.Sink{}, Policy: 9}),
		[]string{`Layers["policy"].Destinations[0].Policy:`, "9 is unknown", "DropOldest, Block or Error"},
	},
	{
		"negative timeout", destination("timeout", hydra.Destination{Sink: &fault.Sink{}, BlockTimeout: -1}),
		[]string{`Layers["timeout"].Destinations[0].BlockTimeout:`, "-1ns is negative", "leave it zero"},
	},
	{
		"negative records", destination("records", hydra.Destination{Sink: &fault.Sink{}, Queue: hydra.Queue{Records: -1}}),
		[]string{`Layers["records"].Destinations[0].Queue.Records:`, "-1 is negative", "leave it zero for 32768"},
	},
	{
		"absurd records", destination("absurd", hydra.Destination{Sink: &fault.Sink{}, Queue: hydra.Queue{Records: 1 << 30}}),
		[]string{`Layers["absurd"].Destinations[0].Queue.Records:`, "more than the 16777216", "leave it zero for 32768"},
	},
	{
		"negative bytes", destination("bytes", hydra.Destination{Sink: &fault.Sink{}, Queue: hydra.Queue{Bytes: -1 << 40}}),
		[]string{`Layers["bytes"].Destinations[0].Queue.Bytes:`, "is negative", "leave it zero for 8388608"},
	},
	{
		"absurd bytes", destination("huge", hydra.Destination{Sink: &fault.Sink{}, Queue: hydra.Queue{Bytes: 1 << 40}}),
		[]string{`Layers["huge"].Destinations[0].Queue.Bytes:`, "more than the 1073741824", "leave it zero for 8388608"},
	},
	{
		"queue that holds no record", destination("tiny", hydra.Destination{Sink: &fault.Sink{}, Queue: hydra.Queue{Bytes: 1}}),
		[]string{`Layers["tiny"].Destinations[0].Queue.Bytes:`, "1 holds no record, as the shortest takes 56", "leave it zero for 8388608"},
	},
	{
		"timeout without a wait", destination("nowait", hydra.Destination{Sink: &fault.Sink{}, BlockTimeout: time.Second}),
		[]string{`Layers["nowait"].Destinations[0].BlockTimeout:`, "1s has no use", "DropOldest", "set Policy to Block, or leave it unset"},
	},
	{
		"level below the default of its layer", destination("idle1", hydra.Destination{Sink: &fault.Sink{}, Level: slog.LevelDebug}),
		[]string{`Layers["idle1"].Destinations[0].Level:`, `DEBUG is below INFO, the level of layer "idle1"`, "lower that", "leave this one unset"},
	},
	{"level below that of its layer", layer("idle2", hydra.Layer{
		Level: slog.LevelError, Destinations: []hydra.Destination{{Sink: &fault.Sink{}, Level: slog.LevelWarn}},
	}), []string{`Layers["idle2"].Destinations[0].Level:`, `WARN is below ERROR, the level of layer "idle2"`, "lower that"}},
	{"match rule on the layer key", func(c *hydra.Config) {
		destination("keyed", hydra.Destination{Sink: &fault.Sink{}})(c)
		l := c.Layers["keyed"]
		l.Match = map[string]string{"layer": "x"}
		c.Layers["keyed"] = l
	}, []string{`Layers["keyed"].Match["layer"]:`, "is the layer key", "match another key"}},
	{"traceparent from nowhere", func(c *hydra.Config) {
		c.Extractors = append(c.Extractors, hydra.Traceparent(nil))
	}, []string{`Extractors[0]:`, "is nil", "remove it"}},
	{"name of two destinations", func(c *hydra.Config) {
		destination("name1", hydra.Destination{Name: "one", Sink: &fault.Sink{}})(c)
		destination("name2", hydra.Destination{Name: "one", Sink: &fault.Sink{}})(c)
	}, []string{`Layers["name2"].Destinations[0].Name:`, `"one" is the name of another`, "choose one of its own"}},
	{"sink with two policies", func(c *hydra.Config) {
		s := &fault.Sink{}
		destination("two1", hydra.Destination{Sink: s})(c)
		destination("two2", hydra.Destination{Sink: s, Policy: hydra.Block})(c)
	}, []string{`Layers["two2"].Destinations[0]:`, `the sink of destination "two1/0" but other settings`, "make them equal"}},
	{"sink with two names", func(c *hydra.Config) {
		s := &fault.Sink{}
		destination("two3", hydra.Destination{Sink: s})(c)
		destination("two4", hydra.Destination{Sink: s, Name: "other"})(c)
	}, []string{`Layers["two4"].Destinations[0]:`, `the sink of destination "two3/0" but other settings`, "make them equal"}},
	{"sink twice in a layer", func(c *hydra.Config) {
		s := &fault.Sink{}
		layer("twice", hydra.Layer{Destinations: to(s, s)})(c)
	}, []string{`Layers["twice"].Destinations[1].Sink:`, "in this layer twice", "remove one"}},
	{"sink twice in a layer with two settings", func(c *hydra.Config) {
		s := &fault.Sink{}
		layer("twofold", hydra.Layer{Destinations: []hydra.Destination{{Sink: s}, {Sink: s, Name: "named", Policy: hydra.Block}}})(c)
	}, []string{`Layers["twofold"].Destinations[1].Sink:`, "in this layer twice", "a sink of its own"}},
	{"fallback to a destination whose sink another has", func(c *hydra.Config) {
		s := &fault.Sink{}
		destination("two5", hydra.Destination{Sink: s})(c)
		destination("two6", hydra.Destination{Sink: s, Name: "spare"})(c)
		destination("two7", hydra.Destination{Sink: &fault.Sink{}, Fallback: "spare"})(c)
	}, []string{`Layers["two6"].Destinations[0]:`, `the sink of destination "two5/0" but other settings`, "make them equal"}},
	{"writer twice in a layer", func(c *hydra.Config) {
		w := &kept{}
		layer("again", hydra.Layer{Destinations: to(hydra.Writer(w), hydra.Writer(w))})(c)
	}, []string{`Layers["again"].Destinations[1].Sink:`, "in this layer twice", "remove one"}},
}

// layer returns what adds a layer to a Config.
func layer(name string, l hydra.Layer) func(*hydra.Config) {
	return func(c *hydra.Config) { c.Layers[name] = l }
}

// destination returns what adds a layer of one destination to a Config.
func destination(name string, d hydra.Destination) func(*hydra.Config) {
	return layer(name, hydra.Layer{Destinations: []hydra.Destination{d}})
}

// durably returns what adds a layer to a Config whose queue is durable.
func durably(name string, d hydra.Durable) func(*hydra.Config) {
	return destination(name, hydra.Destination{Name: name, Sink: &fault.Sink{}, Durable: &d})
}

// sound returns a Config without a mistake.
func sound(fallback io.Writer, s sink.Sink) hydra.Config {
	return hydra.Config{
		Fallback: fallback, MemoryLimit: -1,
		Layers: map[string]hydra.Layer{"default": {Destinations: to(s)}},
	}
}

func TestFault59OpenNamesFieldValueAndRemedy(t *testing.T) {
	for _, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			s := &fault.Sink{}
			cfg := sound(io.Discard, s)
			tt.apply(&cfg)
			h, err := hydra.Open(cfg)
			assert.Assert(t, h == nil)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			assert.Equal(t, strings.Count(err.Error(), "hydra: "), 1, "%v", err)
			assert.Equal(t, len(s.Calls()), 0, "no sink is opened")
		})
	}
}

func TestFault59OpenNamesAllMistakesAtOnce(t *testing.T) {
	cfg := sound((*os.File)(nil), &fault.Sink{})
	for _, m := range mistakes {
		m.apply(&cfg)
	}
	_, err := hydra.Open(cfg)
	assert.ErrorContains(t, err, "Fallback: is a nil *os.File; leave it unset")
	all := strings.Split(err.Error(), "\n")
	assert.Equal(t, len(all), len(mistakes)+1, "%v", err)
	for _, m := range mistakes {
		assert.Assert(t, slices.ContainsFunc(all, func(line string) bool {
			return !slices.ContainsFunc(m.want, func(s string) bool { return !strings.Contains(line, s) })
		}), "%s: %v", m.name, err)
	}
}

func TestFault59NewHandlerSaysEachMistakeOnceAndLosesNothing(t *testing.T) {
	for _, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			var fallback kept
			cfg := sound(&fallback, &fault.Sink{})
			tt.apply(&cfg)
			h := closed(t, hydra.NewHandler(cfg))
			const rounds = 3
			for name := range cfg.Layers {
				for range rounds {
					slog.New(h).Error("record", "layer", name)
				}
			}
			_ = h.Close(t.Context()) // an error where records went to the fallback
			said := 0
			for _, line := range fallback.lines() {
				m := parseJSON(t, line)
				if m["msg"] != "hydra: mistake in the configuration" {
					continue
				}
				said++
				for _, want := range tt.want {
					assert.Assert(t, strings.Contains(m["error"].(string), want), line)
				}
			}
			assert.Equal(t, said, 1, fallback.String())
			delivered := uint64(0)
			for _, d := range h.Health().Destinations {
				assert.Equal(t, d.Offered, d.Written+d.Fallback, "%+v", d)
				delivered += d.Offered
			}
			// Layer * has a copy, and a name that is none means the default.
			want := uint64(rounds * len(cfg.Layers))
			if _, ok := cfg.Layers["*"]; ok {
				want *= 2
			}
			assert.Equal(t, delivered, want)
			assert.Equal(t, h.Health().EventsMissed, uint64(0))
		})
	}
}

func TestALevelBelowTheLayersIsNoMistakeWhereRecordsMayCome(t *testing.T) {
	debug := func(s sink.Sink) []hydra.Destination { return []hydra.Destination{{Sink: s, Level: slog.LevelDebug}} }
	tests := []struct {
		name string
		set  func(c *hydra.Config, s sink.Sink)
	}{
		{"layer as low", func(c *hydra.Config, s sink.Sink) {
			layer("a", hydra.Layer{Level: slog.LevelDebug, Destinations: debug(s)})(c)
		}},
		{"Config as low", func(c *hydra.Config, s sink.Sink) {
			c.Level = slog.LevelDebug
			layer("a", hydra.Layer{Destinations: debug(s)})(c)
		}},
		{"layer that may change", func(c *hydra.Config, s sink.Sink) {
			layer("a", hydra.Layer{Level: new(slog.LevelVar), Destinations: debug(s)})(c)
		}},
		{"Config that may change", func(c *hydra.Config, s sink.Sink) {
			c.Level = new(slog.LevelVar)
			layer("a", hydra.Layer{Destinations: debug(s)})(c)
		}},
		{"destination that may change", func(c *hydra.Config, s sink.Sink) {
			level := new(slog.LevelVar)
			level.Set(slog.LevelDebug)
			layer("a", hydra.Layer{Destinations: []hydra.Destination{{Sink: s, Level: level}}})(c)
		}},
		{"layer * brings them", func(c *hydra.Config, s sink.Sink) {
			layer("a", hydra.Layer{Destinations: debug(s)})(c)
			layer("*", hydra.Layer{Level: slog.LevelDebug, Destinations: debug(s)})(c)
		}},
		{"another layer brings them", func(c *hydra.Config, s sink.Sink) {
			layer("a", hydra.Layer{Destinations: debug(s)})(c)
			layer("b", hydra.Layer{Level: slog.LevelDebug, Destinations: debug(s)})(c)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := sound(io.Discard, &fault.Sink{})
			tt.set(&cfg, &fault.Sink{})
			h, err := hydra.Open(cfg)
			assert.NilError(t, err)
			closed(t, h)
		})
	}
}
