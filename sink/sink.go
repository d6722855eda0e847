// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package sink defines what hydra writes to: a Sink takes batches of encoded
// records. Each kind of sink has a package of its own below this one.
package sink

import "context"

// Sink takes batches of encoded records to where they belong.
//
// A Sink belongs to one open handler at a time. Another handler, such as the next one
// when a configuration is read again, gets a Sink of its own, since the first to close
// would close that of both; two log files of one path are fine.
//
// One writer goroutine owns a sink: hydra never calls two of its methods at the
// same time, calls Open before anything else and nothing after Close. A method
// may block, fail, panic or call runtime.Goexit without harm to other destinations.
// It should return soon after its context ends; one that does not is abandoned at
// the end of Handler.Close. That is also when the context ends: until then it has no
// deadline, so a sink that may wait for long, such as one with a network behind it,
// needs a timeout of its own.
type Sink interface {
	// Open makes the sink ready. When it fails hydra sends the records to the
	// fallback and calls Open again later, so Open must be repeatable.
	Open(ctx context.Context) error

	// Write takes the records of b and returns how many bytes of b.Bytes it
	// took. It must return a non-nil error if n < len(b.Bytes), and must not
	// keep or change b or anything in it after it returns. After a short write
	// the next batch begins with the first byte that was not taken, so a sink
	// that sends record by record should stop at the end of one.
	Write(ctx context.Context, b Batch) (n int, err error)

	// Flush makes what was written as safe as the sink promises (a file that
	// was asked to syncs). It is called for Handler.Flush and before Close,
	// and before a durable queue forgets a batch, unless the sink is a Syncer or an
	// Exact: what Write took may be in a buffer that dies with the process.
	Flush(ctx context.Context) error

	// Close releases what Open took. It is called once.
	Close(ctx context.Context) error
}

// Holder is a Sink that keeps records itself before it delivers them, as one does
// that spools to the disk while its target is away.
type Holder interface {
	Sink

	// Held returns how many of the records that Write has taken since the Sink was
	// made wait in it, undelivered. Those that an earlier process left do not count.
	// Health counts these records as spooled and not as written, and Close returns an
	// error that names them if any are left once Close of the sink has returned.
	//
	// It may be called at any time, from any goroutine, while other methods run and
	// after Close. It must not block and must not log.
	Held() uint64

	// Lost returns how many of the records that Held counted are lost: they wait no
	// more, and will not be delivered. It never goes down. Health counts these records
	// as dropped, and Close returns an error that names those that were lost since it
	// was called. It may be called as Held may, and a record is in one of the two, or
	// in both for a moment, until it is delivered.
	Lost() uint64
}

// Batch is a run of whole encoded records, oldest first.
type Batch struct {
	// Bytes holds the records back to back, terminators included.
	Bytes []byte

	// Ends[i] is the offset in Bytes just past record i, so the last of Ends is
	// len(Bytes). A batch holds at least one record and no empty ones.
	Ends []int
}

// Len returns the number of records.
func (b Batch) Len() int { return len(b.Ends) }

// Record returns record i, terminator included. It aliases b.Bytes.
func (b Batch) Record(i int) []byte {
	start := 0
	if i > 0 {
		start = b.Ends[i-1]
	}
	return b.Bytes[start:b.Ends[i]:b.Ends[i]]
}

// Stater is a Sink that shows its own state in hydra.Health, as
// DestinationHealth.SinkState. Where that is degraded and has no error of its own,
// Health.String shows a state that is a text, or the fields "mode" and "last_error" of
// one that is an object in JSON.
type Stater interface {
	Sink

	// State returns what there is to show, a plain value that shares nothing with
	// the sink and marshals to JSON, and whether somebody should look at it, which
	// makes the status of the destination degraded if it is not worse anyway.
	//
	// Unlike the other methods it may be called at any time from any goroutine:
	// before Open, while another method runs or hangs, and after Close. It must not
	// wait for any of them, nor for a disk or a network.
	State() (state any, degraded bool)
}

// Regular is a Sink that may write to a regular file, which takes what it is given at
// the pace of a disk. Behind a pipe, a socket or a terminal there is a reader, and a
// buffer that hides how slow it is.
type Regular interface {
	Sink

	// Regular reports whether the sink writes to a regular file now. The batches of a
	// sink that does are up to 256 KiB long, as long as it takes 60 MB a second or more;
	// those of others, unless of one longer record, up to 64 KiB. It is called between
	// calls of Write, on the same goroutine, and must not block.
	Regular() bool
}

// Runner is a Sink with goroutines of its own that its Write or Flush waits for, as one
// has that calls another sink there.
type Runner interface {
	Sink

	// Own reports whether the goroutine that calls it is one of these. A log call on
	// such a goroutine, made by a library perhaps, does not wait for the sink, which
	// would wait for it: hydra calls Own on the goroutine of every log call, or Flush,
	// that is about to wait. It must not block and must not log.
	Own() bool
}
