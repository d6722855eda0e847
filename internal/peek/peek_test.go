// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package peek

import (
	"log/slog"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestRecordsOfThisGoAreReadInPlace(t *testing.T) {
	if !recordsAlike {
		t.Error("slog.Record is laid out otherwise: mend record, or log calls take longer")
	}
	defer func(was bool) { recordsAlike = was }(recordsAlike)
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	for i := range 20 {
		want := askedAttrs(&r)
		for _, recordsAlike = range []bool{true, false} {
			front, back := Attrs(&r)
			if got := slices.Concat(front, back); !slices.EqualFunc(got, want, slog.Attr.Equal) {
				t.Errorf("%d attributes, in place %v: got %v, want %v", i, recordsAlike, got, want)
			}
		}
		recordsAlike = true
		if got := testing.AllocsPerRun(10, func() { Attrs(&r) }); got != 0 {
			t.Errorf("got %v allocations, want 0", got)
		}
		r.AddAttrs(slog.Int("n", i))
	}
}

func TestValuesOfThisGoAreReadInPlace(t *testing.T) {
	if !valuesAlike {
		t.Error("slog.Value is laid out otherwise: mend Value, or log calls take longer")
	}
	defer func(was bool) { valuesAlike = was }(valuesAlike)
	for _, v := range []slog.Value{
		slog.StringValue(""), slog.StringValue("text"), slog.IntValue(-1), slog.Uint64Value(math.MaxUint64), slog.BoolValue(true), slog.BoolValue(false),
		slog.Float64Value(0.1), slog.DurationValue(-1), slog.TimeValue(time.Time{}), slog.TimeValue(time.Now()), slog.TimeValue(time.Unix(1<<60, 0)),
		slog.GroupValue(slog.Int("n", 1)), slog.GroupValue(), slog.AnyValue(nil), slog.AnyValue(slog.KindInt64), slog.AnyValue(new(byte)), slog.AnyValue(t),
		slog.AnyValue(named{}),
		{},
	} {
		for _, valuesAlike = range []bool{true, false} {
			got, want := At(&v).Kind(), v.Kind()
			if got != want {
				t.Errorf("%v, in place %v: got %v, want %v", v, valuesAlike, got, want)
			}
			ok := true
			switch got {
			case slog.KindString:
				ok = At(&v).Text() == v.String()
			case slog.KindInt64:
				ok = int64(At(&v).Num()) == v.Int64()
			case slog.KindUint64:
				ok = At(&v).Num() == v.Uint64()
			case slog.KindDuration:
				ok = time.Duration(At(&v).Num()) == v.Duration()
			case slog.KindFloat64:
				ok = math.Float64frombits(At(&v).Num()) == v.Float64()
			case slog.KindBool:
				ok = (At(&v).Num() == 1) == v.Bool()
			}
			if !ok {
				t.Errorf("%v, in place %v: got another value", v, valuesAlike)
			}
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
	if !alike(record, record) {
		t.Error("got another layout for the same type")
	}
}
