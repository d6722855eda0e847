// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
)

// Exit closes every handler of the program that is open, all of them at the same
// time, and then ends the program with os.Exit(code), which by itself would lose what
// is queued. Each handler takes as long as Config.CloseTimeout allows, or 10 seconds
// where that has no bound; what a Close could not bring to its sink stands on that
// handler's fallback. A Close that is under way then ends no later, whatever its context
// allows. As with os.Exit, deferred functions do not run.
//
// Exit never returns. It is safe for concurrent use: of several calls the first one's
// code counts. It may also be called by a deferred function, and by a sink, which is
// then abandoned with the records it has in hand. A handler that is made during the
// call may be missed.
func Exit(code int) {
	if exiting.Swap(true) {
		select {} // the first call ends the program
	}
	defer os.Exit(code) // whatever happens
	var closing sync.WaitGroup
	goroutine := goroutineID()
	for _, c := range living.all() {
		c.shared.reporter.closing(goroutine)
		closing.Go(c.exit)
	}
	closing.Wait()
}

var exiting atomic.Bool

// exit closes the handler for a program that ends, and leaves on the fallback what
// Close returns. It is bounded whoever calls Exit: that may be a sink, or what a sink
// waits for.
func (c *core) exit() {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience())
	defer cancel()
	err := (&Handler{core: c}).Close(ctx)
	select {
	case <-c.closed:
	default: // another Close has longer, which the program has not
		c.hasten()
		last, cancel := context.WithTimeout(context.Background(), 2*closeReserve)
		defer cancel()
		err = (&Handler{core: c}).Close(last)
	}
	if err != nil {
		c.shared.reporter.write(Event{Time: time.Now(), Kind: EventExit, Err: err}, telling{})
	}
}

// patience is Config.CloseTimeout, or its default where that has no bound.
func (c *core) patience() time.Duration {
	if c.config.CloseTimeout < 0 {
		return defaultCloseTimeout
	}
	return c.config.CloseTimeout
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

// living has every handler whose goroutines run, so it keeps none that would not be
// kept anyway.
var living registry

type registry struct {
	mu    sync.Mutex
	cores map[*core]struct{} // guarded by mu
}

func (r *registry) add(c *core) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cores == nil {
		r.cores = make(map[*core]struct{})
	}
	r.cores[c] = struct{}{}
}

func (r *registry) remove(c *core) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.cores, c)
}

func (r *registry) all() []*core {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*core
	for c := range r.cores {
		all = append(all, c)
	}
	return all
}

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
// and two seconds more if the record has to go to a fallback that hangs. Without a panic, and under runtime.Goexit, it does nothing.
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
