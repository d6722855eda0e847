// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Exit closes every handler of the program that is open, all of them at the same
// time, and then ends the program with os.Exit(code), which by itself would lose what
// is queued. Each handler takes as long as Config.CloseTimeout allows, or 10 seconds
// where that has no bound; what a Close could not bring to its sink stands on that
// handler's fallback. A Close that is under way, and has longer, is told to end then,
// which may take 400 ms more; and a fallback that hangs adds two seconds. As with
// os.Exit, deferred functions do not run.
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
		c.shared.reporter.write(Event{Time: time.Now(), Kind: EventExit, Err: err}, 0)
	}
}

// patience is Config.CloseTimeout, or its default where that has no bound.
func (c *core) patience() time.Duration {
	if c.config.CloseTimeout < 0 {
		return defaultCloseTimeout
	}
	return c.config.CloseTimeout
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
