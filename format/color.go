// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"os"
)

// ColorMode says whether Console colours its lines.
type ColorMode uint8

const (
	// ColorAuto decides once, when Console is called, since a Format does not
	// know where its lines go. Of these rules the first that applies holds:
	//
	//   - NO_COLOR is set and not empty: no colours
	//   - FORCE_COLOR or CLICOLOR_FORCE is set, not to nothing, 0 or false: colours
	//   - TERM is dumb, or is not set on a system other than Windows: no colours
	//   - standard output and standard error both are terminals: colours
	//   - otherwise: no colours
	//
	// So redirecting either of the two switches colours off, whichever of them
	// the lines go to.
	ColorAuto ColorMode = iota
	// ColorAlways colours lines wherever they go.
	ColorAlways
	// ColorNever leaves colours out.
	ColorNever
)

// on decides. A mode that has no name counts as ColorAuto.
func (m ColorMode) on() bool {
	switch m {
	case ColorAlways:
		return true
	case ColorNever:
		return false
	}
	forced := func(name string) bool {
		v := os.Getenv(name)
		return v != "" && v != "0" && v != "false"
	}
	switch {
	case os.Getenv("NO_COLOR") != "":
		return false
	case forced("FORCE_COLOR") || forced("CLICOLOR_FORCE"):
		return true
	}
	return canColor(os.Getenv("TERM")) && isTerminal(os.Stdout) && isTerminal(os.Stderr)
}

// The colours are those that every terminal has and that its user has chosen.
const (
	reset  = "\x1b[0m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

func levelColor(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return cyan
	case l < slog.LevelWarn:
		return green
	case l < slog.LevelError:
		return yellow
	}
	return red
}

// appendColored appends a key and its value, the key dim or, when the value is
// an error, both red.
func (e *encoder) appendColored(key string, v slog.Value, kind slog.Kind) {
	if e.sep != 0 {
		e.buf = append(e.buf, e.sep)
		e.sep = 0 // before the colour, not before the key
	}
	if !isError(key, v, kind) {
		e.buf = append(e.buf, dim...)
		e.appendKey(key)
		e.buf = append(e.buf, reset...)
		e.appendKind(v, kind)
		return
	}
	e.buf = append(e.buf, red...)
	e.appendKey(key)
	e.limit -= len(reset) // a value that is cut must leave room for it
	e.appendKind(v, kind)
	e.limit += len(reset)
	e.buf = append(e.buf, reset...)
}

func isError(key string, v slog.Value, kind slog.Kind) bool {
	if key == "err" || key == "error" {
		return true
	}
	if kind != slog.KindAny {
		return false
	}
	_, ok := v.Any().(error)
	return ok
}
