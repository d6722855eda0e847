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
	fmt.Fprintf(&b, "%v, %v, up %v, memory %.0f %% of %s\n",
		h.Status, h.Phase, h.Uptime.Round(time.Millisecond), h.Memory.Percent, h.Memory.Source)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "destination\tstatus\toffered\twritten\tfallback\tdropped\trejected\tspooled\tpending\tp99\tlast error")
	for _, d := range h.Destinations {
		last := ErrorCount{Last: "-"}
		for _, e := range d.Errors {
			if e.Time.After(last.Time) {
				last = e
			}
		}
		fmt.Fprintf(w, "%s\t%v\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%v\t%s\n", d.Name, d.Status,
			d.Offered, d.Written, d.Fallback, d.Dropped, d.Rejected, d.Spooled, d.Pending, d.Latency.P99, last.Last)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
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
