// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/format"
)

// jsonOf returns what hydra and what encoding/json make of v.
func jsonOf(t *testing.T, v any) (got, want string) {
	t.Helper()
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(slog.Any("v", v))
	line, _ := format.JSON(nil).AppendRecord(nil, r, nil)
	if diff := lineDiffers(format.JSON(nil), r, nil); diff != "" {
		t.Errorf("%T %s", v, diff)
	}
	const before, after = `{"level":"INFO","msg":"m","v":`, "}\n"
	got, ok := strings.CutPrefix(string(line), before)
	if !ok || !strings.HasSuffix(got, after) {
		t.Fatalf("got %s", line)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		b.Reset()
		b.WriteString(`"!ERROR:` + err.Error() + "\"\n")
	}
	return strings.TrimSuffix(got, after), strings.TrimSuffix(b.String(), "\n")
}

type (
	plainInt    int8
	plainString string
	withMethod  int
	byPointer   struct{ A int }
	recursive   struct {
		A  int
		In []recursive
	}
	embeds struct {
		byValue
		B int
	}
	byValue struct{ A, B int }
	simple  struct {
		A int    `json:"a"`
		B string `json:"b,omitempty"`
	}
)

func (withMethod) MarshalText() ([]byte, error) { return []byte("text"), nil }
func (*byPointer) MarshalJSON() ([]byte, error) { return []byte(`"pointer"`), nil }

func TestStructsHaveTheBytesOfEncodingJSON(t *testing.T) {
	for _, v := range []any{
		simple{},
		simple{A: -1, B: "b"},
		&simple{A: 1},
		[]simple{{}, {A: 2, B: "\x00\"\u2028\xff<&>"}},
		[]simple(nil),
		[]simple{},
		[]*simple{nil, {}},
		struct{}{},
		[]struct{}{{}, {}},
		struct{ a, B int }{1, 2},
		struct {
			A int `json:"-"`
			B int `json:",omitempty"`
			C int `json:"d,string"`
		}{1, 2, 3},
		struct {
			A int `json:"a,omitzero"`
			B int `json:"b c"`
			C int `json:"\u00e9"`
			E int `json:"a&b"`
		}{0, 2, 3, 5},
		struct {
			A int
			B int `json:"A"`
		}{1, 2},
		struct {
			A []string `json:",omitempty"`
			B []string `json:",omitempty"`
			C struct{} `json:",omitempty"`
			D bool     `json:",omitempty"`
			E float64  `json:",omitempty"`
			F uint8    `json:",omitempty"`
		}{A: []string{}, B: []string{""}, E: math.Copysign(0, -1)},
		struct{ A any }{1},
		struct{ A error }{nil},
		struct{ A map[string]int }{map[string]int{"a": 1}},
		struct{ A *int }{nil},
		struct{ A []byte }{[]byte("a")},
		struct{ A []plainString }{[]plainString{"a"}},
		[]uint8{1},
		[]plainInt{1, -2},
		plainInt(-3),
		plainString("<a>\b"),
		withMethod(1),
		&[]**int{nil, new(*int)},
		[]int8{3},
		[]bool{true},
		struct{ A [2]int }{},
		struct{ A complex64 }{},
		struct{ A float32 }{0.1},
		struct{ A uintptr }{7},
		struct{ A withMethod }{},
		[]withMethod{1},
		struct{ A byPointer }{},
		&struct{ A byPointer }{},
		[]byPointer{{}},
		byPointer{},
		&byPointer{},
		recursive{A: 1, In: []recursive{{A: 2}, {In: []recursive{{A: 3}}}}},
		embeds{byValue{1, 2}, 3},
		struct{ byValue }{},
		struct{ A time.Time }{time.Unix(1, 2).UTC()},
		struct{ A time.Duration }{time.Second},
		struct{ A json.Number }{"1"},
		struct{ A json.Number }{""},
		struct{ A float64 }{math.NaN()},
		[]float64{1, math.Inf(-1)},
		[][]float64{{1.5}, nil, {}},
		struct{ A json.RawMessage }{json.RawMessage(`{"a":1}`)},
		struct{ A, B slog.Level }{slog.LevelInfo, 1},
		struct {
			A, B, C, D, E, F, G, H uint64
			I                      int64
			J                      []struct{ K struct{ L string } }
		}{math.MaxUint64, 10, 100, 1000, 1e9, 1e18, 1, 0, math.MinInt64, []struct{ K struct{ L string } }{{}, {}}},
	} {
		t.Run(fmt.Sprintf("%T", v), func(t *testing.T) {
			if got, want := jsonOf(t, v); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// tens is a type that names another ten times.
type tens[T any] struct{ A, B, C, D, E, F, G, H, I, J []T }

func TestTypeThatNamesOthersOftenIsPlannedInNoTime(t *testing.T) {
	got, want := jsonOf(t, tens[tens[tens[tens[tens[tens[tens[tens[tens[simple]]]]]]]]]{})
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRandomStructsHaveTheBytesOfEncodingJSON(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := structs{rand.New(rand.NewPCG(seed, 0))}
	for i := range 400 {
		typ := g.typeOf(3)
		if i%2 == 0 || typ.PkgPath() == "" && typ.Name() != "" { // slog knows those itself
			typ = reflect.SliceOf(typ)
		}
		for range 3 {
			v := reflect.New(typ).Elem()
			g.fill(v)
			if got, want := jsonOf(t, v.Interface()); got != want {
				t.Fatalf("%v: got %s, want %s", typ, got, want)
			}
		}
	}
}

// structs makes types and values at random.
type structs struct{ *rand.Rand }

var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uint8](),
	reflect.TypeFor[float64](), reflect.TypeFor[float32](), reflect.TypeFor[string](), reflect.TypeFor[plainString](), reflect.TypeFor[plainInt](),
	reflect.TypeFor[withMethod](), reflect.TypeFor[byPointer](), reflect.TypeFor[json.Number](), reflect.TypeFor[time.Duration](), reflect.TypeFor[*int](), reflect.TypeFor[any](),
}

func (g structs) typeOf(depth int) reflect.Type {
	switch n := g.IntN(10); {
	case depth == 0 || n < 3:
		k := len(leaves)
		if g.IntN(3) > 0 {
			k = 11 // those that most structs have
		}
		return leaves[g.IntN(k)]
	case n == 3:
		return reflect.SliceOf(g.typeOf(depth - 1))
	case n == 4:
		return reflect.PointerTo(g.typeOf(depth - 1))
	}
	tags := []string{"", "", `json:"-"`, `json:"-,"`, `json:",omitempty"`, `json:"x"`, `json:"y,omitempty"`, `json:"z,string"`, `json:"w w"`, `json:"v,omitzero"`, `json:"é"`, `xml:"x"`}
	var fields []reflect.StructField
	for i := range g.IntN(5) {
		fields = append(fields, reflect.StructField{
			Name: string(rune('A' + i)), Type: g.typeOf(depth - 1), Tag: reflect.StructTag(tags[g.IntN(len(tags))]),
		})
	}
	return reflect.StructOf(fields)
}

func (g structs) fill(v reflect.Value) {
	if g.IntN(4) == 0 {
		return // zero
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0.1, -2.5, 1e21, 1e-7, 123456.789, math.Pi, math.NaN(), 3}[g.IntN(8)])
	case reflect.String:
		s := oddTexts[g.IntN(len(oddTexts))]
		if v.Type() == reflect.TypeFor[json.Number]() {
			s = "12.50"
		}
		v.SetString(s)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), g.IntN(3), 3))
		for i := range v.Len() {
			g.fill(v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		g.fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			g.fill(v.Field(i))
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(simple{A: 1}))
	default:
		if v.CanInt() {
			v.SetInt(int64(g.Uint64()))
		} else {
			v.SetUint(g.Uint64())
		}
	}
}

func TestFloatsHaveTheBytesOfEncodingJSON(t *testing.T) {
	check := func(f float64) {
		t.Helper()
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		r.AddAttrs(slog.Float64("f", f))
		line, _ := format.JSON(nil).AppendRecord(nil, r, nil)
		want, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(line[len(`{"level":"INFO","msg":"m","f":`) : len(line)-2]); got != string(want) {
			t.Fatalf("%v: got %s, want %s", f, got, want)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := rand.New(rand.NewPCG(seed, 1))
	for range 5_000 {
		digits := math.Pow10(1 + g.IntN(17))
		f := math.Floor(g.Float64()*digits) / math.Pow10(g.IntN(12)) * float64(1-2*g.IntN(2))
		check(f)
		check(math.Nextafter(f, math.Inf(1)))
		check(math.Nextafter(f, math.Inf(-1)))
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 1e-6, 9.999999e-7, 5e-7, 4.9e-7, 1e9, 999999999.9999999, 999999999.999999, 1e15 + 0.5, 0.1, 0.3, 2.5, 1.0 / 3, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		check(f)
	}
}
