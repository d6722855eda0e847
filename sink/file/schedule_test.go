// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink/file"
)

func TestFilesAreRotatedByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		s := file.New(path, &file.Options{RotateEvery: time.Hour})
		assert.NilError(t, s.Open(t.Context()))
		time.Sleep(2 * time.Hour)
		write(t, s, "one") // an empty file is not rotated
		time.Sleep(time.Hour - time.Nanosecond)
		write(t, s, "two")
		time.Sleep(time.Nanosecond)
		write(t, s, "three")
		time.Sleep(24 * time.Hour)
		write(t, s, "four")
		assert.NilError(t, s.Close(t.Context()))
		assert.DeepEqual(t, contents(t, path), []string{"one\ntwo\n", "three\n", "four\n"})
	})
}

func TestFilesAreRotatedAtTimesOfDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is midnight, UTC
		path := filepath.Join(t.TempDir(), "app.log")
		s := file.New(path, &file.Options{RotateAt: []string{"18:00", "06:30:15"}, UTC: true, MaxSize: 1 << 20})
		assert.NilError(t, s.Open(t.Context()))
		write(t, s, "one")
		time.Sleep(6*time.Hour + 30*time.Minute + 14*time.Second)
		write(t, s, "two")
		time.Sleep(time.Second)
		write(t, s, "three")
		time.Sleep(48 * time.Hour)
		write(t, s, "four")
		write(t, s, "five")
		assert.NilError(t, s.Close(t.Context()))
		assert.DeepEqual(t, contents(t, path), []string{"one\ntwo\n", "three\n", "four\nfive\n"})
	})
}

func TestNextTimeOfDay(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("there is no time zone database here: ", err)
	}
	tests := []struct {
		name  string
		times []string
		from  time.Time
		want  time.Time
	}{
		{name: "never", from: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		{name: "at the moment itself it is tomorrow", times: []string{"12:00"}, from: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), want: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)},
		{name: "the first of several", times: []string{"23:59:59", "00:00"}, from: time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC), want: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
		{name: "summer begins", times: []string{"02:30"}, from: time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), want: time.Date(2026, 3, 29, 3, 30, 0, 0, berlin)},
		{name: "once a day though the hour comes twice", times: []string{"02:30"}, from: time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC).In(berlin), want: time.Date(2026, 10, 26, 2, 30, 0, 0, berlin)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			times, err := file.ParseTimes(tt.times)
			assert.NilError(t, err)
			got := file.Next(times, tt.from)
			assert.Assert(t, got.Equal(tt.want), "got %v, want %v", got, tt.want)
		})
	}
}

func TestFault68AClockSetFarBackDoesNotStopTheSchedule(t *testing.T) {
	hourly := make([]string, 24)
	for h := range hourly {
		hourly[h] = fmt.Sprintf("%02d:00", h)
	}
	tests := []struct {
		name  string
		times []string
		by    time.Duration // how far it is set back
		want  []string      // with a line every six hours from midnight on
	}{
		{name: "thirty years, once a day", times: []string{"12:00"}, by: 30 * 365 * 24 * time.Hour, want: []string{"0\n1\n", "2\n3\n"}},
		{name: "a day and more, each hour", times: hourly, by: 30 * time.Hour, want: []string{"0\n", "1\n", "2\n", "3\n"}},
		{name: "ten hours, each hour", times: hourly, by: 10 * time.Hour, want: []string{"0\n", "1\n", "2\n", "3\n"}},
		{name: "some minutes: ten past had its rotation", times: []string{"00:10"}, by: 15 * time.Minute, want: []string{"0\n1\n2\n3\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // it is midnight, UTC
				path := filepath.Join(t.TempDir(), "app.log")
				s := opened(t, path, &file.Options{RotateAt: tt.times, UTC: true})
				times, err := file.ParseTimes(tt.times)
				assert.NilError(t, err)
				s.SetDue(file.Next(times, time.Now().UTC().Add(tt.by))) // as planned before
				for i := range 4 {
					write(t, s, fmt.Sprint(i))
					time.Sleep(6 * time.Hour)
				}
				assert.NilError(t, s.Close(t.Context()))
				assert.DeepEqual(t, contents(t, path), tt.want)
			})
		})
	}
}
