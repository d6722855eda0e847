// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"errors"
	"log/slog"
	"testing"
	"time"
)

// soonWritten are attributes that a short record may have and be encoded on the stack.
var soonWritten = []slog.Attr{
	slog.String("s", "a\n"), slog.Int("n", -1), slog.Uint64("u", 1), slog.Bool("b", true), slog.Float64("f", 0.5), slog.Duration("d", 1),
	slog.Time("t", time.Unix(1, 0).UTC()), slog.Any("err", errors.New("failed")), slog.Any("strings", []string{"a", "b"}),
	slog.Group("g", "n", 1, slog.Group("h", "err", errors.New("failed"))), slog.Any("struct", struct{ A []int }{[]int{1}}), slog.Any("pointer", &struct{ B *bool }{}),
}

func TestAShortRecordBorrowsNothing(t *testing.T) {
	for _, f := range []Format{JSON(nil), JSON(nil).WithGroup("g"), JSON(nil).WithAttrs(soonWritten[:2]).WithGroup("g").WithGroup("h")} {
		for _, a := range soonWritten {
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
			r.AddAttrs(a, slog.Int("last", 1))
			Remember(r.Time)
			var line Line
			b, _ := line.Encode(f, &r, soonWritten[:1])
			if line.borrowed != nil {
				t.Errorf("%s: got memory that is borrowed, want none", b)
			}
			line.Free()
		}
	}
}
