// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hydra-logger/hydra/format"
)

func TestAnyMaxRecordLeavesRoomForAttributes(t *testing.T) {
	before := strings.Repeat("x", 100) // what dst holds does not count
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(slog.Int("a", 1), slog.String("b", "c"))
	for _, most := range []int{-1, 0, 1, format.MinMaxRecord, math.MaxInt32, math.MaxInt} {
		got, flaws := format.JSON(&format.Options{MaxRecord: most}).AppendRecord([]byte(before), r, nil)
		if want := before + `{"level":"INFO","msg":"m","a":1,"b":"c"}` + "\n"; string(got) != want || flaws != 0 {
			t.Errorf("MaxRecord %d: got %s with flaws %v, want %s", most, got, flaws, want)
		}
	}
}

// endless makes a group of itself for as long as somebody asks.
type endless struct{ width int }

func (e endless) LogValue() slog.Value {
	attrs := make([]slog.Attr, e.width)
	for i := range attrs {
		attrs[i] = slog.Any("e", e)
	}
	return slog.GroupValue(attrs...)
}

// circle resolves to itself.
type circle struct{}

func (circle) LogValue() slog.Value { return slog.AnyValue(circle{}) }

// selfGroup returns a group whose attributes are all the group itself.
func selfGroup(key string, width int) slog.Attr {
	attrs := make([]slog.Attr, width)
	g := slog.Attr{Key: key, Value: slog.GroupValue(append(attrs, slog.Int("x", 1))[:width]...)}
	for i := range attrs {
		attrs[i] = g
	}
	inner := g.Value.Group()
	for i := range inner {
		inner[i] = g
	}
	return g
}

type list struct {
	Next *list
	Any  any
}

// The values here end other loggers: the stack overflows, or memory runs out.
func TestFault51And57HugeAndEndlessValuesAreBoundedAndVisible(t *testing.T) {
	slice := make([]any, 2)
	slice[0], slice[1] = slice, slice
	m := map[string]any{}
	m["m"], m["n"] = m, m
	cyclic := &list{}
	cyclic.Next = cyclic
	behind := &list{Any: slice}
	long := &list{}
	for range 1_000_000 {
		long = &list{Next: long}
	}
	var deep any
	for range 1_000_000 {
		deep = []any{deep}
	}
	var doubling any = "x"
	for range 64 {
		doubling = []any{doubling, doubling}
	}
	nested := slog.Int("i", 1)
	for range 200_000 {
		nested = slog.Attr{Key: "g", Value: slog.GroupValue(nested)}
	}
	empties := slog.Attr{}
	for range 64 {
		empties = slog.Attr{Value: slog.GroupValue(empties, empties)}
	}
	million := make([]slog.Attr, 1_000_000)
	for i := range million {
		million[i] = slog.Int("attr", i)
	}
	var shallow any = 0
	for range 500 {
		shallow = []any{shallow}
	}
	largeMap, largeStringMap := map[string]any{}, map[string]string{}
	for i := range 1 << 18 {
		largeMap[fmt.Sprint(i)] = "x"
		largeStringMap[fmt.Sprint(i)] = "x"
	}
	type table map[string][]string
	wide := table{}
	for i := range 1000 {
		wide[fmt.Sprint(i)] = []string{strings.Repeat("x", 2000)}
	}

	const cut, failed = format.Truncated, format.Failed
	for _, c := range []struct {
		name  string
		attrs []slog.Attr
		json  string // what the line has to show
		jsonF format.Flaws
		text  string
		textF format.Flaws
	}{
		{"message only", nil, `"msg":"m"`, 0, `msg=m`, 0},
		{"million attributes", million, `"truncated":9`, cut, `truncated=9`, cut},
		{"long string", []slog.Attr{slog.String("s", strings.Repeat("é\n", 8<<20)), slog.Int("after", 7)}, `"after":7,"truncated":1}`, cut, ` after=7 truncated=1`, cut},
		{"long error", []slog.Attr{slog.Any("s", errors.New(strings.Repeat("é ", 8<<20)))}, `"truncated":1}`, cut, ` truncated=1`, cut},
		{"long key", []slog.Attr{slog.Int(strings.Repeat("k", 8<<20), 1), slog.Int("after", 7)}, `"after":7,"truncated":1}`, cut, ` after=7 truncated=1`, cut},
		{"long group name", []slog.Attr{slog.Group(strings.Repeat("k", 8<<20), "a", 1), slog.Int("after", 7)}, `"after":7,"truncated":1}`, cut, ` after=7 truncated=1`, cut},
		{"key that grows", []slog.Attr{slog.Int(strings.Repeat("\x00", 1<<19), 1)}, `"truncated":1}`, cut, ` truncated=1`, cut},
		{"long bytes", []slog.Attr{slog.Any("s", make([]byte, 8<<20))}, `"truncated":1}`, cut, ` truncated=1`, cut},
		{"long named bytes", []slog.Attr{slog.Any("s", make(named, 8<<20))}, `"truncated":1}`, cut, ` truncated=1`, cut},
		{"large value", []slog.Attr{slog.Any("s", wide), slog.Int("after", 7)}, `"after":7,"truncated":1}`, cut, ` after=7 truncated=1`, cut},
		{"long strings", []slog.Attr{slog.Any("s", slices.Repeat([]string{strings.Repeat("x", 1<<19)}, 1000)), slog.Int("after", 7)}, `"after":7,"truncated":1}`, cut, ` after=7 truncated=1`, cut},
		{"strings that grow", []slog.Attr{slog.Any("s", []string{strings.Repeat("\x00", 1<<19)})}, `"truncated":1}`, cut, `truncated=1`, cut},
		{"long integers", []slog.Attr{slog.Any("s", make([]int, 1<<21)), slog.Int("after", 7)}, `"after":7,"truncated":1}`, cut, ` after=7 truncated=1`, cut},
		{"long anys", []slog.Attr{slog.Any("s", make([]any, 1<<21)), slog.Int("after", 7)}, `"after":7,"truncated":1}`, cut, ` after=7 truncated=1`, cut},
		{"long string map", []slog.Attr{slog.Any("s", map[string]string{"a": strings.Repeat("x", 2<<20)}), slog.Int("after", 7)}, `"after":7,"truncated":1}`, cut, ` after=7 truncated=1`, cut},
		{"long map keys", []slog.Attr{slog.Any("s", map[string]string{strings.Repeat("x", 2<<20): ""}), slog.Any("t", map[string]any{strings.Repeat("x", 2<<20): ""}), slog.Int("after", 7)}, `"after":7,"truncated":2}`, cut, ` after=7 truncated=2`, cut},
		{"large maps", []slog.Attr{slog.Any("s", largeMap), slog.Any("t", largeStringMap), slog.Int("after", 7)}, `"after":7,"truncated":2}`, cut, ` after=7 truncated=2`, cut},
		{"deep but finite", []slog.Attr{slog.Any("s", shallow)}, `[[[[0]]]]`, 0, `[[[[0]]]]`, 0},
		{"flat value", []slog.Attr{slog.Any("s", make([]int32, 1<<20))}, `"truncated":1}`, cut, ` truncated=1`, cut},
		{"nested groups", []slog.Attr{nested}, `"g":"!DEPTH"}`, cut, `.g=!DEPTH`, cut},
		{"group in itself", []slog.Attr{selfGroup("g", 1)}, `"g":"!DEPTH"}`, cut, `.g=!DEPTH`, cut},
		{"group twice in itself", []slog.Attr{selfGroup("g", 2)}, `"g":"!DEPTH"`, cut, `.g=!DEPTH`, cut},
		{"inline group twice in itself", []slog.Attr{selfGroup("", 2)}, `"":"!DEPTH"`, cut, ` ""=!DEPTH`, cut},
		{"doubling nothing", []slog.Attr{empties}, `"truncated":`, cut, `truncated=`, cut},
		{"endless groups", []slog.Attr{slog.Any("e", endless{1})}, `"e":"!DEPTH"`, cut, `.e=!DEPTH`, cut},
		{"endless groups, wide", []slog.Attr{slog.Any("e", endless{3})}, `"e":"!DEPTH"`, cut, `.e=!DEPTH`, cut},
		{"endless LogValue", []slog.Attr{slog.Any("e", circle{})}, `"e":"LogValue called too many times`, failed, `e="LogValue called too many times`, failed},
		{"slice in itself", []slog.Attr{slog.Any("v", slice)}, `"v":"!ERROR:json: unsupported value: encountered a cycle via []interface {}"`, failed, `v="!ERROR:encountered a cycle via []interface {}"`, failed},
		{"map in itself", []slog.Attr{slog.Any("v", m)}, `"v":"!ERROR:json: unsupported value: encountered a cycle via map[string]interface {}"`, failed, `v="!ERROR:encountered a cycle via map[string]interface {}"`, failed},
		{"pointer to itself", []slog.Attr{slog.Any("v", cyclic)}, `"v":"!ERROR:json: unsupported value: encountered a cycle via *format_test.list"`, failed, `v="&{Next:0x`, 0},
		{"slice in itself behind a pointer", []slog.Attr{slog.Any("v", behind)}, `"v":"!ERROR:json: unsupported value: encountered a cycle`, failed, `v="!ERROR:encountered a cycle`, failed},
		{"attribute in itself", []slog.Attr{slog.Any("v", selfGroup("a", 1))}, `"v":{"Key":"a","Value":{}}`, 0, `v="!ERROR:`, failed},
		{"value of slog in itself", []slog.Attr{slog.Any("v", []any{selfGroup("a", 1).Value, slog.StringValue("x"), slog.IntValue(1), slog.AnyValue(circle{}), slog.AnyValue(nil)})}, `"v":[{},{},{},{},{}]`, 0, `v="!ERROR:`, failed},
		{"slice in itself behind reflect", []slog.Attr{slog.Any("v", reflect.ValueOf(slice))}, `"v":`, 0, `v="!ERROR:encountered a cycle`, failed},
		{"slice in itself behind LogValuer and attribute", []slog.Attr{slog.Any("v", []any{slog.Any("x", slice)})}, `"v":[{"Key":"x","Value":{}}]`, 0, `v="!ERROR:encountered a cycle`, failed},
		{"long list", []slog.Attr{slog.Any("v", long)}, `"v":"!ERROR:nested more than 9000 levels deep"`, failed, `v="&{Next:0x`, 0},
		{"deep slices", []slog.Attr{slog.Any("v", deep)}, `"v":"!ERROR:nested more than 9000 levels deep"`, failed, `v="!ERROR:nested more than 9000 levels deep"`, failed},
		{"doubling slices", []slog.Attr{slog.Any("v", doubling)}, `"truncated":1`, cut, `truncated=1`, cut},
	} {
		r := slog.NewRecord(time.Unix(0, 0), slog.LevelInfo, "m", 0)
		r.AddAttrs(c.attrs...)
		for i, want := range []string{c.json, c.text} {
			wantFlaws := []format.Flaws{c.jsonF, c.textF}[i]
			for _, grouped := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/group %t", c.name, kinds[i].name, grouped), func(t *testing.T) {
					f := kinds[i].new(nil)
					if grouped {
						want, f = strings.ReplaceAll(want, ` after`, ` open.after`), f.WithGroup("open")
						want = strings.ReplaceAll(strings.ReplaceAll(want, `7,"tr`, `7},"tr`), ` ""=`, ` "open."=`)
						want = strings.Replace(want, ` v=`, ` open.v=`, 1)
					}
					got, flaws := f.AppendRecord(nil, r, nil)
					parse(t, kinds[i].name, got)
					if len(got) > format.DefaultMaxRecord {
						t.Errorf("got %d bytes, want at most %d", len(got), format.DefaultMaxRecord)
					}
					if !strings.Contains(string(got), want) {
						t.Errorf("got %.200q…%.100q, want %s in it", got, got[max(0, len(got)-100):], want)
					}
					if flaws != wantFlaws {
						t.Errorf("got flaws %b, want %b", flaws, wantFlaws)
					}
				})
			}
		}
	}
}

func TestFault57RecordsStayBelowMaxRecord(t *testing.T) {
	attrs := []slog.Attr{
		slog.String("s", strings.Repeat("世\n", 60)), slog.Float64("f", math.MaxFloat64),
		slog.Group("g", slog.String("t", strings.Repeat("\x01", 30)), slog.Group("h", "i", 1)),
		slog.Any("m", map[string]int{"a": 1}), slog.Time("t", time.Unix(1e9, 1)),
	}
	for _, k := range kinds {
		for size := format.MinMaxRecord; size < 1200; size += 7 {
			for length := 0; length < 1000; length += 41 {
				f := k.new(&format.Options{MaxRecord: size, AddSource: length%2 == 1})
				f = f.WithAttrs(attrs[:2]).WithGroup("open").WithAttrs(attrs[2:]).WithGroup("more")
				r := slog.NewRecord(time.Unix(1e9, 1), slog.Level(math.MinInt), strings.Repeat("é", length), pcs[2])
				r.AddAttrs(attrs...)
				if diff := lineDiffers(f, r, attrs); diff != "" {
					t.Fatalf("%s %s", k.name, diff)
				}
				got, flaws := f.AppendRecord([]byte("before"), r, attrs)
				if !strings.HasPrefix(string(got), "before") {
					t.Fatalf("got %.50q, want what was there before kept", got)
				}
				got = got[len("before"):]
				m := parse(t, k.name, got)
				if len(got) > size {
					t.Fatalf("%s: got %d bytes, want at most %d", k.name, len(got), size)
				}
				if _, says := m["truncated"]; says != (flaws&format.Truncated != 0) {
					t.Fatalf("%s: got truncated: %t and flaws %b, want them to agree", k.name, says, flaws)
				}
				if m["msg"] == nil || !utf8.Valid(got) {
					t.Fatalf("%s: got %q, want a message and UTF-8", k.name, got)
				}
			}
		}
	}
}

func TestFault57LongMessageIsCutOnARuneBoundary(t *testing.T) {
	for _, k := range kinds {
		for _, unit := range []string{"a", "é", "世", "😀", "a\n", "\xff", "\x80", " =\""} {
			size := 2 << 20
			if unit == "a" {
				size = 16 << 20
			}
			message := strings.Repeat(unit, size/len(unit))
			r := slog.NewRecord(time.Time{}, slog.LevelInfo, message, 0)
			r.AddAttrs(slog.String("user", "anna"))
			got, flaws := k.new(nil).AppendRecord(nil, r, nil)
			m := parse(t, k.name, got)
			kept := m["msg"].(string)
			if k.name == "json" {
				kept = strings.ReplaceAll(kept, "\ufffd", unit)
			}
			if !strings.HasPrefix(message, kept) || len(kept)%len(unit) != 0 && unit != " =\"" && unit != "a\n" {
				t.Errorf("%s, %q: got a message that is no prefix of the one logged, or ends within a rune", k.name, unit)
			}
			if n := len(got); n < format.DefaultMaxRecord*3/4 || n > format.DefaultMaxRecord {
				t.Errorf("%s, %q: got %d bytes, want the room used", k.name, unit, n)
			}
			if m["user"] != "anna" || flaws != format.Truncated {
				t.Errorf("%s, %q: got user %v, flaws %b, want anna, %b", k.name, unit, m["user"], flaws, format.Truncated)
			}
		}
	}
}

func TestRecordThatFitsIsNotCut(t *testing.T) {
	for i, k := range kinds {
		want, got, compare := pair(t, i, nil)
		r := slog.NewRecord(time.Unix(0, 0), slog.LevelInfo, strings.Repeat("x", format.DefaultMaxRecord-200), 0)
		r.AddAttrs(slog.Int("a", 1))
		_ = want.Handle(t.Context(), r)
		_ = got.Handle(t.Context(), r)
		compare("almost too long")
		if line, flaws := k.new(nil).AppendRecord(nil, r, nil); flaws != 0 || len(line) > format.DefaultMaxRecord {
			t.Errorf("got %d bytes, flaws %b, want neither too long nor cut", len(line), flaws)
		}
	}
}

func TestTimesInAZoneFarAwayAreBoundedToo(t *testing.T) {
	at := time.Unix(0, 1).In(time.FixedZone("far away", 1000*3600)) // four digits of hours instead of two
	f := format.JSON(&format.Options{MaxRecord: format.MinMaxRecord})
	for n := range format.MinMaxRecord {
		text := strings.Repeat("x", n)
		r := record(text, slog.Time("t", at), slog.String("s", text[n/2:]), slog.Int("n", 1))
		if b, _ := f.AppendRecord(nil, r, nil); len(b) > format.MinMaxRecord {
			t.Fatalf("message of %d bytes: got %d bytes, want at most %d", n, len(b), format.MinMaxRecord)
		}
		if diff := lineDiffers(f, r, nil); diff != "" {
			t.Fatalf("message of %d bytes %s", n, diff)
		}
	}
}

func TestAValueIsWholeAsLongAsItFits(t *testing.T) {
	// The object's end and the attribute "truncated" are kept free, and a byte for the end of groups.
	const most = format.MinMaxRecord - len(`,"truncated":9223372036854775807`) - 1
	f := format.JSON(&format.Options{MaxRecord: format.MinMaxRecord})
	for _, unit := range []string{"x", "\n"} {
		for n := range format.MinMaxRecord {
			text := strings.Repeat(unit, n)
			for _, v := range []any{[]string{text}, []string{text, ""}, struct{ A string }{text}, &struct{ A []string }{[]string{text}}} {
				var want bytes.Buffer
				r := record("m", slog.Any("v", v))
				_ = slog.NewJSONHandler(&want, nil).Handle(t.Context(), r)
				got, flaws := f.AppendRecord(nil, r, nil)
				if whole := want.Len() <= most; whole != (string(got) == want.String()) || whole != (flaws == 0) {
					t.Fatalf("%T of %d times %q: got %s with flaws %b, want it whole: %v", v, n, unit, got, flaws, whole)
				}
			}
		}
	}
}

func TestARecordThatFitsLeavesItsBufferAllItsRoom(t *testing.T) {
	for _, k := range kinds {
		dst := make([]byte, 0, 64<<10)
		b, _ := k.new(&format.Options{MaxRecord: 1}).AppendRecord(dst, record("m", slog.Int("n", 1), slog.Any("s", []string{"a"})), nil)
		if cap(b) != cap(dst) {
			t.Errorf("%s: got room for %d bytes, want %d", k.name, cap(b), cap(dst))
		}
	}
}

func TestFault51And57WithIsBounded(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			f := k.new(nil)
			for range 200_000 {
				f = f.WithGroup("group")
			}
			for range 300 {
				f = f.WithAttrs([]slog.Attr{slog.String("a", strings.Repeat("x", 10_000)), selfGroup("g", 2)})
			}
			f = f.WithGroup(strings.Repeat("x", 8<<20))
			r := slog.NewRecord(time.Time{}, slog.LevelInfo, "still here", 0)
			r.AddAttrs(slog.Int("i", 1))
			line, flaws := f.AppendRecord(nil, r, nil)
			m := parse(t, k.name, line)
			if m["msg"] != "still here" || m["truncated"] == nil || flaws != format.Truncated {
				t.Errorf("got msg %v, truncated %v, flaws %b, want all there", m["msg"], m["truncated"], flaws)
			}
			if len(line) > format.DefaultMaxRecord {
				t.Errorf("got %d bytes, want at most %d", len(line), format.DefaultMaxRecord)
			}
		})
	}
}

func TestAttributesOfWithInAGroupWithoutRoomAreCounted(t *testing.T) {
	for _, k := range kinds {
		f := k.new(&format.Options{MaxRecord: format.MinMaxRecord})
		for n := range format.MinMaxRecord / 2 {
			f := f.WithAttrs([]slog.Attr{slog.String("a", strings.Repeat("x", n))}).WithGroup("group").WithAttrs([]slog.Attr{slog.Int("n", 7), slog.Int("m", 7)})
			b, flaws := f.AppendRecord(nil, slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0), nil)
			if strings.Count(string(b), "7") < 2 && flaws&format.Truncated == 0 {
				t.Fatalf("%s, %d: got %s, want a truncated record", k.name, n, b)
			}
		}
	}
}

func TestGroupsWithoutRoomLeaveOutWhatTheyHold(t *testing.T) {
	for _, k := range kinds {
		f := k.new(&format.Options{MaxRecord: 1})
		for range 4 {
			f = f.WithGroup(strings.Repeat("\x01", 30))
		}
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		r.AddAttrs(slog.Int("i", 1), slog.Int("j", 2))
		line, flaws := f.AppendRecord(nil, r, nil)
		if m := parse(t, k.name, line); m["msg"] != "m" || fmt.Sprint(m["truncated"]) != "2" || flaws != format.Truncated {
			t.Errorf("%s: got %v, flaws %b, want a message and 2 attributes truncated", k.name, m, flaws)
		}
	}
}

func TestFault51ReplaceAttrThatNeverEndsIsBounded(t *testing.T) {
	for _, k := range kinds {
		for width := 1; width <= 2; width++ {
			f := k.new(&format.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				return slog.Attr{Key: "r", Value: slog.GroupValue(slices.Repeat([]slog.Attr{a}, width)...)}
			}})
			got, flaws := line(f.WithAttrs([]slog.Attr{slog.Int("with", 1)}), slog.Int("own", 1))
			parse(t, k.name, []byte(got))
			if len(got) > format.DefaultMaxRecord || flaws != format.Truncated || !strings.Contains(got, "!DEPTH") {
				t.Errorf("%s, %d: got %d bytes, flaws %b, want at most %d, %b and !DEPTH", k.name, width, len(got), flaws, format.DefaultMaxRecord, format.Truncated)
			}
		}
	}
}
