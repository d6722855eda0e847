// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"reflect"
	"runtime"
	"strings"
	"time"
)

// gen makes things to log out of bytes. It makes nothing that slog does not
// survive, or of which it makes lines that are not well-formed.
type gen struct{ data []byte }

func (g *gen) byte() byte {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return b
}

func (g *gen) bool() bool { return g.byte()&1 == 1 }

// n returns a number below limit.
func (g *gen) n(limit int) int { return int(g.byte()) % limit }

func (g *gen) uint64() uint64 {
	var b [8]byte
	g.data = g.data[copy(b[:], g.data):]
	return binary.LittleEndian.Uint64(b[:])
}

var oddTexts = []string{
	"", "a", "key", "a.b", "time", "level", "msg", "source", "a b", "a=b", `"`, `\`, "\x00\x01\x1f", "\b\f\n\r\t\v\a",
	"<a&b>", "\u2028\u2029", "\u00e9\u4e16\u754c", "\U0001f600", "\xff\xfe", "a\xe2\x28b", "\ufffd", "\u00a0", "\u202e", "\x7f", "\u0085",
	"12345678", "1234567\"", "12345678\n", "1234567890123456", "123456789012345\xc3", strings.Repeat("long ", 40), strings.Repeat("x", 300) + "\n",
}

func (g *gen) text() string {
	switch n := int(g.byte()); {
	case n < 2*len(oddTexts):
		return oddTexts[n/2]
	default:
		n = min(n%40, len(g.data))
		s := string(g.data[:n])
		g.data = g.data[n:]
		return s
	}
}

func (g *gen) level() slog.Level {
	if g.n(8) == 7 {
		return slog.Level(g.uint64())
	}
	return slog.Level(int8(g.byte()) / 8)
}

var zones = []*time.Location{
	time.UTC, time.Local, time.FixedZone("", 3600), time.FixedZone("a", -12345), time.FixedZone("b", 30), time.FixedZone("c", -30),
	time.FixedZone("d", 99*3600+59*60), time.FixedZone("e", 100*3600), time.FixedZone("f", -100*3600), time.FixedZone("g", 19800),
}

// time returns a time whose year has four digits wherever it is.
func (g *gen) time() time.Time {
	const low, high = -62167219200 + 1e6, 253402300799 - 1e6
	zone := zones[g.n(len(zones))]
	switch g.n(5) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(low+int64(g.uint64()%uint64(high-low)), int64(g.uint64()%1e9)).In(zone)
	case 2:
		return time.Unix(int64(g.uint64()%4e9), int64(g.byte())*1e6).In(zone)
	case 3:
		return time.Date(1+g.n(256)*39, time.Month(g.n(13)), g.n(33), g.n(24), g.n(60), g.n(60), int(g.byte()), zone)
	}
	return time.Unix(int64(g.uint64()%4e9), 0).In(zone)
}

var pcs = func() []uintptr {
	var pcs [3]uintptr
	runtime.Callers(1, pcs[:])
	return append([]uintptr{0, 1}, pcs[:]...)
}()

func (g *gen) pc() uintptr { return pcs[g.n(len(pcs))] }

// attrs returns up to limit attributes.
func (g *gen) attrs(depth, limit int) []slog.Attr {
	attrs := make([]slog.Attr, 0, limit)
	for range g.n(limit + 1) {
		attrs = append(attrs, g.attr(depth))
	}
	return attrs
}

func (g *gen) attr(depth int) slog.Attr {
	if g.n(16) == 15 {
		return slog.Attr{}
	}
	return slog.Attr{Key: g.text(), Value: g.value(depth)}
}

// group returns the attributes of a group, of which the first remains whatever
// ReplaceAttr does: slog loses count of groups that turn out empty.
func (g *gen) group(depth int) []slog.Attr {
	return append([]slog.Attr{slog.Int("keep", 1)}, g.attrs(depth+1, 4)...)
}

func (g *gen) value(depth int) slog.Value {
	n := g.n(14)
	if depth > 4 && n > 8 {
		n = 0
	}
	switch n {
	case 0:
		return slog.StringValue(g.text())
	case 1:
		return slog.Int64Value(int64(g.uint64()))
	case 2:
		return slog.Int64Value(int64(int8(g.byte())))
	case 3:
		return slog.Uint64Value(g.uint64())
	case 4:
		return slog.BoolValue(g.bool())
	case 5:
		return slog.DurationValue(time.Duration(g.uint64()) >> g.n(64))
	case 6:
		return slog.TimeValue(g.time())
	case 7:
		return slog.Float64Value(math.Float64frombits(g.uint64()))
	case 8:
		return slog.Float64Value(float64(int8(g.byte())) * math.Pow10(int(int8(g.byte()))))
	case 9:
		return slog.GroupValue(g.group(depth)...)
	case 10:
		return slog.AnyValue(valuer{g.value(depth + 1)})
	case 11:
		return slog.GroupValue()
	}
	return slog.AnyValue(g.any(depth))
}

func (g *gen) any(depth int) any {
	n := int(g.byte())
	if n < 2*len(oddValues) {
		return oddValues[n/2]
	}
	if depth > 4 {
		return nil
	}
	switch n % 12 {
	case 0:
		return map[string]any{g.text(): g.any(depth + 1), g.text(): g.any(depth + 1)}
	case 1:
		return []any{g.any(depth + 1), g.value(depth + 1).Any(), g.text()}
	case 2:
		return errors.New(g.text())
	case 3:
		return stringer(g.text())
	case 4:
		return fmt.Errorf("wrapped %w", failing{g.text()})
	case 5:
		return []string{g.text(), g.text()}
	case 6:
		return map[string]string{g.text(): g.text(), g.text(): g.text()}
	case 7:
		return []byte(g.text())
	case 8:
		return panicking{g.text()}
	case 9:
		return struct {
			A string
			B any `json:"b,omitempty"`
			c any
		}{g.text(), g.any(depth + 1), g.any(depth + 1)}
	case 10:
		return []float64{math.Float64frombits(g.uint64()), 1}
	}
	return &slog.Source{Function: g.text(), File: g.text(), Line: g.n(3)}
}

// options returns nothing, AddSource, and one of a few ReplaceAttrs, all of
// which leave "keep" alone.
func (g *gen) options() *slog.HandlerOptions {
	o := &slog.HandlerOptions{AddSource: g.bool()}
	other := slog.Attr{Key: g.text(), Value: g.value(5)}
	n := g.n(12)
	if n < 6 {
		return o
	}
	o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case a.Key == "keep":
			return a
		case n == 6 && len(groups) == 0:
			return slog.Attr{}
		case n == 7:
			return slog.String(a.Key+strings.Join(groups, "/"), textOf(a.Value))
		case n == 8 && a.Key == slog.TimeKey:
			return slog.Int64(a.Key, 1)
		case n == 8 && !strings.HasPrefix(a.Key, "in "):
			return slog.Attr{Key: "r", Value: slog.GroupValue(slog.Int("keep", 1), slog.Attr{Key: "in " + a.Key, Value: a.Value})}
		case n == 9 && len(a.Key)%2 == 1:
			return slog.Any(a.Key, valuer{a.Value})
		case n == 10 && len(a.Key) > 3:
			return other
		case n == 11 && groups == nil:
			return slog.Any(a.Key, a.Value.Any())
		}
		return a
	}
	return o
}

// textOf returns what v says of itself. slog does not expect a ReplaceAttr to panic.
func textOf(v slog.Value) (text string) {
	defer func() {
		if recover() != nil {
			text = "panicked"
		}
	}()
	return v.String()
}

type (
	valuer    struct{ v slog.Value }
	stringer  string
	failing   struct{ S string }
	panicking struct{ with any }
	pointer   struct{ s string }
	texter    struct{ err error }
	named     []byte
	plain     struct {
		A int `json:"a"`
		B *plain
		C []string
		D map[int]bool
		e error
	}
	formatter struct{}
	shouting  struct{ with any }
	quitting  struct{ with any }
	outer     struct {
		S stringer
		E error
	}
	inner struct {
		A string
		B stringer
		C *plain
		outer
		d stringer
		F float32
		G chan int
		H func()
		N *shouting
		R any
	}
)

func (v valuer) LogValue() slog.Value           { return v.v }
func (s stringer) String() string               { return "s:" + string(s) }
func (f failing) Error() string                 { return f.S }
func (f failing) MarshalJSON() ([]byte, error)  { return nil, f }
func (p panicking) Error() string               { panic(p.with) }
func (p *pointer) Error() string                { return p.s }
func (t texter) MarshalText() ([]byte, error)   { return []byte("<t e=x>"), t.err }
func (s shouting) String() string               { panic(s.with) }
func (q quitting) Format(s fmt.State, _ rune)   { fmt.Fprint(s, "so far "); panic(q.with) }
func (formatter) Error() string                 { return "not this" }
func (formatter) Format(s fmt.State, verb rune) { fmt.Fprintf(s, "%c%v", verb, s.Flag('+')) }
func (p *plain) String() string                 { return fmt.Sprint(p.A) }

var oddValues = []any{
	nil, true, 1, uint8(2), 3.5, float32(0.1), "s\n", slog.LevelWarn, slog.Level(-5), slog.KindGroup, time.Second, time.Unix(1e9, 1),
	errors.New("boom \" = \n x"),
	failing{"no"},
	panicking{"oops"},
	panicking{errors.New("err")},
	(*pointer)(nil), &pointer{"p"},
	texter{},
	texter{errors.New("bad")},
	&texter{}, (*texter)(nil), named("n\xff"), []byte("a\x00b"), []byte(nil),
	[]byte{},
	plain{A: 1},
	&plain{A: 2, e: errors.New("hidden"), C: []string{"<", "\b\f"}}, (*plain)(nil),
	[]plain{{}, {}},
	stringer("<x>"), (*stringer)(nil),
	math.NaN(), math.Inf(-1),
	[]float64{1e-7, 1e21, math.Copysign(0, -1), 123456789},
	[]any{math.NaN()},
	make(chan int, 1),
	map[string]any{"b": 1, "a": nil},
	map[string]any{"e": errors.New("x"), "n": map[string]any{"z": []int{1}}},
	map[int]string{2: "b", 1: "a"},
	map[string]string(nil), []string(nil),
	json.RawMessage(`{"a": [1, 2]}`), json.RawMessage(`{`), json.Number("1e3"), json.Number("x"), net.IPv4(1, 2, 3, 4), &net.OpError{Op: "dial", Err: errors.New("refused")},
	complex(1, 2),
	[2]bool{true},
	struct{}{},
	&slog.Source{}, (*slog.Source)(nil),
	slog.Source{File: "f"},
	formatter{},
	&formatter{},
	shouting{"x"},
	shouting{errors.New("x y")},
	(*shouting)(nil),
	[]any{shouting{1}, panicking{2}},
	reflect.ValueOf(3),
	reflect.Value{},
	slog.StringValue("x"),
	[]any{slog.Any("a", errors.New("b")), slog.StringValue("x"), slog.AnyValue(nil), slog.Group("g", "a", 1)},
	[2][]string{{"a"}, nil},
	[2]any{1},
	[]error{errors.New("a"), nil},
	[]time.Duration{1, 2},
	[]time.Time{time.Unix(0, 0).UTC()},
	[]bool{true},
	[]int64{-1},
	[]uint64{1},
	[]any{[]any{}, map[string]any{}},
	map[string]string{"b": "\b\f<", "a": "", "\xff": "\xfe"},
	map[string]string{},
	map[string]any(nil),
	map[string]any{},
	[]any(nil),
	[]int{1, -2, 1 << 30},
	[]int(nil),
	[]int{},
	[]string{},
	[]any{"s\b", true, false, 1, int64(-1), 1.5, math.MaxFloat64, []byte("x"), []byte(nil), []int{1}, []string{"a", "\u2028"}, map[string]string{"k": "v"}, time.Unix(1, 2).UTC(), uint8(3), stringer("x"), nil},
	map[string]any{"z": map[string]any{"y": map[string]string{"x": "w"}, "b": []any{}}, "a": math.Inf(1)},
	[]any{map[string]any{"c": make(chan int)}},
	map[string]any{"e": failing{"f"}, "b": panicking{1}},
	slog.Int("attr", 1), slog.GroupValue(slog.Int("v", 2)),
	[]slog.Attr{slog.Int("g", 1)},
	inner{"s", stringer("t"), &plain{A: 3}, outer{stringer("u"), nil}, stringer("v"), 1.5, make(chan int), func() {}, (*shouting)(nil), nil},
	&inner{},
	[]*inner{nil, {}},
	[]shouting{{1}},
	[]*plain{{A: 1}, nil},
	[1]panicking{{errors.New("x")}},
	[]any{shouting{shouting{1}}},
	[]any{quitting{"x"}},
	[]any{formatter{}, (*quitting)(nil)},
	quitting{panicking{1}},
	[]any{panicking{[]any{outer{stringer("w"), nil}, slog.AnyValue(shouting{"x"}), reflect.Value{}}}},
	[]any{slog.AnyValue(outer{stringer("x"), errors.New("y")}), slog.Group("g", "a", shouting{1}), reflect.ValueOf(stringer("z")), reflect.ValueOf(&inner{})},
	reflect.ValueOf(&inner{}), reflect.ValueOf(inner{R: 1, outer: outer{stringer("x"), nil}}).Field(3),
	map[stringer]error{"b": nil, "a": errors.New("x")},
	map[bool]stringer{true: "a", false: "b"},
	map[uint8]stringer{2: "a", 1: "b"},
	map[float64]stringer{2: "a", 1: "b", math.Inf(-1): "c", math.NaN(): "d"},
	map[complex128]stringer{2: "a", 1i: "b", 2i: "c"},
	map[[2]string]stringer{{"a", "c"}: "a", {"a", "b"}: "b"},
	map[outer]stringer{{"b", nil}: "a", {"a", nil}: "b", {"b", errors.ErrUnsupported}: "c"},
	map[any]stringer{nil: "a", 1: "b", "x": "c", 2: "d", stringer("y"): "e", 1.5: "f", true: "g", "w": "h"},
	map[*int]stringer{new(int): "a", nil: "b", new(int): "c"},
	map[chan int]stringer{make(chan int): "a", nil: "b", make(chan int): "c"},
	map[error]int{errors.ErrUnsupported: 1, nil: 2},
	new(int), time.UTC, errors.Join(errors.New("a"), errors.New("b")),
}
