// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hydra-logger/hydra/format"
)

var colors = regexp.MustCompile("\x1b\\[(?:2|31|32|33|36)m|\x1b\\[0m")

// uncolor checks that a line of the console is one physical line in which
// nothing drives the terminal, and returns it without its colours. Each colour
// has to end before the next begins, and before the line does.
func uncolor(t testing.TB, line []byte) string {
	t.Helper()
	on := false
	for _, c := range colors.FindAll(line, -1) {
		if starts := string(c) != "\x1b[0m"; starts == on {
			t.Fatalf("got %.500q, want colours to begin and end in turn", line)
		} else {
			on = starts
		}
	}
	s := string(colors.ReplaceAll(line, nil))
	body, ok := strings.CutSuffix(s, "\n")
	if !ok || on || !utf8.ValidString(s) {
		t.Fatalf("got %.500q, want a line of UTF-8 that ends in a line end, not in a colour", line)
	}
	for _, r := range body {
		if !unicode.IsPrint(r) {
			t.Fatalf("got %q in %.500q, want it escaped", r, line)
		}
	}
	return s
}

// hostile are characters that end lines, drive terminals or turn text round.
var hostile = []string{
	"\n", "\r\n", "\x00", "\a", "\b", "\t", "\v", "\f", "\x1b[31m", "\x1b[2J", "\x1b]0;title\a", "\x1b[0m", "\x7f", "\u0080", "\u0085", "\u009b31m", "\u009d",
	"\u00ad", "\u061c", "\u200b", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069", "\ufeff", "\U000e0001", "\ufff9", "\x9b31m", "\xff", "\xed\xa0\x80",
}

func TestFault54ConsoleEscapesWhatCouldDriveTheTerminal(t *testing.T) {
	for _, h := range hostile {
		s := "a" + h + "b"
		zone := time.FixedZone(s, 3600)
		local := time.Local
		time.Local = zone // as TZ does
		r := slog.NewRecord(time.Unix(1e9, 0), slog.LevelInfo, s, 0)
		r.AddAttrs(
			slog.String(s, s), slog.Any("error", errors.New(s)), slog.Any("bytes", []byte(s)), slog.Any("list", []string{s}), slog.Any("p", panicking{s}),
			slog.Any("src", &slog.Source{File: s}), slog.Any("text", json5(s)), slog.Any("v", throwing{s}), slog.Time("t", time.Unix(1e9, 0).In(zone)), slog.Group(s, s, s),
		)
		for _, mode := range []format.ColorMode{format.ColorAlways, format.ColorNever} {
			f := format.Console(&format.ConsoleOptions{Color: mode, TimeLayout: "15:04 MST"})
			got, _ := f.WithGroup(s).WithAttrs([]slog.Attr{slog.String("with"+s, s)}).AppendRecord(nil, r, []slog.Attr{slog.String(s, s)})
			if line := uncolor(t, got); mode == format.ColorNever && line != string(got) {
				t.Errorf("%q: got colours in %q, want none", s, got)
			}
		}
		time.Local = local
	}
}

// json5 is a text that its type marshals.
type json5 string

func (j json5) MarshalText() ([]byte, error) { return []byte(j), nil }

func TestFault54ConsoleLinesReadBackAsWhatWasLogged(t *testing.T) {
	texts := append([]string{
		"", " ", "a", "a b", " a", "a ", "a  b", `"`, `"a"`, `a "b"`, `\`, `\n`, "a=b", "a  b=c", "é 世 😀", "12345678\x7f", strings.Repeat("long ", 50) + "x",
	}, hostile...)
	for _, s := range texts {
		for _, f := range []format.Format{console(nil), console(func(_ []string, a slog.Attr) slog.Attr { return a })} {
			got, flaws := line(f, slog.String("k", s), slog.String("key"+s, "v"), slog.Group("g"+s, "x", s))
			m := parseConsole(t, "", []byte(got))
			group, _ := m["g"+s].(map[string]any)
			if m["k"] != s || m["key"+s] != "v" || group["x"] != s || flaws != 0 {
				t.Errorf("got %q, flaws %b, want %q read back", got, flaws, s)
			}
			r := slog.NewRecord(time.Time{}, slog.LevelInfo, s, 0)
			r.AddAttrs(slog.Int("after", 1))
			b, _ := f.AppendRecord(nil, r, nil)
			if m := parseConsole(t, "", b); m["msg"] != s || m["after"] != "1" {
				t.Errorf("got %q, want the message %q and the attribute read back", b, s)
			}
		}
	}
}

// attrsOf returns what a line of f has for attributes: what it has more than
// one without any.
func attrsOf(t testing.TB, f format.Format, r slog.Record, head format.Format) string {
	t.Helper()
	full, _ := f.AppendRecord(nil, r, nil)
	bare, _ := head.AppendRecord(nil, slog.NewRecord(r.Time, r.Level, r.Message, r.PC), nil)
	attrs, ok := strings.CutPrefix(strings.TrimSuffix(string(full), "\n"), strings.TrimSuffix(string(bare), "\n"))
	if !ok {
		t.Fatalf("got %q, want it to begin with %q", full, bare)
	}
	return strings.TrimLeft(attrs, " ")
}

func TestConsoleAttributesHaveTextsBytes(t *testing.T) {
	tests := make(map[string][]slog.Attr)
	for _, c := range sameAttrs {
		tests[c.name] = c.attrs
	}
	for _, s := range oddTexts {
		if s != "\x7f" {
			tests[fmt.Sprintf("key and value %q", s)] = []slog.Attr{slog.String(s, s), slog.Group(s, s, s)}
		}
	}
	for i, v := range oddValues {
		tests[fmt.Sprint("value ", i)] = []slog.Attr{slog.Any("v", v), slog.Group("g", "err", v)}
	}
	plain := format.Console(&format.ConsoleOptions{Color: format.ColorNever, AddSource: true})
	colored := format.Console(&format.ConsoleOptions{Color: format.ColorAlways, AddSource: true})
	text := format.Text(&format.Options{AddSource: true})
	for name, attrs := range tests {
		r := slog.NewRecord(time.Unix(1e9, 0), slog.LevelInfo, "two words", pcs[2])
		r.AddAttrs(attrs...)
		derive := func(f format.Format) format.Format { return f.WithAttrs(attrs).WithGroup("g").WithAttrs(attrs) }
		if got, want := attrsOf(t, derive(plain), r, plain), attrsOf(t, derive(text), r, text); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		want, _ := derive(plain).AppendRecord(nil, r, nil)
		line, _ := derive(colored).AppendRecord(nil, r, nil)
		if got := uncolor(t, line); got != string(want) {
			t.Errorf("%s: got %q without its colours, want %q", name, got, want)
		}
	}
}

func TestConsoleRecordsStayBelowMaxRecord(t *testing.T) {
	attrs := []slog.Attr{
		slog.String("s", strings.Repeat("世\n", 60)), slog.Float64("f", math.MaxFloat64), slog.Any("error", errors.New(strings.Repeat("é", 70))),
		slog.Group("g", slog.String("t", strings.Repeat("\x01", 30)), slog.Group("h", "i", 1)), slog.Any("m", map[string]int{"a": 1}), slog.Time("t", time.Unix(1e9, 1)),
	}
	cut := 0
	for _, replace := range []func([]string, slog.Attr) slog.Attr{
		nil,
		func(_ []string, a slog.Attr) slog.Attr { return a },
		func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.SourceKey {
				return slog.String(a.Key, strings.Repeat("é ", 600))
			}
			return a
		},
	} {
		for size := format.MinMaxRecord; size < 1200; size += 7 {
			for length := 0; length < 1000; length += 41 {
				f := format.Console(&format.ConsoleOptions{Color: format.ColorAlways, MaxRecord: size, AddSource: length%2 == 1, TimeLayout: time.RFC1123Z, ReplaceAttr: replace})
				f = f.WithAttrs(attrs[:2]).WithGroup("open").WithAttrs(attrs[2:]).WithGroup("more")
				r := slog.NewRecord(time.Unix(1e9, 1), math.MinInt, strings.Repeat("é", length)+"x", pcs[2])
				r.AddAttrs(attrs...)
				got, flaws := f.AppendRecord([]byte("before"), r, attrs)
				rest, ok := strings.CutPrefix(string(got), "before")
				if !ok {
					t.Fatalf("got %.50q, want what was there before kept", got)
				}
				line := uncolor(t, []byte(rest))
				if len(rest) > size {
					t.Fatalf("got %d bytes, want at most %d: %s", len(rest), size, rest)
				}
				if says := strings.Contains(line, " truncated="); says != (flaws&format.Truncated != 0) {
					t.Fatalf("got truncated: %t and flaws %b, want them to agree: %s", says, flaws, rest)
				}
				if flaws != 0 {
					cut++
				}
			}
		}
	}
	if cut == 0 {
		t.Error("got no record cut, want some")
	}
}

func TestConsoleCutsWhatIsTooLongAndShowsWhatFails(t *testing.T) {
	slice := make([]any, 1)
	slice[0] = slice
	for _, c := range []struct {
		name string
		attr slog.Attr
		want string
		flaw format.Flaws
	}{
		{"long string", slog.String("s", strings.Repeat("é\n", 1<<20)), " after=7 truncated=1\n", format.Truncated},
		{"long error", slog.Any("err", errors.New(strings.Repeat("é", 1<<20))), "é after=7 truncated=1\n", format.Truncated},
		{"long key", slog.Int(strings.Repeat("k", 2<<20), 1), "m  after=7 truncated=1\n", format.Truncated},
		{"group in itself", selfGroup("g", 1), ".g=!DEPTH after=7 truncated=1\n", format.Truncated},
		{"slice in itself", slog.Any("v", slice), `v="!ERROR:encountered a cycle via []interface {}" after=7` + "\n", format.Failed},
		{"endless LogValue", slog.Any("v", circle{}), `v="LogValue called too many times`, format.Failed},
		{"panic", slog.Any("v", panicking{"oops"}), "(PANIC=Error method: oops)\" after=7\n", format.Failed},
	} {
		for _, mode := range []format.ColorMode{format.ColorAlways, format.ColorNever} {
			f := format.Console(&format.ConsoleOptions{Color: mode})
			got, flaws := line(f, c.attr, slog.Int("after", 7))
			if plain := uncolor(t, []byte(got)); !strings.Contains(plain, c.want) || flaws != c.flaw || len(got) > format.DefaultMaxRecord {
				t.Errorf("%s: got …%q, flaws %b, want %q, %b", c.name, plain[max(0, len(plain)-100):], flaws, c.want, c.flaw)
			}
		}
	}
}

func TestConsoleColorAutoAsksTheEnvironmentFirst(t *testing.T) {
	for _, test := range []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"nothing said, not a terminal", nil, false},
		{"forced", map[string]string{"FORCE_COLOR": "1"}, true},
		{"forced otherwise", map[string]string{"CLICOLOR_FORCE": "yes"}, true},
		{"forced with a no", map[string]string{"FORCE_COLOR": "false", "CLICOLOR_FORCE": "0"}, false},
		{"forced on a dumb terminal", map[string]string{"FORCE_COLOR": "1", "TERM": "dumb"}, true},
		{"refused", map[string]string{"FORCE_COLOR": "1", "NO_COLOR": "1"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, name := range []string{"NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"} {
				t.Setenv(name, test.env[name])
			}
			t.Setenv("TERM", test.env["TERM"])
			got, _ := line(format.Console(nil))
			if strings.Contains(got, "\x1b") != test.want {
				t.Errorf("got %q, want colours: %t", got, test.want)
			}
		})
	}
}

// FuzzConsole makes a logger and records out of bytes. Each has to be one line
// that cannot drive the terminal and is no longer than it may be; when nothing
// is cut, with the attributes of Text, and the same with colours as without.
func FuzzConsole(f *testing.F) {
	for _, seed := range append([]string{"\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f"}, hostile...) {
		f.Add([]byte(strings.Repeat("\x50"+seed, 5)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &gen{data: data}
		o := g.options()
		opts := &format.ConsoleOptions{Color: format.ColorNever, AddSource: o.AddSource, ReplaceAttr: o.ReplaceAttr, OmitTime: g.bool()}
		if g.bool() {
			opts.TimeLayout = g.text()
		}
		if g.n(4) == 3 {
			opts.MaxRecord = format.MinMaxRecord + g.n(256)
		}
		plain := format.Console(opts)
		opts.Color = format.ColorAlways
		colored := format.Console(opts)
		text := format.Text(&format.Options{AddSource: o.AddSource, ReplaceAttr: o.ReplaceAttr})
		head, textHead := plain, text
		for range g.n(4) {
			if name := g.text(); g.bool() {
				plain, colored, text = plain.WithGroup(name), colored.WithGroup(name), text.WithGroup(name)
			} else {
				attrs := g.attrs(0, 4)
				plain, colored, text = plain.WithAttrs(attrs), colored.WithAttrs(attrs), text.WithAttrs(attrs)
			}
		}
		for range 1 + g.n(3) {
			r := slog.NewRecord(g.time(), g.level(), g.text(), g.pc())
			r.AddAttrs(g.attrs(0, 9)...)
			want, _ := plain.AppendRecord(nil, r, nil)
			line, _ := colored.AppendRecord(nil, r, nil)
			got := uncolor(t, line)
			if opts.MaxRecord > 0 {
				uncolor(t, want)
				if n := max(len(want), len(line)); n > opts.MaxRecord {
					t.Fatalf("got %d bytes, want at most %d: %q", n, opts.MaxRecord, line)
				}
				continue
			}
			if got != string(want) {
				t.Fatalf("got %q without its colours, want %q", got, want)
			}
			if o.ReplaceAttr != nil || strings.Contains(string(want), `\x7f`) {
				continue
			}
			if got, want := attrsOf(t, plain, r, head), attrsOf(t, text, r, textHead); got != want {
				t.Fatalf("got attributes %q, want %q", got, want)
			}
		}
	})
}
