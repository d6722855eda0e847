// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/hydra-logger/hydra/format"
)

func ExampleJSON() {
	f := format.JSON(nil).WithAttrs([]slog.Attr{slog.String("service", "shop")}).WithGroup("req")
	r := slog.NewRecord(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), slog.LevelInfo, "order placed", 0)
	r.AddAttrs(slog.Int("id", 7), slog.Duration("took", 3*time.Millisecond))
	line, _ := f.AppendRecord(nil, r, nil)
	fmt.Print(string(line))
	// Output:
	// {"time":"2026-03-01T12:00:00Z","level":"INFO","msg":"order placed","service":"shop","req":{"id":7,"took":3000000}}
}

func ExampleText() {
	f := format.Text(nil).WithAttrs([]slog.Attr{slog.String("service", "shop")}).WithGroup("req")
	r := slog.NewRecord(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), slog.LevelInfo, "order placed", 0)
	r.AddAttrs(slog.Int("id", 7), slog.Duration("took", 3*time.Millisecond))
	line, _ := f.AppendRecord(nil, r, nil)
	fmt.Print(string(line))
	// Output:
	// time=2026-03-01T12:00:00.000Z level=INFO msg="order placed" service=shop req.id=7 req.took=3ms
}
