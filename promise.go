// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"fmt"

	"github.com/hydra-logger/hydra/sink"
)

// Promise is what a record has survived for sure. Each one includes those before it.
type Promise uint8

const (
	// Taken: hydra has the record, and it is written or accounted for, unless the
	// process ends before that. It is what the nil of Handle means.
	Taken Promise = iota

	// SurvivesProcess: the record is where the end of the process, of whatever kind,
	// does not reach it: in a durable queue, or in its sink, with the system or a peer.
	SurvivesProcess

	// SurvivesPower: the record is on the disk. Only sinks that can tell so promise
	// that, those that are a sink.Syncer, as package sink/file has them.
	SurvivesPower
)

// String returns the name of the promise as it is in the source.
func (p Promise) String() string {
	switch p {
	case Taken:
		return "Taken"
	case SurvivesProcess:
		return "SurvivesProcess"
	case SurvivesPower:
		return "SurvivesPower"
	}
	return "unknown"
}

// MarshalText returns what String does.
func (p Promise) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// FlushTo waits until p holds of every record that was accepted before the call. It
// returns what Flush does, with an error for each destination whose sink cannot
// promise p; its records are then as safe as Flush makes them. Package sink/spool keeps
// SurvivesProcess, and cannot promise SurvivesPower: what it passed on is with the sink
// behind it.
//
// Flush brings records as far as the options of each sink say, however far that is.
// FlushTo brings them as far as the caller says: not beyond, where it need not wait,
// and to the disk although a sink is not configured to sync.
//
// A failed sync is told to every FlushTo, and to every log call by SyncTo, whose
// records were with the sink by then and which has not returned; if there was no such
// FlushTo, to the next. A nil that was returned before holds, but for one case: what a
// durable queue had promised may be lost if the sink, one that is neither a sink.Syncer
// nor a sink.Exact, took it into a buffer, its Flush then fails, and the process dies
// before another succeeds.
func (h *Handler) FlushTo(ctx context.Context, p Promise) error {
	if p > SurvivesPower {
		return fmt.Errorf("hydra: flush: promise %d is unknown; use Taken, SurvivesProcess or SurvivesPower", p)
	}
	return h.flush(ctx, func(d *destination) *barrier {
		if p > Taken {
			d.keeps() // the queue promises it only as long as its file is there
		}
		if p <= d.queuePromise() {
			return nil
		}
		b := &barrier{target: d.queue.offered()}
		d.require(b, p)
		return b
	})
}

// queuePromise returns what holds of a record as soon as it is in the queue.
func (d *destination) queuePromise() Promise {
	if d.durable() && !d.heldBack.Load() {
		return SurvivesProcess
	}
	return Taken
}

// bringOut lets what the sink took of a batch leave the process, before the ring
// forgets it. Should that fail, a later Flush may do it; until then the queue promises
// nothing.
func (d *destination) bringOut(t *trace) {
	taken, owed := t.taken, t.owed
	t.taken, t.owed = false, 0 // also where the sink ends this goroutine: who goes on must not meet that again
	if taken && mayHoldBack(d.sink) {
		_ = d.flushSink() // counted, and FlushTo tells it
	}
	if owed > 0 && t.flying {
		t.ring.Done(owed)
	}
}

// flushSink has the sink flush.
func (d *destination) flushSink() error {
	err := errSinkEnded // if it does not return
	defer func() { d.heldBack.Store(err != nil) }()
	err = d.call("flush", d.sink.Flush)
	return err
}

// mayHoldBack reports whether a sink may have in a buffer what it took. What a Syncer
// or an Exact took has left the process.
func mayHoldBack(s sink.Sink) bool {
	_, syncs := s.(sink.Syncer)
	_, exact := s.(sink.Exact)
	return !syncs && !exact
}

// require makes b wait for a promise, beyond what the sink's Write gives.
func (d *destination) require(b *barrier, p Promise) {
	_, syncs := d.sink.(sink.Syncer)
	b.sync = p == SurvivesPower
	b.flush = p > Taken && !syncs // what a Syncer took has left the process
}

var (
	errNoSync     = errors.New("the sink cannot promise that records survive a loss of power; file sinks can")
	errSyncClosed = errors.New("the sink is closed, and was not asked before whether the disk has everything")
)

// sync makes what was written survive a loss of power.
func (d *destination) sync() error {
	s, ok := d.sink.(sink.Syncer)
	switch {
	case !ok:
		return errNoSync
	case !d.opened:
		return nil // nothing was written
	}
	return d.call("sync", s.Sync)
}
