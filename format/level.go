// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import "log/slog"

// appendLevel appends what slog.Level.String returns.
func appendLevel(b []byte, l slog.Level) []byte {
	name, base := "DEBUG", slog.LevelDebug
	switch {
	case l < slog.LevelInfo:
	case l < slog.LevelWarn:
		name, base = "INFO", slog.LevelInfo
	case l < slog.LevelError:
		name, base = "WARN", slog.LevelWarn
	default:
		name, base = "ERROR", slog.LevelError
	}
	b = append(b, name...)
	d := int64(l - base)
	if d == 0 {
		return b
	}
	if d > 0 {
		b = append(b, '+')
	}
	return appendInt(b, d)
}
