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
)

// MarshalJSON writes durations as in "1.5ms".
func (h Health) MarshalJSON() ([]byte, error) {
	type plain Health
	return json.Marshal(struct {
		plain
		Uptime string `json:"uptime"`
	}{plain(h), h.Uptime.String()})
}

// MarshalJSON writes durations as in "1.5ms".
func (d DestinationHealth) MarshalJSON() ([]byte, error) {
	type plain DestinationHealth
	return json.Marshal(struct {
		plain
		InCall string `json:"in_call"`
	}{plain(d), d.InCall.String()})
}

// MarshalJSON writes durations as in "1.5ms".
func (l Latency) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"p50": l.P50.String(), "p99": l.P99.String(), "max": l.Max.String()})
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

// safeString calls String and contains its panics.
func safeString(s fmt.Stringer) (text string) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			text = err.Error()
		}
	}()
	return s.String()
}
