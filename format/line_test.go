// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/format"
)

// lineDiffers says in what a Line makes of a record, now and when it was logged, other
// than AppendRecord does; "" if in nothing.
func lineDiffers(f format.Format, r slog.Record, top []slog.Attr) string {
	for _, at := range []time.Time{time.Now(), r.Time} {
		r.Time = at
		want, wantFlaws := f.AppendRecord(nil, r, top)
		format.Remember(at)
		var line format.Line
		got, flaws := line.Encode(f, &r, top)
		if string(got) != string(want) || flaws != wantFlaws {
			return fmt.Sprintf("in a Line: got %.600q, flaws %b, want %.600q, flaws %b", got, flaws, want, wantFlaws)
		}
		line.Free()
	}
	return ""
}

func TestALineIsAppendRecordAtEachLength(t *testing.T) {
	value := slog.Any("any", []int{1, 2})
	for _, tt := range []struct {
		name string
		f    format.Format
		top  []slog.Attr
		log  func(text string) slog.Record
	}{
		{name: "message", log: func(s string) slog.Record { return record(s) }},
		{name: "message and attribute", log: func(s string) slog.Record { return record(s, slog.Int("n", 1)) }},
		{name: "text", log: func(s string) slog.Record { return record("m", slog.String("s", s)) }},
		{name: "text behind what is escaped", log: func(s string) slog.Record { return record("m", slog.String("s", "\n\n\n"+s)) }},
		{name: "key", log: func(s string) slog.Record { return record("m", slog.Bool(s, true), slog.Float64("f", -1.5)) }},
		{name: "before a value", log: func(s string) slog.Record { return record("m", slog.String("s", s), value, slog.Int("n", 1)) }},
		{name: "message before a value", log: func(s string) slog.Record { return record(s, value) }},
		{
			name: "more than five attributes",
			log: func(s string) slog.Record {
				return record("m", slog.Int("a", 1), slog.Int("b", 1), slog.Int("c", 1), slog.Time("d", time.Now()), slog.Duration("e", 1), slog.String("f", s), value, slog.Int("g", 1))
			},
		},
		{
			name: "behind With", log: func(s string) slog.Record { return record(s, slog.Uint64("u", 1), value) },
			f: format.JSON(nil).WithAttrs([]slog.Attr{slog.String("with", "it"), value}),
		},
		{
			name: "in a group", log: func(s string) slog.Record { return record(s, slog.Uint64("u", 1), value) },
			f: format.JSON(nil).WithGroup("g").WithAttrs([]slog.Attr{slog.String("with", "it")}).WithGroup("h"),
		},
		{
			name: "behind the context", log: func(s string) slog.Record { return record(s, slog.String("s", "s")) },
			top: []slog.Attr{slog.String("trace", "t"), slog.Int("span", 7)},
		},
		{
			name: "behind a value of the context", log: func(s string) slog.Record { return record(s, slog.String("s", "s")) },
			top: []slog.Attr{slog.String("trace", "t"), value},
		},
		{
			name: "with its source", log: func(s string) slog.Record { return record(s, slog.String("s", s)) },
			f: format.JSON(&format.Options{AddSource: true}),
		},
		{
			name: "with a source that is long itself",
			log: func(s string) slog.Record {
				r := record(s)
				r.PC = farAway()
				return r
			},
			f: format.JSON(&format.Options{AddSource: true}),
		},
		{
			name: "of a short record at most", log: func(s string) slog.Record { return record(s, slog.String("s", s), value) },
			f: format.JSON(&format.Options{MaxRecord: format.MinMaxRecord}),
		},
		{name: "an error", log: func(s string) slog.Record { return record("m", slog.Any("err", errors.New(s)), slog.Int("n", 1)) }},
		{name: "an error in a group", log: func(s string) slog.Record { return record("m", slog.Group("g", slog.Any("err", errors.New(s)))) }},
		{name: "a slice of texts", log: func(s string) slog.Record { return record("m", slog.Any("s", []string{"a", s})) }},
		{name: "a slice of texts and one more", log: func(s string) slog.Record { return record("m", slog.Any("s", []string{s, "a"})) }},
		{name: "a struct", log: func(s string) slog.Record { return record("m", slog.Any("s", struct{ A, B string }{"a", s})) }},
		{
			name: "a struct and one field more",
			log: func(s string) slog.Record {
				return record("m", slog.Any("s", struct {
					A            string
					ALongFieldIs bool `json:"a-field-of-a-name-that-is-as-long-as-the-room-of-a-number"`
				}{A: s}))
			},
		},
		{name: "a slice of structs", log: func(s string) slog.Record { return record("m", slog.Any("s", []struct{ A string }{{s}, {"a"}})) }},
		{name: "a named text", log: func(s string) slog.Record { return record("m", slog.Any("s", plainString(s))) }},
		{
			name: "a slice of texts in a record of little room", log: func(s string) slog.Record { return record("m", slog.Any("s", []string{"a", s})) },
			f: format.JSON(&format.Options{MaxRecord: format.MinMaxRecord}),
		},
		{
			name: "a struct in a record of little room", log: func(s string) slog.Record { return record("m", slog.Any("s", struct{ A string }{s})) },
			f: format.JSON(&format.Options{MaxRecord: format.MinMaxRecord}),
		},
		{
			name: "replaced", log: func(s string) slog.Record { return record("m", slog.String("s", s)) },
			f: format.JSON(&format.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { a.Key += "!"; return a }}),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.f == nil {
				tt.f = format.JSON(nil)
			}
			for _, unit := range []string{"x", "\n", "\x01", "é"} {
				for n := range 600 {
					if diff := lineDiffers(tt.f, tt.log(strings.Repeat(unit, n)), tt.top); diff != "" {
						t.Fatalf("%d times %q %s", n, unit, diff)
					}
				}
			}
		})
	}
}

func TestALineCountsTheAttributesOfTheContextToo(t *testing.T) {
	empty := append(make([]slog.Attr, format.MinMaxRecord-5), slog.Int("last", 1)) // but that one
	top := make([]slog.Attr, 10)
	for i := range top {
		top[i] = slog.Bool("", true)
	}
	f := format.JSON(&format.Options{MaxRecord: format.MinMaxRecord})
	if diff := lineDiffers(f, record("m", empty...), top); diff != "" {
		t.Error(diff)
	}
}

func TestALineLeavesOutTheSameSources(t *testing.T) {
	f := format.JSON(&format.Options{MaxRecord: format.MinMaxRecord, AddSource: true})
	for n := range format.MinMaxRecord {
		with := f.WithAttrs([]slog.Attr{slog.String("with", strings.Repeat("x", n))})
		if diff := lineDiffers(with, record("m"), nil); diff != "" {
			t.Fatalf("behind %d bytes %s", n, diff)
		}
	}
}

func TestALineIsBoundedWhateverTheZoneIs(t *testing.T) {
	at := time.Unix(1e9-1<<30, 123456789).In(time.FixedZone("", 1<<30)) // +298261:37
	f := format.JSON(&format.Options{MaxRecord: format.MinMaxRecord})
	for n := range 300 {
		var attrs []slog.Attr
		for i := range 8 {
			attrs = append(attrs, slog.Time("t", at), slog.String("s", strings.Repeat("y", 20*i+n%7)))
		}
		r := record(strings.Repeat("x", n), attrs...)
		if diff := lineDiffers(f, r, nil); diff != "" {
			t.Fatalf("behind %d bytes %s", n, diff)
		}
		r.Time = time.Now()
		format.Remember(r.Time)
		var line format.Line
		if b, _ := line.Encode(f, &r, nil); len(b) > format.MinMaxRecord {
			t.Fatalf("behind %d bytes: got %d, want %d at most", n, len(b), format.MinMaxRecord)
		}
		line.Free()
	}
}

func TestALineLeavesOutASourceThatLeavesNoRoomForAMessage(t *testing.T) {
	r := record("m")
	r.PC = nearly()
	for more := range 200 {
		f := format.JSON(&format.Options{AddSource: true, MaxRecord: format.MinMaxRecord + more})
		if diff := lineDiffers(f, r, nil); diff != "" {
			t.Fatalf("%d more %s", more, diff)
		}
	}
}

func TestALineCountsTheAttributesInGroupsToo(t *testing.T) {
	group := slog.Group("g", "a", 1, slog.Group("h", "b", 2, "c", 3))
	attrs := append(make([]slog.Attr, 0, format.MinMaxRecord), group)
	for len(attrs) < format.MinMaxRecord-6 { // with the group as many as may be looked at, but two
		attrs = append(attrs, slog.Attr{})
	}
	attrs = append(attrs, slog.Int("last but one", 1), slog.Int("last", 2), slog.Int("one too many", 3))
	f := format.JSON(&format.Options{MaxRecord: format.MinMaxRecord})
	for _, top := range [][]slog.Attr{nil, {slog.Group("top", "d", 4)}} {
		if diff := lineDiffers(f, record("m", attrs...), top); diff != "" {
			t.Error(diff)
		}
	}
}

// A toldError counts how often it is asked.
type toldError struct {
	text  string
	asked *int
}

func (e toldError) Error() string {
	*e.asked++
	return e.text
}

func TestAnErrorIsAskedForItsTextOnce(t *testing.T) {
	later := slog.Any("map", map[string]int{"a": 1})
	for _, tt := range []struct {
		name string
		f    format.Format
		top  bool
	}{
		{name: "plain", f: format.JSON(nil)},
		{name: "behind With", f: format.JSON(nil).WithAttrs([]slog.Attr{slog.String("with", strings.Repeat("x", 200))})},
		{name: "in a group", f: format.JSON(nil).WithGroup("g")},
		{name: "in a group with attributes", f: format.JSON(nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("h")},
		{name: "in the context", f: format.JSON(nil), top: true},
		{name: "in the context of a group", f: format.JSON(nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), top: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n := range 600 {
				text := strings.Repeat("x\n", n)
				asked := 0
				err := slog.Any("err", toldError{text, &asked})
				for name, attrs := range map[string][]slog.Attr{"a number": {slog.Int("n", 1), err, later}, "text": {slog.String("s", text), err, later}, "nothing": {err, later}} {
					r, top := record("m", attrs...), []slog.Attr(nil)
					if tt.top {
						r, top = record("m", later), attrs
					}
					if diff := lineDiffers(tt.f, r, top); diff != "" {
						t.Fatalf("%d bytes behind %s %s", len(text), name, diff)
					}
					asked = 0
					r.Time = time.Now()
					format.Remember(r.Time)
					var line format.Line
					_, _ = line.Encode(tt.f, &r, top)
					line.Free()
					if asked != 1 {
						t.Fatalf("%d bytes behind %s: asked %d times, want once", len(text), name, asked)
					}
				}
			}
		})
	}
}

func TestAnErrorThatPanicsIsAskedOnce(t *testing.T) {
	for n := range 600 {
		asked := 0
		fails := failsOnce(func() string {
			if asked++; asked > 1 {
				return "asked again"
			}
			panic("the first time")
		})
		r := record("m", slog.String("s", strings.Repeat("x", n)), slog.Any("err", fails), slog.Int("last", 2))
		r.Time = time.Now()
		format.Remember(r.Time)
		var line format.Line
		b, flaws := line.Encode(format.JSON(nil), &r, nil)
		if !strings.HasSuffix(string(b), `"err":"!PANIC: the first time","last":2}`+"\n") || flaws != format.Failed {
			t.Fatalf("behind %d bytes: got %s, flaws %b", n, b, flaws)
		}
		line.Free()
	}
}

type failsOnce func() string

func (f failsOnce) Error() string { return f() }

func TestANilErrorThatPanicsIsAskedOnce(t *testing.T) {
	r := record("m", slog.Any("err", (*toldError)(nil)), slog.Int("last", 2))
	if diff := lineDiffers(format.JSON(nil), r, nil); diff != "" {
		t.Error(diff)
	}
	r.Time = time.Now()
	format.Remember(r.Time)
	var line format.Line
	b, flaws := line.Encode(format.JSON(nil), &r, nil)
	if !strings.Contains(string(b), `"err":"<nil>","last":2`) || flaws != 0 {
		t.Errorf("got %s, flaws %b", b, flaws)
	}
	want := string(b)
	before := line
	if b[0]++; line == before {
		t.Errorf("got %s elsewhere, want it in the Line", want)
	}
}

func TestRecordsInGroupsThatALineDoesNotHoldGoOn(t *testing.T) {
	value := slog.Any("map", map[string]int{"a": 1})
	grouped := format.JSON(nil).WithGroup("g")
	for name, f := range map[string]format.Format{
		"group":                     grouped,
		"groups":                    grouped.WithGroup("h").WithGroup("i"),
		"with, group":               grouped.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("h"),
		"with what is empty, group": grouped.WithAttrs([]slog.Attr{slog.Any("a", emptyGroup{})}),
		"groups, min":               format.JSON(&format.Options{MaxRecord: format.MinMaxRecord}).WithGroup("h").WithGroup("i"),
		"many groups, min":          manyGroups(format.JSON(&format.Options{MaxRecord: format.MinMaxRecord}), 40),
		"many groups, with, min":    manyGroups(format.JSON(&format.Options{MaxRecord: format.MinMaxRecord}), 35).WithAttrs([]slog.Attr{slog.Int("a", 1)}),
		"source, groups":            format.JSON(&format.Options{AddSource: true, MaxRecord: 2 * format.MinMaxRecord}).WithGroup("h").WithAttrs([]slog.Attr{slog.String("a", strings.Repeat("a", 300))}),
	} {
		t.Run(name, func(t *testing.T) {
			for n := 0; n < 500; n += 7 {
				s := slog.String("s", strings.Repeat("x", n))
				for _, attrs := range [][]slog.Attr{
					{s},
					{s, value},
					{value, s},
					{slog.Any("e", emptyGroup{}), s},
					{slog.Any("e", emptyGroup{})},
					{{}, {}},
					{slog.Group("e")},
					{s, {}, slog.Group("e")},
					{slog.Group("e", slog.Group("f", s, value)), s},
					{slog.Group("e", slog.Group("f", s)), slog.Int("n", 1), s, value, s, s, s},
				} {
					for _, top := range [][]slog.Attr{nil, {s}, {s, value}, {value, s}, {{}, s}} {
						if diff := lineDiffers(f, record("m", attrs...), top); diff != "" {
							t.Fatalf("%d, %v, %v: %s", n, attrs, top, diff)
						}
					}
				}
			}
		})
	}
}

func manyGroups(f format.Format, n int) format.Format {
	for range n {
		f = f.WithGroup("g")
	}
	return f
}

func record(message string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, message, pcs[2])
	r.AddAttrs(attrs...)
	return r
}

func TestALineHoldsShortRecordsItself(t *testing.T) {
	f := format.JSON(nil).WithAttrs([]slog.Attr{slog.String("service", "checkout")})
	r := record("order placed", slog.Int("id", 4711), slog.String("method", "PUT \"x\""), slog.Float64("price", 9.5))
	r.Time = time.Now()
	_, _ = f.AppendRecord(nil, r, nil) // the second is known
	var line format.Line
	b, _ := line.Encode(f, &r, []slog.Attr{slog.String("trace", "t")})
	before := line
	b[0]++
	if line == before {
		t.Error("got a record elsewhere, want it in the Line")
	}
}

func TestALineIsUsedForOneRecordAfterAnother(t *testing.T) {
	long := record("m", slog.String("s", strings.Repeat("long ", 200)))
	short := record("m", slog.Int("i", 1))
	long.Time, short.Time = time.Now(), time.Now()
	var line format.Line
	defer line.Free()
	for _, r := range []slog.Record{short, long, short, long, long, short} {
		for _, k := range kinds {
			want, _ := k.new(nil).AppendRecord(nil, r, nil)
			if got, _ := line.Encode(k.new(nil), &r, nil); string(got) != string(want) {
				t.Errorf("%s: got %q, want %q", k.name, got, want)
			}
		}
	}
}

// farAway returns a place in a file with a long name.
func farAway() uintptr {
	var pcs [1]uintptr
//line deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/file.go:1
	runtime.Callers(1, pcs[:])
	return pcs[0]
}

// nearly returns a place in a file whose name all but fills a short record.
func nearly() uintptr {
	var pcs [1]uintptr
//line deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/file.go:1
	runtime.Callers(1, pcs[:])
	return pcs[0]
}
