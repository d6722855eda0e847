// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"gotest.tools/v3/golden"

	"github.com/hydra-logger/hydra/format"
)

// console returns the format without a time and without colours.
func console(replace func([]string, slog.Attr) slog.Attr) format.Format {
	return format.Console(&format.ConsoleOptions{Color: format.ColorNever, OmitTime: true, ReplaceAttr: replace})
}

// parseConsole reads a line without colours and without a source back; a time is
// known by the layout.
func parseConsole(t testing.TB, layout string, line []byte) map[string]any {
	t.Helper()
	s, ok := strings.CutSuffix(string(line), "\n")
	if !ok {
		t.Fatalf("got %.200q, want a line end", line)
	}
	built := map[string]any{}
	if first, rest, ok := strings.Cut(s, " "); ok {
		if at, err := time.Parse(layout, first); err == nil {
			built[slog.TimeKey] = at
			s = rest
		}
	}
	level, s, _ := strings.Cut(s, " ")
	built[slog.LevelKey] = level
	for range len("ERROR") - len(level) {
		s = strings.TrimPrefix(s, " ")
	}
	if q, err := strconv.QuotedPrefix(s); err == nil && q[0] == '"' {
		built[slog.MessageKey], _ = strconv.Unquote(q)
		s = s[len(q):]
	} else {
		end := strings.Index(s, "  ")
		if end < 0 {
			end = len(s)
		}
		built[slog.MessageKey] = s[:end]
		s = s[end:]
	}
	if s != "" && !strings.HasPrefix(s, "  ") {
		t.Fatalf("got no two spaces before %q in %.500q", s, line)
	}
	m := parse(t, "text", []byte(strings.TrimPrefix(s, "  ")+"\n"))
	for k, v := range built {
		m[k] = v
	}
	return m
}

func TestConsoleSlogtest(t *testing.T) {
	var buf bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf.Reset()
		return handler{&buf, format.Console(&format.ConsoleOptions{Color: format.ColorNever, TimeLayout: time.RFC3339Nano})}
	}, func(t *testing.T) map[string]any {
		return parseConsole(t, time.RFC3339Nano, buf.Bytes())
	})
}

func TestConsoleLooksAsItDid(t *testing.T) {
	at := time.Date(2026, 3, 1, 15, 4, 5, 67_000_000, time.Local)
	var plain, colored []byte
	for _, test := range []struct {
		level   slog.Level
		message string
		attrs   []slog.Attr
	}{
		{slog.LevelDebug, "cache warm", []slog.Attr{slog.Int("entries", 1024), slog.Duration("took", 1500*time.Millisecond)}},
		{slog.LevelInfo, "listening", nil},
		{slog.LevelInfo, `user said "hi" in C:\temp, a=b`, []slog.Attr{slog.String("user", "anna karenina"), slog.Group("req", slog.String("path", "/a?b=c"), slog.Group("peer", "port", 8080))}},
		{slog.LevelInfo + 1, "notice", []slog.Attr{slog.Time("at", time.Date(2026, 3, 1, 12, 0, 0, 5_000_000, time.UTC)), slog.Bool("ok", true)}},
		{slog.LevelWarn, "slow query", []slog.Attr{slog.Float64("seconds", 1.5), slog.Any("tags", []string{"a", "b"})}},
		{slog.LevelError, "payment failed", []slog.Attr{slog.String("error", "declined"), slog.Any("cause", errors.New("line one\n\tat line two")), slog.Int("try", 3)}},
		{slog.LevelError + 4, "forged\n15:04:05.067 INFO  all is well", []slog.Attr{slog.String("esc\x1b[2J", "\x1b]0;title\a"), slog.String("bidi", "a\u202eb")}},
		{slog.LevelDebug - 4, "", []slog.Attr{slog.String("", "")}},
		{slog.LevelInfo, " two  spaces", nil},
	} {
		r := slog.NewRecord(at, test.level, test.message, 0)
		r.AddAttrs(test.attrs...)
		plain, _ = format.Console(&format.ConsoleOptions{Color: format.ColorNever}).AppendRecord(plain, r, nil)
		colored, _ = format.Console(&format.ConsoleOptions{Color: format.ColorAlways}).AppendRecord(colored, r, nil)
	}
	golden.Assert(t, string(plain), "console/plain.golden")
	golden.Assert(t, string(colored), "console/colored.golden")
}

func TestConsoleTimeIsLocalInItsLayout(t *testing.T) {
	at := time.Date(2026, 12, 31, 23, 59, 58, 7_999_999, time.Local)
	for _, test := range []struct {
		name string
		opts format.ConsoleOptions
		at   time.Time
		want string
	}{
		{"default", format.ConsoleOptions{}, at, "23:59:58.007 INFO  m\n"},
		{"of another zone", format.ConsoleOptions{}, at.In(time.FixedZone("far", 12345)), "23:59:58.007 INFO  m\n"},
		{"layout", format.ConsoleOptions{TimeLayout: "Jan _2 15:04"}, at, "Dec 31 23:59 INFO  m\n"},
		{"layout that would drive the terminal", format.ConsoleOptions{TimeLayout: "\x1b[m15:04\n"}, at, `\x1b[m23:59\n INFO  m` + "\n"},
		{"omitted", format.ConsoleOptions{OmitTime: true}, at, "INFO  m\n"},
		{"none", format.ConsoleOptions{}, time.Time{}, "INFO  m\n"},
		{"layout without room", format.ConsoleOptions{TimeLayout: strings.Repeat("15", 1000), MaxRecord: 1}, at, "INFO  m  truncated=1\n"},
	} {
		test.opts.Color = format.ColorNever
		got, _ := format.Console(&test.opts).AppendRecord(nil, slog.NewRecord(test.at, slog.LevelInfo, "m", 0), nil)
		if string(got) != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestConsoleSourceIsShort(t *testing.T) {
	pc, _, at, _ := runtime.Caller(0)
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", pc+1)
	same := func(_ []string, a slog.Attr) slog.Attr { return a }
	odd := func(_ []string, a slog.Attr) slog.Attr {
		if src, ok := a.Value.Any().(*slog.Source); ok {
			src.File = `C:\code\my` + "\x1b" + `file.go`
		}
		return a
	}
	none := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.SourceKey {
			a.Value = slog.AnyValue((*slog.Source)(nil))
		}
		return a
	}
	for _, test := range []struct {
		name    string
		replace func([]string, slog.Attr) slog.Attr
		want    string
	}{
		{"plain", nil, fmt.Sprintf("INFO  console_test.go:%d m\n", at)},
		{"replaced by itself", same, fmt.Sprintf("INFO  console_test.go:%d m\n", at)},
		{"odd file name", odd, fmt.Sprintf("INFO  \"my\\x1bfile.go:%d\" m\n", at)},
		{"nil", none, "INFO  <nil> m\n"},
	} {
		f := format.Console(&format.ConsoleOptions{Color: format.ColorNever, AddSource: true, ReplaceAttr: test.replace})
		if got, _ := f.AppendRecord(nil, r, nil); string(got) != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		r := r
		r.PC = 0
		if got, _ := line(f); got != "INFO  m\n" {
			t.Errorf("%s: got %q for an unknown place, want none", test.name, got)
		}
	}
}

func TestConsoleReplaceAttr(t *testing.T) {
	on := func(key string, b slog.Attr) func([]string, slog.Attr) slog.Attr {
		return func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == key {
				return b
			}
			return a
		}
	}
	at := time.Date(2026, 3, 1, 15, 4, 5, 0, time.Local)
	for _, test := range []struct {
		name    string
		replace func([]string, slog.Attr) slog.Attr
		want    string
	}{
		{"level named", on("level", slog.String("level", "LOUD")), "15:04:05.000 LOUD  m m  a=1 g.b=2\n"},
		{"level with a long name", on("level", slog.String("level", "très fort")), "15:04:05.000 \"très fort\" m m  a=1 g.b=2\n"},
		{"other level", on("level", slog.Any("", slog.LevelWarn)), "15:04:05.000 WARN  m m  a=1 g.b=2\n"},
		{"level removed", on("level", slog.Attr{}), "15:04:05.000 m m  a=1 g.b=2\n"},
		{"time removed", on("time", slog.Attr{}), "INFO  m m  a=1 g.b=2\n"},
		{"time as a number", on("time", slog.Int("time", 7)), "7 INFO  m m  a=1 g.b=2\n"},
		{"message removed", on("msg", slog.Attr{}), "15:04:05.000 INFO   a=1 g.b=2\n"},
		{"message changed", on("msg", slog.String("msg", "x\ny")), "15:04:05.000 INFO  \"x\\ny\"  a=1 g.b=2\n"},
		{"message as a duration", on("msg", slog.Duration("msg", time.Second)), "15:04:05.000 INFO  1s  a=1 g.b=2\n"},
		{"message as a group", on("msg", slog.Group("msg", "x", 1)), "15:04:05.000 INFO   msg.x=1 a=1 g.b=2\n"},
		{"attribute removed", on("a", slog.Attr{}), "15:04:05.000 INFO  m m  g.b=2\n"},
		{"built-ins removed", func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key != "a" {
				return slog.Attr{}
			}
			return a
		}, "a=1 g.b=2\n"},
		{"all removed", func([]string, slog.Attr) slog.Attr { return slog.Attr{} }, "\n"},
		{"groups seen", func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == "b" {
				return slog.String("b", strings.Join(groups, "/"))
			}
			return a
		}, "15:04:05.000 INFO  m m  a=1 g.b=g\n"},
		{"panic", func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "level" || a.Key == "a" {
				panic("no")
			}
			return a
		}, "15:04:05.000 \"!PANIC: no\" m m  a=\"!PANIC: no\" g.b=2\n"},
	} {
		r := slog.NewRecord(at, slog.LevelInfo, "m m", 0)
		r.AddAttrs(slog.Int("a", 1), slog.Group("g", "b", 2))
		f := format.Console(&format.ConsoleOptions{Color: format.ColorNever, ReplaceAttr: test.replace})
		if got, _ := f.AppendRecord(nil, r, nil); string(got) != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestConsoleTopStandsBeforeWithAndOwn(t *testing.T) {
	f := console(nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("with", 1)}).WithGroup("h")
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(slog.Int("own", 2))
	got, flaws := f.AppendRecord(nil, r, []slog.Attr{slog.String("trace", "t")})
	if want := "INFO  m  trace=t g.with=1 g.h.own=2\n"; string(got) != want || flaws != 0 {
		t.Errorf("got %q, flaws %b, want %q, 0", got, flaws, want)
	}
}

func TestFault53ConsoleSiblingsShareNothing(t *testing.T) {
	parent := console(nil).WithAttrs([]slog.Attr{slog.Int("parent", 1)}).WithGroup("g").WithGroup("h").WithGroup("i")
	children := make([]format.Format, 20)
	for i := range children {
		children[i] = parent.WithGroup(fmt.Sprint("group", i)).WithAttrs([]slog.Attr{slog.Int("child", i)})
	}
	for i, f := range children {
		got, _ := line(f, slog.Int("own", i))
		if want := fmt.Sprintf("INFO  m  parent=1 g.h.i.group%[1]d.child=%[1]d g.h.i.group%[1]d.own=%[1]d\n", i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestConsoleNilAndZeroOptionsShareOneFormat(t *testing.T) {
	if format.Console(nil) != format.Console(&format.ConsoleOptions{}) {
		t.Error("got different formats for nil and the zero options, want one")
	}
	for _, mode := range []format.ColorMode{format.ColorAlways, format.ColorNever} {
		opts := &format.ConsoleOptions{Color: mode}
		f := format.Console(opts)
		if f != format.Console(&format.ConsoleOptions{Color: mode, MaxRecord: format.DefaultMaxRecord}) {
			t.Errorf("mode %d: got different formats for the defaults, want one", mode)
		}
		if f.WithGroup("") != f || f.WithAttrs(nil) != f {
			t.Errorf("mode %d: got another format for nothing added, want the same", mode)
		}
		for _, other := range []format.ConsoleOptions{{OmitTime: true}, {TimeLayout: "15"}, {AddSource: true}, {MaxRecord: 1}} {
			other.Color = mode
			if f == format.Console(&other) {
				t.Errorf("mode %d: got one format for %+v and the defaults, want two", mode, other)
			}
		}
		opts.Color = format.ColorAuto
		if got, _ := line(f); strings.Contains(got, "\x1b") != (mode == format.ColorAlways) {
			t.Errorf("mode %d: got %q, want later changes without effect", mode, got)
		}
	}
	if format.Console(&format.ConsoleOptions{Color: format.ColorAlways}) == format.Console(&format.ConsoleOptions{Color: format.ColorNever}) {
		t.Error("got one format with and without colours, want two")
	}
}

func ExampleConsole() {
	f := format.Console(&format.ConsoleOptions{Color: format.ColorNever}).WithAttrs([]slog.Attr{slog.String("service", "shop")}).WithGroup("req")
	r := slog.NewRecord(time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local), slog.LevelInfo, "order placed", 0)
	r.AddAttrs(slog.Int("id", 7), slog.Duration("took", 1500*time.Millisecond))
	line, _ := f.AppendRecord(nil, r, nil)
	fmt.Print(string(line))
	// Output:
	// 12:00:00.000 INFO  order placed  service=shop req.id=7 req.took=1.5s
}
