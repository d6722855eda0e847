// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/sink"
)

// MarshalJSON writes durations as in "1.5ms". UnmarshalJSON reads what it writes.
func (h Health) MarshalJSON() ([]byte, error) {
	type plain Health
	return json.Marshal(struct {
		plain
		Uptime duration `json:"uptime"`
	}{plain(h), duration(h.Uptime)})
}

// UnmarshalJSON reads what MarshalJSON writes, as of another process.
func (h *Health) UnmarshalJSON(text []byte) error {
	type plain Health
	var v struct {
		plain
		Uptime duration `json:"uptime"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*h = Health(v.plain)
	h.Uptime = time.Duration(v.Uptime)
	return nil
}

// MarshalJSON writes durations as in "1.5ms". UnmarshalJSON reads what it writes.
func (d DestinationHealth) MarshalJSON() ([]byte, error) {
	type plain DestinationHealth
	return json.Marshal(struct {
		plain
		InCall duration `json:"in_call"`
	}{plain(d), duration(d.InCall)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *DestinationHealth) UnmarshalJSON(text []byte) error {
	type plain DestinationHealth
	var v struct {
		plain
		InCall duration `json:"in_call"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*d = DestinationHealth(v.plain)
	d.InCall = time.Duration(v.InCall)
	return nil
}

// latencyText is a Latency whose durations are texts.
type latencyText struct {
	P50 duration `json:"p50"`
	P99 duration `json:"p99"`
	Max duration `json:"max"`
}

// MarshalJSON writes durations as in "1.5ms". UnmarshalJSON reads what it writes.
func (l Latency) MarshalJSON() ([]byte, error) {
	return json.Marshal(latencyText{duration(l.P50), duration(l.P99), duration(l.Max)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Latency) UnmarshalJSON(text []byte) error {
	var v latencyText
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*l = Latency{time.Duration(v.P50), time.Duration(v.P99), time.Duration(v.Max)}
	return nil
}

// UnmarshalText reads what MarshalText writes.
func (s *Status) UnmarshalText(text []byte) error {
	return unmarshalName(s, text, "status", StatusOK, StatusDegraded, StatusFailing)
}

// UnmarshalText reads what MarshalText writes.
func (p *Phase) UnmarshalText(text []byte) error {
	return unmarshalName(p, text, "phase", PhaseRunning, PhaseFlushing, PhaseCleaning, PhaseDone)
}

// UnmarshalText reads what MarshalText writes.
func (p *Policy) UnmarshalText(text []byte) error {
	return unmarshalName(p, text, "policy", DropOldest, Block, Error)
}

// unmarshalName sets v to the one of the values whose name is text.
func unmarshalName[T fmt.Stringer](v *T, text []byte, kind string, values ...T) error {
	for _, value := range values {
		if value.String() == string(text) {
			*v = value
			return nil
		}
	}
	return fmt.Errorf("hydra: %q is no %s; use one of %v", text, kind, values)
}

// duration is a time.Duration that is text in JSON.
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

// String returns a short table for people.
func (h Health) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %v, up %v, memory %.0f %% of %s",
		h.Status, h.Phase, h.Uptime.Round(time.Millisecond), h.Memory.Percent, h.Memory.Source)
	if h.Memory.High {
		b.WriteString(", above MemoryLimit: what queues past an eighth do not take goes to the fallback")
	}
	b.WriteByte('\n')
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "destination\tstatus\toffered\twritten\tfallback\tdropped\trejected\tspooled\tpending\tp99\tlast error")
	for _, d := range h.Destinations {
		fmt.Fprintf(w, "%s\t%v\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%v\t%s\n", d.Name, d.Status,
			d.Offered, d.Written, d.Fallback, d.Dropped, d.Rejected, d.Spooled, d.Pending, rough(d.Latency.P99), d.reason())
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

// rough returns two digits of l, as much as the quantiles of a Latency are worth.
func rough(l time.Duration) time.Duration {
	unit := time.Duration(1)
	for l/unit >= 100 {
		unit *= 10
	}
	return l.Round(unit)
}

// reason returns why a destination is not well or, if it is, its last error, in a few
// words; "-" where its counters say all there is to say.
func (d *DestinationHealth) reason() string {
	if d.InCall >= callTooLong {
		return fmt.Sprintf("in a call for %v", d.InCall.Truncate(time.Second))
	}
	last := ErrorCount{Last: "-"}
	for _, e := range d.Errors {
		if e.Time.After(last.Time) {
			last = e
		}
	}
	if d.Status == StatusOK || len(d.Errors) > 0 {
		return last.Last
	}
	state := d.sinkSays()
	share := 100 * max(float64(d.Queue.Records)/float64(max(d.Queue.RecordsMax, 1)), float64(d.Queue.Bytes)/float64(max(d.Queue.BytesMax, 1)))
	switch {
	case state != "":
		return state
	case d.Durable.inMemory():
		return d.Durable.Error
	case d.TooLarge > 0:
		return fmt.Sprintf("%d too large", d.TooLarge)
	case share > 50: // from 80 on, until it has fallen to this
		return fmt.Sprintf("queue %.0f %% full", share)
	}
	return last.Last
}

// sinkSays returns what the state of the sink says of errors, also of one that was read
// back from JSON; empty if nothing.
func (d *DestinationHealth) sinkSays() (text string) {
	defer func() {
		if errs.Recovered(recover()) != nil { // of a method of the state
			text = ""
		}
	}()
	if s, ok := d.SinkState.(string); ok {
		return s
	}
	var state struct {
		Mode string `json:"mode"`
		Last string `json:"last_error"`
	}
	encoded, err := json.Marshal(d.SinkState)
	if err != nil || json.Unmarshal(encoded, &state) != nil {
		return ""
	}
	if state.Mode != "" && state.Last != "" {
		return state.Mode + ": " + state.Last
	}
	return state.Mode + state.Last
}

// sinkName returns what the String method of a sink does, or else its type.
func sinkName(s sink.Sink) (name string) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			name = err.Error()
		}
	}()
	if named, ok := s.(fmt.Stringer); ok {
		return named.String()
	}
	return fmt.Sprintf("%T", s)
}
