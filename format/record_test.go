// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestRecordsOfThisGoAreReadInPlace(t *testing.T) {
	if !inPlace {
		t.Fatal("slog.Record is laid out otherwise: mend record, or log calls take 10 % longer")
	}
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	for i := range 20 {
		front, back := attrsOf(&r)
		got, want := slices.Concat(front, back), attrsAsked(r)
		if !slices.EqualFunc(got, want, func(a attr, b slog.Attr) bool { return a.slog().Equal(b) }) {
			t.Errorf("%d attributes: got %v, want %v", i, got, want)
		}
		r.AddAttrs(slog.Int("n", i))
	}
}

func attrsAsked(r slog.Record) (attrs []slog.Attr) {
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	return attrs
}

func TestValuesOfThisGoAreReadInPlace(t *testing.T) {
	for _, v := range []slog.Value{
		slog.StringValue(""), slog.StringValue("text"), slog.IntValue(-1), slog.Uint64Value(1), slog.BoolValue(true), slog.Float64Value(0.1),
		slog.DurationValue(-1), slog.TimeValue(time.Time{}), slog.TimeValue(time.Now()), slog.TimeValue(time.Unix(1<<60, 0)),
		slog.GroupValue(slog.Int("n", 1)), slog.GroupValue(), slog.AnyValue(nil), slog.AnyValue(slog.KindInt64), slog.AnyValue(new(byte)), slog.AnyValue(t),
		slog.AnyValue(named{}),
		{},
	} {
		if got, want := inside(v).kind(), v.Kind(); got != want {
			t.Errorf("%v: got %v, want %v", v, got, want)
		}
		if v.Kind() == slog.KindString && inside(v).text() != v.String() {
			t.Errorf("got %q, want %q", inside(v).text(), v.String())
		}
	}
}

// named names its value.
type named struct{}

func (named) LogValue() slog.Value { return slog.StringValue("name") }

func TestOtherLayoutsAreToldApart(t *testing.T) {
	record := reflect.TypeFor[struct {
		Time  time.Time
		Front [2]slog.Attr
		Back  []slog.Attr
	}]()
	for name, other := range map[string]any{
		"larger": struct {
			Time  time.Time
			Front [2]slog.Attr
			Back  []slog.Attr
			More  int
		}{},
		"in another order": struct {
			Time  time.Time
			Back  []slog.Attr
			Front [2]slog.Attr
		}{},
		"of other types": struct {
			Time  time.Time
			Front [2]slog.Attr
			Back  [3]int
		}{},
		"under other names": struct {
			Time   time.Time
			Front  [2]slog.Attr
			Unused []slog.Attr
		}{},
	} {
		if alike(record, reflect.TypeOf(other)) {
			t.Errorf("%s: got the same layout", name)
		}
	}
	if !alike(record, reflect.TypeOf(struct {
		time  time.Time
		front [2]attr
		back  []attr
	}{})) {
		t.Error("got another layout for attributes of our own")
	}
}

// soonWritten are attributes that a short record may have and be encoded on the stack.
var soonWritten = []slog.Attr{
	slog.String("s", "a\n"), slog.Int("n", -1), slog.Uint64("u", 1), slog.Bool("b", true), slog.Float64("f", 0.5), slog.Duration("d", 1),
	slog.Time("t", time.Unix(1, 0).UTC()), slog.Any("err", errors.New("failed")), slog.Any("strings", []string{"a", "b"}),
	slog.Group("g", "n", 1, slog.Group("h", "err", errors.New("failed"))), slog.Any("struct", struct{ A []int }{[]int{1}}), slog.Any("pointer", &struct{ B *bool }{}),
}

func TestAShortRecordBorrowsNothing(t *testing.T) {
	for _, f := range []Format{JSON(nil), JSON(nil).WithGroup("g"), JSON(nil).WithAttrs(soonWritten[:2]).WithGroup("g").WithGroup("h")} {
		for _, a := range soonWritten {
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
			r.AddAttrs(a, slog.Int("last", 1))
			Remember(r.Time)
			var line Line
			b, _ := line.Encode(f, &r, soonWritten[:1])
			if line.borrowed != nil {
				t.Errorf("%s: got memory that is borrowed, want none", b)
			}
			line.Free()
		}
	}
}

func TestRecordsThatAreNotReadInPlaceAreEncodedAllTheSame(t *testing.T) {
	defer func(was bool) { inPlace = was }(inPlace)
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	for _, a := range soonWritten {
		r.AddAttrs(a)
		Remember(r.Time)
		inPlace = true
		var line Line
		b, _ := line.Encode(JSON(nil), &r, nil)
		want := string(b)
		inPlace = false
		b, _ = line.Encode(JSON(nil), &r, nil)
		if string(b) != want {
			t.Errorf("got %s, want %s", b, want)
		}
		line.Free()
	}
}
