// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/format"
)

// Formats remember the second of the record before. These are records for which
// that is of no use, or worse.
func TestTimesAreRightInWhateverOrderTheyCome(t *testing.T) {
	start := time.Date(2026, 12, 31, 23, 59, 58, 999_999_999, time.UTC)
	zones := []*time.Location{time.UTC, time.Local, time.FixedZone("", 5400), time.FixedZone("", -30), time.FixedZone("", -11*3600)}
	tests := []struct {
		name string
		next func(i int) time.Time
	}{
		{name: "the same second", next: func(i int) time.Time { return start.Add(-time.Duration(i)) }},
		{name: "second by second", next: func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }},
		{name: "backwards", next: func(i int) time.Time { return start.Add(-time.Duration(i) * time.Second) }},
		{name: "now and long ago", next: func(i int) time.Time { return start.AddDate(-1000*(i%2), 0, 0) }},
		{name: "one second in many zones", next: func(i int) time.Time { return start.In(zones[i%len(zones)]) }},
		{name: "after a time that never comes", next: func(i int) time.Time {
			if i == 0 {
				return time.Date(9999, 1, 1, 0, 0, 0, 1, time.UTC)
			}
			return start.Add(time.Duration(i))
		}},
		{name: "at random", next: func(int) time.Time {
			return time.Unix(rand.Int64N(250_000_000_000), rand.Int64N(1e9)).In(zones[rand.IntN(len(zones))])
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var callers sync.WaitGroup
			for range 4 {
				callers.Go(func() {
					for i := range 300 {
						at := tt.next(i)
						r := slog.NewRecord(at, slog.LevelInfo, "m", 0)
						line, _ := format.JSON(nil).AppendRecord(nil, r, []slog.Attr{slog.Time("at", start)})
						want := fmt.Sprintf(`{"time":"%s","level":"INFO","msg":"m","at":"%s"}`+"\n", at.Format(time.RFC3339Nano), start.Format(time.RFC3339Nano))
						if string(line) != want {
							t.Errorf("got %s, want %s", line, want)
							return
						}
					}
				})
			}
			callers.Wait()
		})
	}
}
