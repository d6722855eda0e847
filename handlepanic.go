// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
)

// PanicMessage is the message of the record that HandlePanic logs. Its attribute
// panic is the value as a text, and stack where it came from.
const PanicMessage = "panic"

// HandlePanic brings a panic into the log before the program dies of it. It is
// deferred directly, in any goroutine, and in main below the deferred Close, so that it
// runs before that:
//
//	defer hydra.HandlePanic(h)
//
// On a panic it logs PanicMessage through h at slog.LevelError, flushes h, and panics
// again with the same value: the program ends as it would have, with the original
// frames in the output of the runtime, too, or whoever recovers further up goes on.
// It takes no longer than Config.CloseTimeout, or 10 seconds where that has no bound,
// and two seconds more if the record has to go to a fallback that hangs. Without a
// panic, and under runtime.Goexit, it does nothing.
//
// With a nil h it only panics again. With GODEBUG=panicnil=1 it cannot tell panic(nil)
// from no panic, and ends it.
func HandlePanic(h *Handler) {
	value := recover()
	if value == nil {
		return
	}
	if h != nil {
		h.lastWords(value, panicSite(), string(debug.Stack()))
	}
	panic(value)
}

// lastWords logs a panic and flushes. A panic of its own must not hide that one.
func (h *Handler) lastWords(value any, site uintptr, stack string) {
	defer func() { _ = recover() }()
	ctx, cancel := context.WithTimeout(context.Background(), h.core.patience())
	defer cancel()
	r := slog.NewRecord(time.Now(), slog.LevelError, PanicMessage, site)
	text := (&errs.Panic{Value: value}).Error() // safe for any value
	r.AddAttrs(slog.String("panic", strings.TrimPrefix(text, "panic: ")), slog.String("stack", stack))
	err := h.Handle(ctx, r)
	if !errs.Is(err, ErrClosed) && !h.core.writes(goroutineID()) {
		_ = h.Flush(ctx) // Health has what it did not bring out
	}
}

// writes reports whether a goroutine is the writer of a destination: that one cannot
// wait for its own sink.
func (c *core) writes(goroutine uint64) bool {
	for _, d := range c.destinations {
		if d.goroutine.Load() == goroutine {
			return true
		}
	}
	return false
}

// panicSite returns where the panic began that is being recovered, as a record wants
// it for its source, or 0.
func panicSite() uintptr {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	panicking := false
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if panicking && !strings.HasPrefix(f.Function, "runtime.") {
			return f.PC + 1 // slog takes it for a return address
		}
		panicking = panicking || f.Function == "runtime.gopanic"
	}
	return 0
}
