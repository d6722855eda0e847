// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package spool puts a folder on the disk before a sink that may be away for long:
// a network, a disk that is full. While the sink takes what it is given, batches go
// straight through; while it does not, they are appended to files in the folder, and
// are brought to the sink in their order when it is back, by this process or by the
// next one.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/internal/goid"
	"github.com/hydra-logger/hydra/sink"
)

// Sink is a sink.Sink that puts a spool before another one, the inner sink.
//
// What Write took has been taken by the inner sink, or is in a file of the spool and
// survives the end of the process, whatever ended it; Options.Sync says what
// survives a loss of power. Order is kept. Nothing is dropped: a spool that is full
// refuses, and the records go the way of any sink that fails. No event tells that the
// spool has begun to keep records: watch Status in Health, which is degraded as long as
// it does, and SinkState.
//
// The inner sink gets every record at least once. What it is being given when the
// process ends it is given again by the next one, which begins with the first record
// that it did not take whole: up to 256 KiB, or one batch if that is larger. A segment
// that is delivered, and can be neither removed nor emptied until Close has returned,
// is delivered once more; till then it counts in State.Bytes, and is tried again.
//
// The files of a folder belong to one Sink at a time, which a lock sees to. A frame
// that is damaged is left out and counted, the others are delivered, and the file
// that has it is kept as *.bad. So is the rest of a segment whose reading has failed
// for a minute; until then it is tried again, and Close leaves it to the next Open.
// One that cannot be opened is waited for. Other files in the folder are left alone.
// What is lost in the spool, because somebody damages or removes a segment that waits,
// Lost counts, and Health as dropped. A folder that somebody renames while it is in use stays in
// use under its new name, where the next run does not look for it; one that is removed
// takes nothing until there is another one.
//
// Its methods are called one at a time, as those of any Sink, but for Held, Lost, State
// and Own. All calls of the inner sink are made by a goroutine of the Sink, one at a
// time. One that hangs delays a Write by Options.Patience, and is abandoned by Close.
type Sink struct {
	inner sink.Sink // immutable; called by the courier alone
	given string    // immutable, the folder as the user wrote it
	dir   string    // immutable, the folder as it was before the program could change directory
	opts  Options   // immutable, with defaults
	books books

	wake   chan struct{} // tells the courier that there is something new; capacity 1; made by Open
	done   chan struct{} // closed when the courier has ended; made by Open
	cancel context.CancelFunc

	courier   atomic.Uint64 // its goroutine; 0 before Open
	unflushed bool          // courier only: the inner sink took something since its last Flush
	op        string        // courier only: the call that it makes of the inner sink, or made last

	mu       sync.Mutex // guards everything below; not held while the inner sink is called
	running  bool
	closed   bool
	store    store
	hand     *parcel    // what the inner sink is being given; nil if nothing
	direct   parcel     // for what Write brings
	replay   parcel     // for what comes from the store
	lead     []byte     // the beginning of a record that the inner sink took, and whose rest the next Write brings
	torn     int        // bytes that it took of the first record in the store
	ends     []int      // scratch
	asked    chan error // what Flush waits for; nil if there is none
	opened   bool       // the inner sink is open
	calling  bool       // it has not returned from Write
	away     bool       // the courier is elsewhere: hand is not with it before it asks for it
	failing  bool       // its last call failed, or was waited for in vain
	unread   bool       // the oldest segment could not be opened or read
	leaving  bool       // the courier is to end, whatever is left
	ended    error      // of the inner sink's last calls; set when done is closed
	closing  context.Context
	failures uint64
	replayed uint64
}

var (
	_ sink.Holder = (*Sink)(nil)
	_ sink.Stater = (*Sink)(nil)
	_ sink.Runner = (*Sink)(nil)
)

// New returns a sink that puts a spool in the folder dir before inner. It touches
// nothing: Open makes the folder, if the one above it exists, and reports the
// mistakes in dir and opts, all of them at once. New copies opts; nil means the zero
// Options.
func New(inner sink.Sink, dir string, opts *Options) *Sink {
	s := &Sink{inner: inner, given: dir, dir: dir}
	if opts != nil {
		s.opts = *opts
	}
	s.opts = s.opts.withDefaults()
	if abs, err := filepath.Abs(dir); err == nil && dir != "" {
		s.dir = abs
	}
	return s
}

// Open takes the folder, which fails if another Sink or process has it, and starts
// to deliver what it holds. It does not wait for the inner sink, which may be away:
// one that cannot be opened is tried again, and State says what is wrong with it.
func (s *Sink) Open(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || s.closed {
		return s.wrap(errors.New("it was opened before: make another one"))
	}
	if mistakes := s.check(); len(mistakes) > 0 {
		for i, m := range mistakes {
			mistakes[i] = s.wrap(m) // each, as hydra.Open names the place of each
		}
		return errors.Join(mistakes...)
	}
	s.store = store{dir: s.dir, maxBytes: s.opts.MaxBytes, segmentBytes: s.opts.SegmentBytes, policy: s.opts.Sync, note: s.note}
	if err := s.store.open(); err != nil {
		return s.wrap(err)
	}
	s.wake, s.done = make(chan struct{}, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.running = true
	s.publish()
	go s.run(ctx) // ended, waited for and at worst abandoned by Close
	return nil
}

// Write gives the batch to the inner sink if the spool is empty, and waits for it
// for Options.Patience, or until ctx ends. Otherwise, and if the inner sink did not
// take all of it by then, it spools what is left, with one write to a file. It
// returns less than the batch only if the spool cannot take it: it is full, which is
// ErrFull, or its disk fails. A batch that the inner sink has in hand and the spool
// cannot take is waited for, whatever becomes of ctx.
func (s *Sink) Write(ctx context.Context, b sink.Batch) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		return 0, s.wrap(fs.ErrClosed)
	}
	defer s.publish()
	total := 0
	for i := 0; i < len(b.Ends); {
		upto := s.fit(b.Ends, i, total)
		end := b.Ends[upto-1]
		n, err := s.take(ctx, b.Bytes[total:end], b.Ends[i:upto], total)
		total += n
		if err != nil {
			s.note("write", err)
			return total, s.wrap(err)
		}
		i = upto
	}
	return total, nil
}

// fit returns up to which record those from i on, which begin at start, go into one
// segment.
func (s *Sink) fit(ends []int, i, start int) int {
	room := s.opts.SegmentBytes - headerSize
	if frameSize(ends[len(ends)-1]-start, len(ends)-i) <= room {
		return len(ends)
	}
	upto := i + 1
	for upto < len(ends) && frameSize(ends[upto]-start, upto+1-i) <= room {
		upto++
	}
	return upto
}

// take brings records to the inner sink or to the store, and returns how many bytes
// of p they took. The ends count from skip bytes before p. The caller holds mu.
func (s *Sink) take(ctx context.Context, p []byte, ends []int, skip int) (int, error) {
	lead := len(s.lead)
	s.ends = s.ends[:0]
	for _, end := range ends {
		s.ends = append(s.ends, end-skip+lead)
	}
	free := s.hand == nil && s.store.empty()
	if free && ctx.Err() == nil {
		return s.through(ctx, p)
	}
	whole := p
	if lead > 0 {
		whole = append(s.lead, p...)
	}
	if _, err := s.store.append(whole, s.ends); err != nil {
		return 0, err
	}
	if free {
		s.torn = lead
		s.tell()
	}
	s.lead = nil
	return len(p), nil
}

// through gives records, whose ends are in s.ends, to the courier and waits until the
// inner sink has them, or the store. The caller holds mu, which is let go meanwhile.
func (s *Sink) through(ctx context.Context, records []byte) (int, error) {
	p := &s.direct
	p.reset()
	p.bytes = append(append(p.bytes, s.lead...), records...)
	p.ends = append(p.ends, s.ends...)
	lead := len(s.lead)
	p.done = lead
	p.over = make(chan struct{})
	s.lead = nil
	s.hand = p
	s.wait(ctx, p, s.opts.Patience)
	if p.done == len(p.bytes) {
		return len(records), nil
	}
	err := s.keep(p)
	if err == nil {
		return len(records), nil
	}
	if s.away { // it has nothing of p, and will ask for it anew
		s.hand = nil
	} else {
		p.withdraw = true
		s.wait(context.WithoutCancel(ctx), p, 0) // until it is known what the inner sink took
	}
	if p.done == len(p.bytes) {
		return len(records), nil
	}
	if start := p.start(); start < p.done {
		s.lead = append([]byte(nil), p.bytes[start:p.done]...)
	}
	return p.done - lead, err
}

// wait waits until p is over, ctx ends or, unless it is 0, a time has passed. The
// caller holds mu, which is let go meanwhile.
func (s *Sink) wait(ctx context.Context, p *parcel, most time.Duration) {
	s.mu.Unlock()
	defer s.mu.Lock()
	s.tell()
	var timeout <-chan time.Time
	if most > 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-p.over:
	case <-timeout:
	case <-ctx.Done():
	case <-s.done: // the inner sink has ended the courier
	}
}

// keep puts what is left of p, which is in hand, into the store, which is empty. The
// caller holds mu.
func (s *Sink) keep(p *parcel) error {
	whole, start := p.whole(), p.start()
	s.ends = s.ends[:0]
	for _, end := range p.ends[whole:] {
		s.ends = append(s.ends, end-start)
	}
	first, err := s.store.append(p.bytes[start:], s.ends)
	if err != nil {
		return err
	}
	s.store.skip()
	p.stored, p.first, p.when = true, first-uint64(whole), time.Now()
	if s.failing = true; s.calling {
		s.failures++
		s.note("write", errors.New("the inner sink has not returned within Options.Patience, or the caller's time"))
	}
	return nil
}

// Flush makes what Write spooled as safe as Options.Sync says: with SyncFlush and
// SyncBatch it is on the disk when Flush returns nil, with SyncNever it is with the
// system. It does not wait until the inner sink has it, which may take as long as an
// outage; Held says how much that is. While the spool is empty it calls Flush of the
// inner sink, and waits for it for five seconds at most. It returns what went wrong
// with a sync since the last Flush.
func (s *Sink) Flush(ctx context.Context) error {
	s.mu.Lock()
	if !s.running {
		s.mu.Unlock()
		return nil
	}
	err := s.store.sync()
	var asked chan error
	if s.hand == nil && s.store.empty() && s.opened {
		asked = make(chan error, 1) // the courier does not wait for who has given up
		s.asked = asked
	}
	s.mu.Unlock()
	if asked != nil {
		s.tell()
		err = errors.Join(err, s.await(ctx, asked))
	}
	if err != nil {
		return s.wrap(err)
	}
	return nil
}

// flushMost bounds Flush, so that a sink that hangs does not keep records from being
// spooled.
const flushMost = 5 * time.Second

// await waits for the answer to what the courier was asked. Of what comes at one
// moment the answer counts, then that there will be none.
func (s *Sink) await(ctx context.Context, asked <-chan error) error {
	if err := ctx.Err(); err != nil {
		return err // even if there is an answer already
	}
	timer := time.NewTimer(flushMost)
	defer timer.Stop()
	var late error
	select {
	case err := <-asked:
		return err
	case <-s.done:
	case <-timer.C:
		late = fmt.Errorf("the inner sink has not flushed within %v", flushMost)
	case <-ctx.Done():
		late = ctx.Err()
	}
	select {
	case err := <-asked: // the courier gave it before it ended
		return err
	default:
	}
	select {
	case <-s.done:
		return errEnded
	default:
		return late
	}
}

// Close goes on bringing the spool to the inner sink until that fails, a segment cannot
// be opened or read, or the time of ctx is nearly over: a tenth of it is kept for the
// end, 200 ms at least and half of it at most. Then it closes the inner sink. What is
// left stays in the folder, where the next Open finds it, and is no error. An inner
// sink that does not return is abandoned with what it has in hand, which the next run
// delivers again.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.running {
		s.closed = true
		s.mu.Unlock()
		return nil
	}
	s.running, s.closed, s.closing = false, true, ctx
	s.mu.Unlock()
	s.tell()
	abandoned := s.endCourier(ctx)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	s.publish()
	err := s.store.close()
	if abandoned {
		err = errors.Join(err, errors.New("the inner sink does not return"))
	} else {
		err = errors.Join(s.ended, err)
	}
	if err != nil {
		return s.wrap(err)
	}
	return nil
}

// Own reports whether it is called by the inner sink, in a call of the Sink's.
func (s *Sink) Own() bool {
	if s.courier.Load() == goid.Current() {
		return true
	}
	inner, ok := s.inner.(sink.Runner)
	return ok && inner.Own()
}

// String returns the folder, and the inner sink if it has a name.
func (s *Sink) String() string {
	if inner, ok := s.inner.(fmt.Stringer); ok {
		return inner.String() + ", spool " + s.given
	}
	return fmt.Sprintf("%T, spool %s", s.inner, s.given)
}

func (s *Sink) wrap(err error) error { return fmt.Errorf("hydra: spool %q: %w", s.given, err) }
