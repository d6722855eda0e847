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

func TestTheTableSaysWhyADestinationIsNotWell(t *testing.T) {
	failed := []hydra.ErrorCount{{Last: "write: broken", Time: time.Unix(2, 0)}, {Last: "open: older", Time: time.Unix(1, 0)}}
	tests := []struct {
		name string
		d    hydra.DestinationHealth
		want string
	}{
		{"well", hydra.DestinationHealth{Status: hydra.StatusOK}, "-"},
		{"well again", hydra.DestinationHealth{Status: hydra.StatusOK, Errors: failed}, "write: broken"},
		{"well with a state", hydra.DestinationHealth{SinkState: map[string]any{"last_error": "old"}}, "-"},
		{"fails", hydra.DestinationHealth{Status: hydra.StatusFailing, Errors: failed, TooLarge: 1}, "write: broken"},
		{"hangs", hydra.DestinationHealth{Status: hydra.StatusFailing, Errors: failed, InCall: 6900 * time.Millisecond}, "in a call for 6s"},
		{"sink with a word", hydra.DestinationHealth{Status: hydra.StatusDegraded, SinkState: "tired"}, "tired"},
		{"sink with a mode", hydra.DestinationHealth{
			Status: hydra.StatusDegraded, SinkState: map[string]any{"mode": "spooling", "last_error": "503 Service Unavailable"},
		}, "spooling: 503 Service Unavailable"},
		{"sink with an error", hydra.DestinationHealth{
			Status: hydra.StatusDegraded, SinkState: &struct {
				Last string `json:"last_error"`
			}{"rename: denied"},
		}, "rename: denied"},
		{"sink whose state is none", hydra.DestinationHealth{Status: hydra.StatusDegraded, SinkState: func() {}}, "-"},
		{"sink whose state panics", hydra.DestinationHealth{Status: hydra.StatusDegraded, SinkState: panicky{}}, "-"},
		{"queue in memory", hydra.DestinationHealth{
			Status: hydra.StatusDegraded, Durable: &hydra.DurableHealth{Error: "no room"},
		}, "no room"},
		{"too large", hydra.DestinationHealth{Status: hydra.StatusDegraded, TooLarge: 1}, "1 too large"},
		{"many records", hydra.DestinationHealth{
			Status: hydra.StatusDegraded, Queue: hydra.QueueHealth{Records: 9, RecordsMax: 10, BytesMax: 10},
		}, "queue 90 % full"},
		{"many bytes", hydra.DestinationHealth{
			Status: hydra.StatusDegraded, Queue: hydra.QueueHealth{RecordsMax: 10, Bytes: 85, BytesMax: 100},
		}, "queue 85 % full"},
		{"lost records", hydra.DestinationHealth{Status: hydra.StatusDegraded, Dropped: 7}, "-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := strings.Split(hydra.Health{Destinations: []hydra.DestinationHealth{tt.d}}.String(), "\n")
			at := strings.Index(table[1], "last error")
			assert.Equal(t, table[2][at:], tt.want)
		})
	}
}

// panicky is the state of a sink whose method panics.
type panicky struct{}

func (panicky) MarshalJSON() ([]byte, error) { panic("boom") }

func TestTheTableRoundsLatencyToWhatItIsWorth(t *testing.T) {
	for p99, want := range map[time.Duration]string{
		0: "0s", 99: "99ns", 2188 * time.Microsecond: "2.2ms", 999 * time.Microsecond: "1ms",
		123456 * time.Microsecond: "120ms", 83400 * time.Millisecond: "1m23s",
	} {
		h := hydra.Health{Destinations: []hydra.DestinationHealth{{Latency: hydra.Latency{P99: p99}}}}
		fields := strings.Fields(strings.Split(h.String(), "\n")[2])
		assert.Equal(t, fields[len(fields)-2], want)
	}
}
