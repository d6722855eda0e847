// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/internal/stdfd"
)

// A keeper is the goroutine that compresses and removes rotated files. It shares
// nothing with the sink but its statistics: what there is to do is in the folder.
type keeper struct {
	sys        system // immutable, as those up to stats
	path       string
	compressor Compressor
	opts       Options
	stats      *statistics

	site // owned by the goroutine: where it looks

	told site      // guarded by Sink.mu: the last that was sent to work
	work chan site // capacity 1: look there
	quit chan struct{}
	done chan struct{} // closed by the goroutine
}

// A site is where rotated files are, and what their names look like. Where the path is
// a link, that may change.
type site struct {
	dir     string
	pattern pattern
}

// keep starts the keeper of s. stop stops it and waits.
func keep(s *Sink) *keeper {
	k := &keeper{
		sys: s.sys, path: s.path, compressor: s.compressor, opts: s.opts, stats: &s.stats,
		work: make(chan site, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go k.run()
	return k
}

// lookAfter sees to it that somebody looks after the rotated files where the file is
// now, if they need that, and does so at once if there is a new one.
func (s *Sink) lookAfter(rotated bool) {
	if !s.regular || !s.opts.keeps() {
		return
	}
	if s.keeper == nil {
		s.keeper = keep(s)
	}
	k, here := s.keeper, site{filepath.Dir(s.name), s.pattern}
	if !rotated && k.told == here {
		return
	}
	select {
	case <-k.work: // what it has not looked at yet is here, or was left
	default:
	}
	k.told = here
	k.work <- here // nobody else sends: there is room
}

// stop ends the keeper and waits for it as long as ctx allows.
func (k *keeper) stop(ctx context.Context) error {
	close(k.quit)
	select {
	case <-k.done:
		return nil
	case <-ctx.Done():
		// Only a disk that does not answer holds it up.
		return fmt.Errorf("hydra: the keeper of the rotated files of %q does not end: %w", k.path, ctx.Err())
	}
}

func (k *keeper) stopping() bool {
	select {
	case <-k.quit:
		return true
	default:
		return false
	}
}

func (k *keeper) run() {
	defer close(k.done)
	// Age comes without any event.
	const often, seldom = time.Minute, time.Hour
	timer := time.NewTimer(seldom)
	defer timer.Stop()
	for {
		select {
		case k.site = <-k.work:
		case <-timer.C:
		case <-k.quit:
			return
		}
		wait := seldom
		if !k.tidy() {
			wait = often
		}
		timer.Reset(wait)
	}
}

// tidy does all that there is to do. It reports whether nothing has to be tried
// again soon. A compressor that panics is an error like others.
func (k *keeper) tidy() (done bool) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			k.stats.failed(&k.stats.s.CompressErrors, err)
			done = false
		}
	}()
	// What is going to be removed need not be compressed before.
	done = k.prune()
	if k.opts.Compress != "" && !k.stopping() {
		done = k.compressAll() && done
		done = k.prune() && done
	}
	return done
}

// open opens a file that nobody writes to, and keeps it so until it is closed.
func (k *keeper) open(path string) (*os.File, error) {
	f, err := k.sys.OpenFile(path, os.O_RDONLY|openFlags|noFollow, 0)
	if err != nil {
		return nil, err
	}
	if f, err = stdfd.Above(f); err != nil {
		return nil, err
	}
	if !lock(f, false) {
		return nil, errors.Join(errInUse, f.Close())
	}
	return f, nil
}
