// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestRecordsOfThisGoAreReadInPlace(t *testing.T) {
	if !inPlace {
		t.Fatal("slog.Record is laid out otherwise: mend record, or log calls take 6 % longer")
	}
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	for i := range 20 {
		front, back := attrsOf(&r)
		if got, want := slices.Concat(front, back), attrsAsked(r); !slices.EqualFunc(got, want, slog.Attr.Equal) {
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

func TestOtherLayoutsAreToldApart(t *testing.T) {
	type record struct {
		time  time.Time
		front [2]slog.Attr
		back  []slog.Attr
	}
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
		if sameLayout(reflect.TypeFor[record](), reflect.TypeOf(other)) {
			t.Errorf("%s: got the same layout", name)
		}
	}
	if !sameLayout(reflect.TypeFor[record](), reflect.TypeFor[record]()) {
		t.Error("got another layout for the same type")
	}
}

func TestRecordsThatAreNotReadInPlaceAreEncodedAllTheSame(t *testing.T) {
	defer func(was bool) { inPlace = was }(inPlace)
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	for i := range 10 {
		r.AddAttrs(slog.Int("n", i))
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
