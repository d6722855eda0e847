// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/format"
)

// optional is a row of which most is left out.
type optional struct {
	A, B, C, D, E, F, G, H, I, J, K, L int            `json:",omitempty"`
	M, N, O, P                         string         `json:",omitempty"`
	Q                                  []int          `json:",omitempty"`
	R                                  map[string]any `json:",omitempty"`
	S, T                               *optional      `json:",omitempty"`
	U, V                               any            `json:",omitzero"`
	W                                  time.Duration  `json:",omitzero"`
}

func TestFieldsThatAreLeftOutTakeNoRoom(t *testing.T) {
	rows := make([]optional, 200)
	rows[7] = optional{A: 1, S: &optional{M: "x"}, U: 1}
	var want bytes.Buffer
	r := slog.NewRecord(time.Unix(0, 0), slog.LevelInfo, "m", 0)
	r.AddAttrs(slog.Any("rows", rows))
	assert.NilError(t, slog.NewJSONHandler(&want, nil).Handle(t.Context(), r))
	got, flaws := format.JSON(&format.Options{MaxRecord: 1024}).AppendRecord(nil, r, nil)
	assert.Equal(t, flaws, format.Flaws(0), "%s", got)
	assert.Equal(t, string(got), want.String())
}

// Go's own reader of JSON takes 10,000 levels.
func TestFault51DeepValuesAreWrittenAsLongAsTheyCanBeRead(t *testing.T) {
	const deep = 8900
	var slice any
	var chain *list
	for range deep {
		slice, chain = []any{slice}, &list{Next: chain}
	}
	for _, v := range []any{slice, chain} {
		var want bytes.Buffer
		r := slog.NewRecord(time.Unix(0, 0), slog.LevelInfo, "m", 0)
		r.AddAttrs(slog.Any("v", v))
		assert.NilError(t, slog.NewJSONHandler(&want, nil).Handle(t.Context(), r))
		got, flaws := format.JSON(nil).AppendRecord(nil, r, nil)
		assert.Equal(t, flaws, format.Flaws(0), "%.100s", got)
		assert.Assert(t, string(got) == want.String())
		assert.Assert(t, json.Valid(got))
	}
}

func TestFault57LongValuesAreNotEncodedToBeThrownAway(t *testing.T) {
	const long = 1 << 25
	for name, v := range map[string]any{
		"slice":                     make([]struct{}, long),
		"array":                     [long]struct{}{},
		"pointer to array":          &[long]struct{}{},
		"field":                     struct{ F []struct{} }{make([]struct{}, long)},
		"array of arrays":           [1]struct{ F [long]struct{} }{},
		"array behind a field":      struct{ F *[long]struct{} }{&[long]struct{}{}},
		"numbers":                   make([]float64, format.DefaultMaxRecord),
		"lists that are all shared": [][]struct{}{make([]struct{}, long)},
	} {
		for _, k := range kinds {
			var before, after runtime.MemStats
			r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
			r.AddAttrs(slog.Any("v", v))
			runtime.ReadMemStats(&before)
			got, flaws := k.new(nil).AppendRecord(nil, r, nil)
			runtime.ReadMemStats(&after)
			if name == "array behind a field" && k.name == "text" {
				assert.Equal(t, flaws, format.Flaws(0)) // fmt prints the address
			} else {
				assert.Equal(t, flaws, format.Truncated, "%s, %s: %.100s", k.name, name, got)
			}
			assert.Assert(t, after.TotalAlloc-before.TotalAlloc < 8<<20, "%s, %s", k.name, name)
		}
	}
}

func TestTextIsEscapedInWhateverRoomThereIs(t *testing.T) {
	text := strings.Repeat("a\"\x01\u00e9\u2028\xffb\xe2\x80", 30)
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, text, 0)
	r.AddAttrs(slog.String(text, text))
	want, _ := format.JSON(nil).AppendRecord(nil, r, nil)
	for n := range len(want) + 100 {
		if got, _ := format.JSON(nil).AppendRecord(make([]byte, 0, n), r, nil); string(got) != string(want) {
			t.Fatalf("%d bytes: got %q, want %q", n, got, want)
		}
	}
	var b bytes.Buffer
	if _ = slog.NewJSONHandler(&b, nil).Handle(t.Context(), r); b.String() != string(want) {
		t.Errorf("got %q, want %q", want, b.String())
	}
}

func TestValuesTakeNoMoreRoomThanTheyNeed(t *testing.T) {
	const kib = 1 << 10
	text := func(n int) string { return strings.Repeat("x", n*kib) }
	for name, v := range map[string]func(n int) any{
		"struct":  func(n int) any { return struct{ A, S string }{"a", text(n)} },
		"ints":    func(n int) any { return make([]int8, n*kib/2) },
		"strings": func(n int) any { return []string{"a", text(n), "b"} },
		"pointer": func(n int) any { s := text(n); return &[]*string{nil, &s} },
		"structs": func(n int) any {
			return make([]struct {
				A [0]int `json:"-"`
			}, n*kib/3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for n, most := range map[int]int{2000: 100, 40: 60 * kib, 500: 800 * kib} {
				r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
				r.AddAttrs(slog.Any("v", v(n)))
				buf := make([]byte, 0, 100)
				b, flaws := format.JSON(nil).AppendRecord(buf, r, nil)
				if cut := n == 2000; cap(b) > most || cut != (flaws == format.Truncated) || len(b) < n*kib != cut {
					t.Errorf("%d KiB: got %d bytes in room for %d, flaws %b, want room for %d at most", n, len(b), cap(b), flaws, most)
				}
			}
		})
	}
}

func TestWhetherAValueFailsOrIsTooBigDoesNotDependOnTheBuffer(t *testing.T) {
	f := format.JSON(&format.Options{MaxRecord: format.MinMaxRecord})
	for n := range format.MinMaxRecord {
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, strings.Repeat("x", n), 0)
		r.AddAttrs(slog.Any("v", []float64{1, 2, math.NaN(), 3, 4}))
		want, wantFlaws := f.AppendRecord(nil, r, nil)
		for room := range 2 * format.MinMaxRecord {
			if got, flaws := f.AppendRecord(make([]byte, 0, room), r, nil); string(got) != string(want) || flaws != wantFlaws {
				t.Fatalf("%d bytes, room for %d: got %s, flaws %b, want %s, flaws %b", n, room, got, flaws, want, wantFlaws)
			}
		}
	}
}
