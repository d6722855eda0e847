// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package sink

import "context"

// MaxPlace is the most bytes that a place of Exact.Trace may have.
const MaxPlace = 256

// Exact is a Sink that can tell, after the process has died, how much of a batch
// had arrived. A durable queue delivers every record exactly once to such a sink,
// and at least once to others: a process that dies between a Write and the note
// that it succeeded does not say which of the two came first.
type Exact interface {
	Sink

	// Trace gives the sink a function to call right before each system call that may
	// make the bytes [from, upto) of the batch that Write was given arrive; those before
	// from have arrived by then. place says, in the sink's own terms, where they go:
	// what a process that runs later, perhaps in another directory, needs to find them.
	// It has at most MaxPlace bytes; after a longer one the sink counts as having noted
	// nothing.
	//
	// A sink that learns better where they went may call it again for the same bytes.
	// The function copies place, does not block, and may be called during Write only. It
	// replaces the one given before; nil ends it. Trace is called before Open.
	Trace(note func(from, upto int, place []byte))

	// Arrived is called before the first Open of a later process, with the last place
	// that was noted and the bytes p that it was noted for; ends are the ends in p of
	// those records that end there, so the first and the last may be parts of records.
	// It returns how many bytes of p are where they should be: whole records from the
	// beginning of p, that is 0 or one of ends. What is there of the record behind them,
	// also from before p, it removes if nothing stands behind that, or else ends so that
	// no later record is joined to it: that record is delivered again as a whole, and
	// then those that follow.
	//
	// An error means that this cannot be known, or not be put in order, now; the
	// records are then delivered again, all of them.
	Arrived(ctx context.Context, place, p []byte, ends []int) (n int, err error)
}
