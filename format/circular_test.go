// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/format"
)

// circular is a list that contains itself.
type circular []any

func newCircular() circular {
	e := make(circular, 1)
	e[0] = e
	return e
}

func (circular) Error() string { return "endless" }

// A dropper's methods panic with p.
type dropper struct{ p any }

func (d dropper) Error() string                { panic(d.p) }
func (d dropper) MarshalJSON() ([]byte, error) { panic(d.p) }
func (d dropper) MarshalText() ([]byte, error) { panic(d.p) }

// A code is a number that knows no text for itself.
type code int

func (code) Error() string                { panic([]any(newCircular())) }
func (code) MarshalText() ([]byte, error) { panic([]any(newCircular())) }

// A test that fails here ends the process: fmt follows what contains itself until the
// stack overflows.
func TestFault50PanicsWithWhatContainsItselfAreTold(t *testing.T) {
	type holder struct{ list circular }
	self := []any{nil}
	self[0] = self
	values := map[string]any{
		"method":          dropper{self},
		"error in method": dropper{dropper{self}},
		"slice":           []any{1, dropper{self}},
		"array":           [1]dropper{{self}},
		"map":             map[string]any{"k": dropper{self}},
		"key":             map[any]int{&dropper{self}: 1},
		"field":           struct{ E error }{dropper{self}},
		"pointer":         &struct{ E dropper }{dropper{self}},
		"Format":          quitting{self},
		"inner Format":    []any{quitting{self}},
		"inner in method": []any{shouting{[]any{dropper{self}}}},
		"attribute":       slog.Any("k", dropper{self}),
		"inner attribute": []any{slog.Group("g", "k", dropper{self})},
		"value in method": shouting{slog.AnyValue(dropper{self})},
		"behind reflect":  reflect.ValueOf([]any{dropper{self}}),
		"number":          []any{code(1)},
		"numbers":         []code{1},
		"lists of them":   [][]code{{1}},
		"number in map":   map[string]any{"k": code(1)},
		"map of numbers":  map[int]code{1: 1},
		"number as key":   map[code]int{1: 1},
		"field of number": struct{ C code }{1},
		"hidden list":     reflect.ValueOf(holder{newCircular()}).Field(0),
	}
	// JSON looks neither for Format and String nor into what is not exported.
	harmless := []string{"hidden list", "Format", "inner Format", "inner in method", "attribute", "inner attribute", "value in method", "behind reflect"}
	formats := map[string]func(*format.Options) format.Format{"JSON": format.JSON, "Text": format.Text}
	for name, f := range formats {
		for what, v := range values {
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
			r.AddAttrs(slog.Any("k", v))
			line, flaws := f(nil).AppendRecord(nil, r, nil)
			assert.Assert(t, strings.Contains(string(line), "m"), "%s of %s: %s", name, what, line)
			if name == "Text" || !slices.Contains(harmless, what) {
				assert.Equal(t, flaws, format.Failed, "%s of %s: %s", name, what, line)
			}
		}
		replace := func([]string, slog.Attr) slog.Attr { panic(dropper{self}) }
		line, _ := f(&format.Options{ReplaceAttr: replace}).AppendRecord(nil, slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0), nil)
		assert.Assert(t, strings.Contains(string(line), "!PANIC: (format_test.dropper)"), "%s: %s", name, line)
		replace = func([]string, slog.Attr) slog.Attr { panic([]any{dropper{self}}) }
		line, _ = f(&format.Options{ReplaceAttr: replace}).AppendRecord(nil, slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0), nil)
		assert.Assert(t, strings.Contains(string(line), "!PANIC: ([]interface {})"), "%s: %s", name, line)
	}
}
