// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/internal/stdfd"
)

// A keeper has the goroutines that look after rotated files: one removes, and one
// compresses, so that what is beyond the limits never waits for a compression. They
// share nothing with the sink but its statistics: what there is to do is in the folder.
type keeper struct {
	sys        system // immutable, as those up to stats
	path       string
	compressor Compressor
	opts       Options
	stats      *statistics

	told site      // guarded by Sink.mu: the last that was sent to work
	work chan site // capacity 1, for the goroutine that removes: look there

	settled chan site     // capacity 1, for the one that compresses: nothing there is beyond the limits
	spared  chan struct{} // capacity 1, for the one that removes: what it left to a compression is free

	quit chan struct{}
	last context.Context // of stop; set before quit is closed
	late bool            // owned by the goroutine that removes: last ended before it had removed all

	removing    chan struct{} // closed when that goroutine has ended
	compressing chan struct{} // the same

	mu       sync.Mutex  // held while a file is removed or the folder listed: see take and rename
	packing  string      // guarded by mu; the file that is being compressed; empty for none
	unwanted atomic.Bool // that file is beyond the limits; changed with mu held
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
		work: make(chan site, 1), settled: make(chan site, 1), spared: make(chan struct{}, 1),
		quit: make(chan struct{}), removing: make(chan struct{}), compressing: make(chan struct{}),
	}
	go k.removeAlways()
	if s.opts.Compress != "" {
		go k.compressAlways()
	} else {
		close(k.compressing)
	}
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

// stop ends the keeper, which removes what is beyond the limits before, and compresses
// nothing any more. It waits for that as long as ctx allows.
func (k *keeper) stop(ctx context.Context) error {
	k.last = ctx
	close(k.quit)
	for _, ended := range []chan struct{}{k.removing, k.compressing} {
		select {
		case <-ended:
		case <-ctx.Done():
			// Only a disk that does not answer, or a compressor, holds it up.
			return fmt.Errorf("hydra: the keeper of the rotated files of %q does not end: %w", k.path, ctx.Err())
		}
	}
	if k.late {
		return fmt.Errorf("hydra: there was no time to remove all rotated files of %q that are beyond the limits: %w", k.path, ctx.Err())
	}
	return nil
}

func (k *keeper) stopping() bool {
	select {
	case <-k.quit:
		return true
	default:
		return false
	}
}

// overtime reports whether the keeper is to end, and the time for that is over.
func (k *keeper) overtime() bool { return k.stopping() && k.last.Err() != nil }

// Age comes without any event, and what failed is tried again.
const often, seldom = time.Minute, time.Hour

// removeAlways removes what is beyond the limits, whenever there is a new file or the
// time has come, and for the last time when the keeper is to end.
func (k *keeper) removeAlways() {
	defer close(k.removing)
	timer := time.NewTimer(seldom)
	defer timer.Stop()
	var at site
	for {
		fresh := false
		select {
		case at = <-k.work:
			fresh = true
		case <-k.spared:
		case <-timer.C:
		case <-k.quit:
			k.removeLast(at)
			return
		}
		wait := seldom
		if !k.prune(at) {
			wait = often
		}
		timer.Reset(wait)
		if fresh {
			k.settle(at)
		}
	}
}

// removeLast removes what is beyond the limits when the keeper is to end: at once, and
// what is in the hands of a compression when that has ended.
func (k *keeper) removeLast(at site) {
	select {
	case at = <-k.work:
	default:
	}
	if at == (site{}) {
		return // it has never been told to look anywhere
	}
	k.prune(at)
	select {
	case <-k.compressing:
	case <-k.last.Done():
		k.late = true
		return
	}
	select {
	case <-k.spared:
		k.prune(at)
	default:
	}
}

// settle has the files at a site compressed.
func (k *keeper) settle(at site) {
	select {
	case <-k.settled: // it was not begun, and is here, or was left
	default:
	}
	k.settled <- at // nobody else sends: there is room
}

// compressAlways compresses what is settled, and again what failed.
func (k *keeper) compressAlways() {
	defer close(k.compressing)
	timer := time.NewTimer(seldom)
	defer timer.Stop()
	var at site
	for {
		select {
		case at = <-k.settled:
		case <-timer.C:
		case <-k.quit:
			return
		}
		wait := seldom
		if at != (site{}) && !k.compressAll(at) {
			wait = often
		}
		k.spare() // other processes may have found it in use
		timer.Reset(wait)
	}
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
