// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
)

// fill gives every field below v a value that is not its zero, each another where
// that is possible.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Interface().(type) {
	case hydra.Status, hydra.Phase, hydra.Policy:
		v.SetUint(1)
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(*n), 5).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n)
		fill(t, v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]uint64{"x": 3}))
	case reflect.Interface: // the state of a sink
		v.Set(reflect.ValueOf(map[string]any{"x": "y"}))
	case reflect.String:
		v.SetString(strings.Repeat("s", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	default:
		if v.CanInt() {
			v.SetInt(int64(*n))
			return
		}
		v.SetUint(uint64(*n))
	}
}

func TestHealthComesBackFromJSON(t *testing.T) {
	var full hydra.Health
	fill(t, reflect.ValueOf(&full).Elem(), new(int))
	for _, want := range []hydra.Health{full, {}} {
		text, err := json.Marshal(want)
		assert.NilError(t, err)
		var got hydra.Health
		assert.NilError(t, json.Unmarshal(text, &got), "%s", text)
		assert.DeepEqual(t, got, want)
	}
}

func TestLatencyIsOrderedInJSON(t *testing.T) {
	text, err := json.Marshal(hydra.Latency{P50: time.Microsecond, P99: 1500 * time.Microsecond, Max: time.Hour})
	assert.NilError(t, err)
	assert.Equal(t, string(text), `{"p50":"1µs","p99":"1.5ms","max":"1h0m0s"}`)
}

func TestHealthThatIsNoneSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		text string
		want string
	}{
		{"status", `{"status":"fine"}`, `hydra: "fine" is no status; use one of [ok degraded failing]`},
		{"phase", `{"phase":"over"}`, `hydra: "over" is no phase; use one of [running flushing cleaning done]`},
		{"policy", `{"destinations":[{"policy":"Drop"}]}`, `hydra: "Drop" is no policy; use one of [DropOldest Block Error]`},
		{"uptime", `{"uptime":"long"}`, `time: invalid duration "long"`},
		{"call", `{"destinations":[{"in_call":"1"}]}`, `time: missing unit in duration "1"`},
		{"latency", `{"destinations":[{"latency":{"p50":"x"}}]}`, `time: invalid duration "x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h hydra.Health
			assert.ErrorContains(t, json.Unmarshal([]byte(tt.text), &h), tt.want)
		})
	}
}
