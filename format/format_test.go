// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/format"
)

// line returns what f makes of a record without a time.
func line(f format.Format, attrs ...slog.Attr) (string, format.Flaws) {
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	b, flaws := f.AppendRecord(nil, r, nil)
	return string(b), flaws
}

func TestNilAndZeroOptionsShareOneFormat(t *testing.T) {
	for _, k := range kinds {
		if k.new(nil) != k.new(&format.Options{}) || k.new(nil) != k.new(&format.Options{MaxRecord: format.DefaultMaxRecord}) {
			t.Errorf("%s: got different formats for nil and the defaults, want one", k.name)
		}
		if k.new(nil) == k.new(&format.Options{AddSource: true}) {
			t.Errorf("%s: got one format for different options, want two", k.name)
		}
		if f := k.new(nil); f.WithGroup("") != f || f.WithAttrs(nil) != f || f.WithAttrs([]slog.Attr{slog.Group("g")}) != f || f.WithAttrs([]slog.Attr{{}}) != f {
			t.Errorf("%s: got another format for nothing added, want the same", k.name)
		}
	}
}

func TestOptionsAreCopied(t *testing.T) {
	for _, k := range kinds {
		opts := format.Options{MaxRecord: 3}
		before := opts
		f := k.new(&opts)
		if !reflect.DeepEqual(opts, before) {
			t.Errorf("%s: got options %v changed, want %v", k.name, opts, before)
		}
		opts.ReplaceAttr = func([]string, slog.Attr) slog.Attr { return slog.Attr{} }
		if got, _ := line(f); !strings.Contains(got, "INFO") {
			t.Errorf("%s: got %q, want later changes without effect", k.name, got)
		}
	}
}

func TestFault53SiblingsShareNothing(t *testing.T) {
	for _, k := range kinds {
		parent := k.new(nil).WithAttrs([]slog.Attr{slog.String("parent", strings.Repeat("p", 100))})
		for _, name := range []string{"a", "b", "c"} { // leaves room in groups, if it is not clipped
			parent = parent.WithGroup(name)
		}
		want := map[string]format.Format{}
		lines := map[string]string{}
		for i := range 20 {
			name := fmt.Sprint("child", i)
			f := parent.WithGroup(name).WithAttrs([]slog.Attr{slog.Int(name, i)}).WithGroup("x" + name)
			want[name] = f
			lines[name], _ = line(f, slog.Int("own", i))
		}
		for name, f := range want {
			got, _ := line(f, slog.Int("own", int(name[len(name)-1]-'0')))
			if len(name) == len("child0") && got != lines[name] {
				t.Errorf("%s: got %q from %s after its siblings, want %q", k.name, got, name, lines[name])
			}
			if strings.Count(got, "child") != strings.Count(got, name) {
				t.Errorf("%s: got %q, want nothing of other children than %s", k.name, got, name)
			}
		}
	}
}

func TestFormatsAreSafeForConcurrentUse(t *testing.T) {
	for _, k := range kinds {
		f := k.new(&format.Options{AddSource: true, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }})
		f = f.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
		attrs := []slog.Attr{slog.Any("m", map[string]any{"a": 1}), slog.Group("h", "b", 2), slog.Any("e", errors.New("x"))}
		want, _ := line(f.WithGroup("i"), attrs...)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					if got, _ := line(f.WithGroup("i"), attrs...); got != want {
						t.Errorf("%s: got %q, want %q", k.name, got, want)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestWithTakesAttributesAsTheyAre(t *testing.T) {
	for _, k := range kinds {
		value := map[string]int{"a": 1}
		attrs := []slog.Attr{slog.Any("m", value)}
		f := k.new(nil).WithAttrs(attrs)
		want, _ := line(f)
		value["a"] = 2
		attrs[0] = slog.Int("other", 1)
		if got, _ := line(f); got != want {
			t.Errorf("%s: got %q after a change, want %q", k.name, got, want)
		}
	}
}

func TestTopStandsAfterTheMessageOutsideGroups(t *testing.T) {
	top := []slog.Attr{slog.String("trace", "t"), slog.Group("span", "id", 7)}
	groups := func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "trace" && groups != nil {
			return slog.String("trace", "groups are not nil")
		}
		a.Key = strings.Join(groups, "/") + ":" + a.Key
		return a
	}
	for _, test := range []struct {
		name string
		opts *format.Options
		json string
		text string
	}{
		{"plain", nil, `{"level":"INFO","msg":"m","trace":"t","span":{"id":7},"g":{"with":1,"h":{"own":2}}}`, `level=INFO msg=m trace=t span.id=7 g.with=1 g.h.own=2`},
		{
			"replaced", &format.Options{ReplaceAttr: groups},
			`{":level":"INFO",":msg":"m",":trace":"t","span":{"span:id":7},"g":{"g:with":1,"h":{"g/h:own":2}}}`,
			`:level=INFO :msg=m :trace=t span.span:id=7 g.g:with=1 g.h.g/h:own=2`,
		},
	} {
		for i, want := range []string{test.json, test.text} {
			f := kinds[i].new(test.opts).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("with", 1)}).WithGroup("h")
			r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
			r.AddAttrs(slog.Int("own", 2))
			got, flaws := f.AppendRecord(nil, r, top)
			if string(got) != want+"\n" || flaws != 0 {
				t.Errorf("%s: got %q, flaws %b, want %q, 0", test.name, got, flaws, want)
			}
		}
	}
}

func TestFault50PanicInReplaceAttrBecomesTheValue(t *testing.T) {
	f := func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "bad" || a.Key == "msg" {
			panic("no " + a.Key)
		}
		if a.Key == "worse" {
			panic(panicking{panicking{"oh"}})
		}
		return a
	}
	for i, want := range []string{
		`{"level":"INFO","msg":"!PANIC: no msg","bad":"!PANIC: no bad","g":{"a":1,"worse":"!PANIC: (format_test.panicking)"}}`,
		`level=INFO msg="!PANIC: no msg" bad="!PANIC: no bad" g.a=1 g.worse="!PANIC: (format_test.panicking)"`,
	} {
		fm := kinds[i].new(&format.Options{ReplaceAttr: f})
		got, flaws := line(fm.WithAttrs([]slog.Attr{slog.Int("bad", 1)}), slog.Group("g", "a", 1, "worse", 2))
		if got != want+"\n" || flaws != format.Failed {
			t.Errorf("got %q, flaws %b, want %q, %b", got, flaws, want, format.Failed)
		}
	}
}

// Here slog writes what is not JSON, or a key in the wrong group.
func TestWhereSlogLosesTrackTheOutputIsRight(t *testing.T) {
	for _, test := range []struct {
		name  string
		attrs []slog.Attr
		json  string
		text  string
		flaws [2]format.Flaws
	}{
		{
			"group that turns out empty",
			[]slog.Attr{slog.Group("g", slog.Attr{}, slog.Group("h", slog.Attr{})), slog.Int("a", 1), slog.Group("i", "b", 2)},
			`{"level":"INFO","msg":"m","a":1,"i":{"b":2}}`, `level=INFO msg=m a=1 i.b=2`,
			[2]format.Flaws{},
		},
		{
			"year 10000",
			[]slog.Attr{slog.Time("t", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), slog.Int("a", 1)},
			`{"level":"INFO","msg":"m","t":"!ERROR:time.Time year outside of range [0,9999]","a":1}`, `level=INFO msg=m t=10000-01-01T00:00:00.001Z a=1`,
			[2]format.Flaws{format.Failed, 0},
		},
		{
			"year -1",
			[]slog.Attr{slog.Time("t", time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)), slog.Int("a", 1)},
			`{"level":"INFO","msg":"m","t":"!ERROR:time.Time year outside of range [0,9999]","a":1}`, `level=INFO msg=m t=-0001-01-01T00:00:00.001Z a=1`,
			[2]format.Flaws{format.Failed, 0},
		},
	} {
		for i, want := range []string{test.json, test.text} {
			got, flaws := line(kinds[i].new(nil), test.attrs...)
			if got != want+"\n" || flaws != test.flaws[i] {
				t.Errorf("%s: got %q, flaws %b, want %q, %b", test.name, got, flaws, want, test.flaws[i])
			}
		}
	}
}

func TestFault56YearOfTheRecordThatJSONCannotHoldIsAnError(t *testing.T) {
	r := slog.NewRecord(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), slog.LevelInfo, "m", 0)
	got, flaws := format.JSON(nil).AppendRecord(nil, r, nil)
	want := `{"time":"!ERROR:time.Time year outside of range [0,9999]","level":"INFO","msg":"m"}` + "\n"
	if string(got) != want || flaws != format.Failed {
		t.Errorf("got %q, flaws %b, want %q, %b", got, flaws, want, format.Failed)
	}
}

func TestFlawsOfWithAreThoseOfEveryRecord(t *testing.T) {
	for _, k := range kinds {
		f := k.new(nil).WithAttrs([]slog.Attr{slog.Any("bad", panicking{"x"})}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("good", 1)})
		if _, flaws := line(f); flaws != format.Failed {
			t.Errorf("%s: got flaws %b, want %b", k.name, flaws, format.Failed)
		}
	}
}

// throwing panics with what it holds.
type throwing struct{ v any }

func (v throwing) LogValue() slog.Value { panic(v.v) }

func TestFault50FailuresAreFlaws(t *testing.T) {
	self := make([]any, 1)
	self[0] = self
	for _, test := range []struct {
		name  string
		value any
		json  format.Flaws
		text  format.Flaws
	}{
		{"string", "x", 0, 0},
		{"error", errors.New("LogValue is a word"), 0, 0},
		{"error made by Errorf", fmt.Errorf("an error"), 0, 0},
		{"nil pointer with methods", (*pointer)(nil), 0, 0},
		{"NaN", math.NaN(), format.Failed, 0},
		{"channel", make(chan int), format.Failed, 0},
		{"panicking error", panicking{"x"}, format.Failed, format.Failed},
		{"panicking with a cycle", panicking{self}, format.Failed, format.Failed},
		{"panicking String", shouting{"x"}, 0, format.Failed},
		{"panicking String with a cycle", shouting{self}, 0, format.Failed},
		{"panicking LogValue", throwing{"x"}, format.Failed, format.Failed},
		{"failing MarshalText", texter{errors.New("x")}, format.Failed, format.Failed},
		{"failing MarshalJSON", failing{"x"}, format.Failed, 0},
	} {
		for i, want := range []format.Flaws{test.json, test.text} {
			for _, where := range []slog.Attr{slog.Any("v", test.value), slog.Group("g", "v", test.value)} {
				got, flaws := line(kinds[i].new(nil), where)
				parse(t, kinds[i].name, []byte(got))
				if flaws != want {
					t.Errorf("%s, %s: got flaws %b, want %b: %s", test.name, kinds[i].name, flaws, want, got)
				}
			}
		}
	}
}

func TestFault50PanicInLogValueNamesItsPlace(t *testing.T) {
	for _, k := range kinds {
		got, _ := line(k.new(nil), slog.Any("v", throwing{"x"}))
		for _, want := range []string{"LogValue panicked", "throwing.LogValue", "format_test.go:"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q in it", k.name, got, want)
			}
		}
	}
}
