// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/internal/goid"
)

const (
	// retryFirst is the first pause after a failure.
	retryFirst = time.Millisecond

	// readPatience is how long a segment that cannot be read is tried before the rest
	// of it counts as damaged: disks behind a network, or behind several paths, fail
	// for seconds.
	readPatience = time.Minute

	// closeGrace is what an inner sink gets to return when the context of Close has
	// ended: hydra waits twice as long for a sink that was told to give up.
	closeGrace = 50 * time.Millisecond
)

var errEnded = errors.New("the inner sink has ended the goroutine that called it (runtime.Goexit): nothing more is delivered by this process")

// A task is what the courier does next. The zero task is to wait.
type task struct {
	open   bool         // open the inner sink
	parcel *parcel      // bring it
	asked  chan<- error // flush the inner sink
	spent  bool         // remove the oldest segment
	failed error        // the store cannot be read
	end    bool
}

// run is the courier, the goroutine that calls the inner sink.
func (s *Sink) run(ctx context.Context) {
	ended := false
	defer func() {
		if !ended {
			s.note(s.op, errEnded)
			s.endedByInner()
		}
		close(s.done)
	}()
	s.courier.Store(goid.Current())
	pause := retryFirst
	var failingSince time.Time // zero when the last read did not fail
	for {
		var err error
		switch t := s.next(); {
		case t.end:
			s.endInner(ctx)
			ended = true
			return
		case t.failed != nil:
			if err = t.failed; failingSince.IsZero() {
				failingSince = time.Now()
			}
			s.giveUp(err, time.Since(failingSince) >= readPatience)
		case t.open:
			err = s.call("open", func() error { return s.inner.Open(ctx) })
			s.openedInner(err)
		case t.asked != nil:
			t.asked <- s.flushInner(ctx)
		case t.spent:
			s.retire(ctx)
			failingSince = time.Time{}
		case t.parcel != nil:
			n := 0
			if n, err = s.bring(ctx, t.parcel); n > 0 {
				pause = retryFirst
				s.unflushed = true
			}
			failingSince = time.Time{}
		default:
			<-s.wake
			continue
		}
		if err == nil {
			pause = retryFirst
			continue
		}
		s.rest(pause)
		pause = min(2*pause, s.opts.RetryMost)
	}
}

// endedByInner notes that the inner sink has ended the courier.
func (s *Sink) endedByInner() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calling = false
	if s.store.lock == nil { // Close has abandoned us
		return
	}
	s.failing = true
	s.failures++
	s.publish()
}

// tell wakes the courier.
func (s *Sink) tell() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// rest waits for a part of the pause, or until something is new.
func (s *Sink) rest(pause time.Duration) {
	timer := time.NewTimer(pause/2 + rand.N(pause/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.wake:
	}
}

// next finds out what to do.
func (s *Sink) next() (t task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.away = t.open || t.asked != nil || t.spent }()
	if s.leaving {
		return task{end: true}
	}
	if asked := s.asked; asked != nil {
		s.asked = nil
		return task{asked: asked}
	}
	if s.hand != nil && s.hand.withdraw {
		close(s.hand.over)
		s.hand = nil
	}
	if s.hand == nil && s.closing != nil && s.store.empty() {
		return task{end: true}
	}
	if !s.opened {
		return task{open: true}
	}
	if s.hand != nil {
		return task{parcel: s.hand}
	}
	what, err := s.store.load(&s.replay)
	if s.unread = err != nil; s.unread {
		s.note("read", err)
		s.publish()
		return task{failed: err}
	}
	switch what {
	case records:
		s.hand = &s.replay
		s.hand.stored, s.hand.done = true, s.torn
		s.torn = 0
		s.publish()
		return task{parcel: s.hand}
	case spent:
		return task{spent: true}
	}
	return task{}
}

// bring gives the inner sink what is left of p and returns how much it took.
func (s *Sink) bring(ctx context.Context, p *parcel) (n int, err error) {
	b := p.left()
	s.mu.Lock()
	last := s.closing != nil
	s.calling = true
	s.mu.Unlock()
	err = s.call("write", func() error {
		var err error
		n, err = s.inner.Write(ctx, b)
		return err
	})
	n = min(max(n, 0), len(b.Bytes))
	if err == nil && n < len(b.Bytes) {
		err = io.ErrShortWrite
		s.note("write", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calling = false
	if s.store.lock == nil { // Close has abandoned us
		return n, err
	}
	defer s.publish()
	before := p.whole()
	p.done += n
	s.failing = err != nil
	if err != nil {
		s.failures++
	}
	if whole := p.whole(); p.stored && whole > before {
		s.replayed += uint64(whole - before)
		if serr := s.store.settle(p.first + uint64(whole)); serr != nil {
			s.note("cursor", serr)
		}
	}
	if p.done == len(p.bytes) {
		s.hand = nil
		if p.over != nil {
			close(p.over)
		}
	}
	if err != nil && n == 0 && last {
		s.leave()
	}
	return n, err
}

// openedInner notes what became of opening the inner sink.
func (s *Sink) openedInner(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store.lock == nil { // Close has abandoned us
		return
	}
	if s.opened = err == nil; s.opened {
		s.failing = false
	} else {
		s.failing = true
		s.failures++
		if s.closing != nil {
			s.leave()
		}
	}
	s.publish()
}

// leave lets the courier end without a pause. The caller holds mu.
func (s *Sink) leave() {
	s.leaving = true
	s.tell()
}

// giveUp leaves out what cannot be read, if it was tried for long. What cannot be
// opened is waited for. Close does neither: it leaves both to the next Open.
func (s *Sink) giveUp(why error, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.store.lock == nil: // Close has abandoned us
	case s.closing != nil:
		s.leave()
	case late:
		s.store.giveUp(why)
		s.publish()
	}
}

// retire removes the oldest segment, after the inner sink has made safe what was in
// it, if the disk is to be waited for at all.
func (s *Sink) retire(ctx context.Context) {
	if s.opts.Sync != SyncNever {
		_ = s.flushInner(ctx) // noted; keeping the segment would not help
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store.lock == nil {
		return
	}
	if err := s.store.retire(); err != nil {
		s.note("remove", err)
	}
	s.publish()
}

// flushInner flushes the inner sink.
func (s *Sink) flushInner(ctx context.Context) error {
	err := s.call("flush", func() error { return s.inner.Flush(ctx) })
	s.unflushed = s.unflushed && err != nil
	return err
}

// call calls the inner sink, contains its panics and notes its errors.
func (s *Sink) call(op string, f func() error) (err error) {
	s.op = op
	defer func() {
		if p := errs.Recovered(recover()); p != nil {
			err = p
		}
		if err != nil {
			s.note(op, err)
		}
	}()
	return f()
}

// endCourier waits for the courier as Close says, and reports whether it had to be
// abandoned.
func (s *Sink) endCourier(ctx context.Context) (abandoned bool) {
	defer s.cancel()
	patient, grace := ctx, closeGrace
	if end, ok := ctx.Deadline(); ok {
		left := time.Until(end)
		grace = max(min(max(left/10, 200*time.Millisecond), left/2), 0)
		var cancel context.CancelFunc
		patient, cancel = context.WithDeadline(ctx, end.Add(-grace))
		defer cancel()
	}
	select {
	case <-s.done:
		return false
	case <-patient.Done():
	}
	s.mu.Lock()
	s.leave()
	s.mu.Unlock()
	s.cancel()
	timer := time.NewTimer(max(grace, closeGrace))
	defer timer.Stop()
	select {
	case <-s.done:
		return false
	case <-timer.C:
		return true
	}
}

// endInner closes the inner sink, with what Close was given.
func (s *Sink) endInner(ctx context.Context) {
	s.mu.Lock()
	opened, closing := s.opened, s.closing
	s.mu.Unlock()
	if !opened {
		return
	}
	var err error
	if s.unflushed && ctx.Err() == nil {
		err = s.flushInner(ctx)
	}
	err = errors.Join(err, s.call("close", func() error { return s.inner.Close(closing) }))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = err
}
