// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink/file"
)

func TestMaxAgeRemovesNoYoungFileWhereTheClockWasWrong(t *testing.T) {
	day := 24 * time.Hour
	const long = 30 * 365 * 24 * time.Hour
	tests := []struct {
		name    string
		stamps  []time.Duration // how long ago, oldest first
		written []time.Duration // the last records, likewise
		want    []bool          // what stays
	}{
		{name: "right", stamps: []time.Duration{20 * day, 10 * day, 5 * day}, written: []time.Duration{21 * day, 15 * day, 6 * day}, want: []bool{false, false, true}},
		{name: "1970 in the middle", stamps: []time.Duration{20 * day, 10 * day, 10 * day, 5 * day}, written: []time.Duration{21 * day, 11 * day, long, 6 * day}, want: []bool{false, true, true, true}},
		{name: "1970 at last", stamps: []time.Duration{20 * day, 10 * day, 10 * day}, written: []time.Duration{20 * day, 11 * day, long}, want: []bool{false, true, true}},
		{name: "1970 at first", stamps: []time.Duration{10 * day, 5 * day}, written: []time.Duration{long, 6 * day}, want: []bool{false, true}},
		{name: "the future", stamps: []time.Duration{20 * day, -100 * day, -100 * day}, written: []time.Duration{20 * day, -100 * day, 15 * day}, want: []bool{false, true, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir, now := t.TempDir(), time.Now().UTC()
				var names []string
				for i, ago := range tt.stamps {
					name := "app-" + now.Add(-ago).Format("20060102T150405.000Z")
					if i > 0 && ago == tt.stamps[i-1] {
						name += "-1"
					}
					path := filepath.Join(dir, name+".log")
					assert.NilError(t, os.WriteFile(path, nil, 0o600))
					at := now.Add(-tt.written[i])
					assert.NilError(t, os.Chtimes(path, at, at))
					names = append(names, path)
				}
				s := opened(t, filepath.Join(dir, "app.log"), &file.Options{MaxAge: 14 * day})
				synctest.Wait()
				assert.NilError(t, s.Close(t.Context()))
				for i, path := range names {
					_, err := os.Stat(path)
					assert.Equal(t, err == nil, tt.want[i], "%d: %v", i, err)
				}
			})
		})
	}
}
