// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/sink"
)

// open opens the sink.
func (d *destination) open() error {
	err := d.openSink()
	d.opened = err == nil
	return err
}

// openSink opens the sink, which is asked before what it has of what an earlier
// process gave it.
func (d *destination) openSink() error {
	d.adopt()
	d.askArrived()
	err := d.call("open", func(ctx context.Context) error {
		if s, ok := d.sink.(sink.Exact); ok && (d.queue.ring != nil || len(d.orphans) > 0) { // an orphan has a ring of its own
			s.Trace(func(from, upto int, place []byte) { d.tracing.note(from, upto, place) })
		}
		return d.sink.Open(ctx)
	})
	if err != nil {
		for _, o := range d.orphans {
			o.ring.Survived()
		}
	}
	return err
}

// openWithin opens the sink before the writer runs. A sink that opens after ctx
// has ended is closed again.
func (d *destination) openWithin(ctx context.Context) error {
	opened := make(chan error) // unbuffered: a result that nobody took is undone
	go func() {                // ends when the sink returns; nobody waits beyond ctx
		err := d.openSink()
		select {
		case <-ctx.Done():
			if err == nil {
				_ = d.call("close", d.sink.Close)
			}
			d.leaveOrphans()
		case opened <- err:
		}
	}()
	var err error
	select {
	case err = <-opened:
		if d.opened = err == nil; !d.opened {
			d.leaveOrphans()
		}
	case <-ctx.Done():
		err = fmt.Errorf("has not opened within %v", openTimeout)
	}
	if err != nil {
		return atPath(d.path+".Sink", err)
	}
	return nil
}

// atPath says of an error, or of each that errors.Join joined in it, where in the
// Config it is. Others that wrap several have a text of their own.
func atPath(path string, err error) error {
	if reflect.TypeOf(err) != joinError {
		return fmt.Errorf("hydra: %s: %w", path, err)
	}
	var all []error
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		all = append(all, atPath(path, e))
	}
	return errors.Join(all...)
}

var joinError = reflect.TypeOf(errors.Join(io.EOF))

// write hands records to the sink and holds it to its contract. Their ends count
// from skip bytes before p; in a ring, those lie base bytes into what is in flight.
func (d *destination) write(p []byte, ends []int, skip, base int) (n int, err error) {
	d.tracing.at, d.tracing.size = base+skip, len(p)
	d.ends = d.ends[:0]
	for _, end := range ends {
		d.ends = append(d.ends, end-skip)
	}
	err = d.call("write", func(ctx context.Context) error {
		var err error
		n, err = d.sink.Write(ctx, sink.Batch{Bytes: p, Ends: d.ends})
		return err
	})
	n = min(max(n, 0), len(p))
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
		d.noteError("write", err)
	}
	return n, err
}

// call calls the sink, contains its panics and counts its errors.
func (d *destination) call(op string, f func(context.Context) error) (err error) {
	d.stalled.Store(max(int64(time.Since(d.shared.started)), 1))
	d.lookout.Reset(lookEvery)
	defer func() {
		d.stalled.Store(0)
		d.lookout.Stop()
		if p := errs.Recovered(recover()); p != nil {
			err = p
		}
		if err != nil {
			d.noteError(op, err)
		}
	}()
	return f(d.shared.life)
}

// lookEvery is how often somebody looks after a writer whose sink keeps it. Most calls
// are over before.
const lookEvery = 200 * time.Millisecond

// lookInCall is what destination.lookout does: it looks after the writer, again and again
// until the call is over, or Close has abandoned the sink that is in it. It tells what
// the writer cannot as long as the sink keeps it.
func (d *destination) lookInCall() {
	if d.stalled.Load() == 0 || d.shared.life.Err() != nil {
		return
	}
	if d.queue.eighthFull() {
		d.shared.pressure.guard(time.Now())
	}
	if d.inCall() >= callTooLong {
		d.tellHanging()
		d.tellLosses()
	}
	d.lookout.Reset(lookEvery) // at worst once more than needed
}

// gaveUp reports whether a sink's error comes of the end of Close's time: the sink may
// be sound.
func (d *destination) gaveUp(err error) bool {
	return d.shared.life.Err() != nil && errs.Is(err, context.Canceled)
}

// explain says of such an error what it comes of.
func (d *destination) explain(err error) error {
	if d.gaveUp(err) {
		return fmt.Errorf("the time of Close was over: %w", err)
	}
	return err
}

func (d *destination) noteError(op string, err error) {
	now := time.Now()
	d.errors.Note(now, op, err)
	d.recent.Add(now, recentErrors, 1)
}

// holding is what a sink.Holder said of the first records that it took.
type holding struct{ took, held, lost uint64 }

// askHolder asks the sink, if it is a sink.Holder. The caller does not hold mu.
func (d *destination) askHolder() (h holding) {
	s, ok := d.sink.(sink.Holder)
	if !ok {
		return holding{took: math.MaxUint64}
	}
	defer func() {
		if errs.Recovered(recover()) != nil {
			h.held, h.lost = 0, 0
		}
	}()
	// In this order a record that is under way counts as not written, not as written.
	d.mu.Lock()
	h.took = d.books.written
	d.mu.Unlock()
	h.held = s.Held()
	h.lost = s.Lost()
	return h
}

// regular reports whether the sink is a sink.Regular that writes to a file.
func (d *destination) regular() (regular bool) {
	s, ok := d.sink.(sink.Regular)
	if !ok {
		return false
	}
	defer func() {
		if errs.Recovered(recover()) != nil {
			regular = false
		}
	}()
	return s.Regular()
}

// stateOfSink returns what a sink.Stater shows, and whether it is not well.
func (d *destination) stateOfSink() (state any, unwell bool) {
	s, ok := d.sink.(sink.Stater)
	if !ok {
		return nil, false
	}
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			state, unwell = err.Error(), true
		}
	}()
	return s.State()
}
