// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// A clockTime is a time of day.
type clockTime struct{ hour, minute, second int }

// parseTimes reads times of day, "15:04" or "15:04:05".
func parseTimes(texts []string) ([]clockTime, error) {
	var times []clockTime
	for _, text := range texts {
		t, err := time.Parse("15:04", text)
		if err != nil {
			t, err = time.Parse("15:04:05", text)
		}
		if err != nil || len(text) != len("15:04") && len(text) != len("15:04:05") {
			return nil, fmt.Errorf("%q is no time of day: write 15:04 or 15:04:05", text)
		}
		times = append(times, clockTime{t.Hour(), t.Minute(), t.Second()})
	}
	return times, nil
}

// next returns the first of times after t in t's location, and the zero time if
// there are none. A time that the day leaves out, as when summer begins, is the
// hour before or after; one that comes twice counts once.
func next(times []clockTime, t time.Time) time.Time {
	var first time.Time
	for day := range 3 { // a day may be skipped altogether, at the date line
		for _, c := range times {
			at := time.Date(t.Year(), t.Month(), t.Day()+day, c.hour, c.minute, c.second, 0, t.Location())
			if at.After(t) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

// A due is when a file has to be rotated by the clock.
type due struct {
	begun time.Time     // when the file was begun, with a monotonic reading
	at    time.Time     // by the wall clock; zero: never
	most  time.Duration // no moment is further away than that, whatever the hour of the year
}

// longest returns the longest time from one of times to the next, on an ordinary day.
func longest(times []clockTime) time.Duration {
	const day = 24 * time.Hour
	var at []time.Duration
	for _, c := range times {
		at = append(at, time.Duration(c.hour)*time.Hour+time.Duration(c.minute)*time.Minute+time.Duration(c.second)*time.Second)
	}
	slices.Sort(at)
	most := time.Duration(0)
	for i := range at {
		next := at[(i+1)%len(at)]
		if i == len(at)-1 {
			next += day
		}
		most = max(most, next-at[i])
	}
	return most
}

// born returns when a file was created or, where that is not known, last written to:
// it is at least that old.
func born(f *os.File, info fs.FileInfo) time.Time {
	if t := birth(f, info); !t.IsZero() {
		return t
	}
	return info.ModTime()
}

// begin notes that the file was begun at a time. A file from the future is from
// now: a clock was set back.
func (s *Sink) begin(born time.Time) {
	now := time.Now()
	age := max(now.Sub(born), 0)
	s.due = due{begun: now.Add(-age), most: longest(s.times) + time.Hour} // as when summer ends
	s.due.at = next(s.times, s.wall(s.due.begun))
}

// overdue reports whether the file has to be rotated by the clock.
func (s *Sink) overdue() bool {
	o := &s.opts
	if o.RotateEvery == 0 && s.due.at.IsZero() {
		return false
	}
	now := time.Now()
	if o.RotateEvery > 0 && now.Sub(s.due.begun) >= o.RotateEvery {
		return true
	}
	if s.due.at.IsZero() {
		return false
	}
	wall := s.wall(now)
	// Where the clock was set back by far the moment is too far away. By less than an hour
	// it is not: times that come again have had their rotation.
	if s.due.at.Sub(wall) > s.due.most {
		s.due.at = next(s.times, wall)
	}
	return !wall.Before(s.due.at)
}

// wall returns t as the wall clock of RotateAt shows it.
func (s *Sink) wall(t time.Time) time.Time {
	if s.opts.UTC {
		return t.Round(0).UTC()
	}
	return t.Round(0).Local()
}
