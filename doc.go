// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package hydra is a slog.Handler whose log calls never wait for a sink, be it a disk,
// a pipe or a network, unless asked to. The caller encodes its record, puts the bytes
// into a lock-free bounded queue and goes on; a goroutine per destination takes them
// from there, many at a time. What cannot be delivered is delivered elsewhere or
// counted, and nothing disappears in silence.
//
// A program that used slog.NewJSONHandler changes one line and adds another:
//
//	h := hydra.NewJSONHandler(os.Stdout, nil)
//	defer h.Close(context.Background())
//	slog.New(h).Info("hello", "to", "the world")
//
// A program with several kinds of records describes them as layers in a Config.
//
// # Words
//
//   - record: one slog.Record, with the attributes and groups of its logger
//   - layer: a named part of the program, with a level and destinations
//   - destination: a format, a sink, a queue and its policy, under a layer
//   - format: turns a record into bytes; see package format
//   - sink: takes batches of encoded records; see package sink
//   - queue: the bounded ring in front of a sink
//   - policy: what a full queue does: DropOldest, Block, Error
//   - writer: the one goroutine that owns a destination's sink
//   - fallback: the synchronous way out when a destination cannot take a record
//   - gap marker: the record a writer puts into the stream where records are
//     missing
//
// # The layer of a record
//
// It is what is found first:
//
//  1. the attribute Config.LayerKey ("layer") of the record, or else of its
//     context
//  2. the same attribute given with Logger.With; the last one counts
//  3. the open groups: WithGroup("db").WithGroup("pool") is db.pool, and the
//     longest prefix that is the name of a layer counts
//  4. Layer.Match, held against attributes given with Logger.With, or else against
//     those of the record and of its context
//  5. the layer "default"
//
// Groups and attributes stay in the output as slog writes them. Where nothing but
// "default" and "*" is configured no record is searched.
//
// # Guarantees
//
//   - Each record that is offered to a destination is, at every moment, in one
//     term of: offered = written + fallback + dropped + rejected + spooled + pending.
//   - The records of one goroutine keep their order at each destination.
//   - A record is written whole or not at all, whatever its size, also when a
//     write failed half-way and is tried again.
//   - A sink that stands still, fails or panics changes nothing elsewhere, but for
//     what a log call that waits for it, under Block or from SyncLevel up, logs later.
//   - A log call never waits for a sink, unless asked to by Block or SyncLevel. A record
//     that cannot enter the queue (it is too large, memory is short, the handler is
//     closed) goes to the fallback on the goroutine of the call, which waits there for
//     two seconds at most.
//   - Flush and Close return by the end of their context; Close takes up to 200 ms
//     more where that was cancelled or had ended before. Close joins every goroutine
//     whose sink returns.
//   - A panic in a LogValuer, a MarshalJSON, a ReplaceAttr, a sink or a callback is
//     contained and visible.
//   - hydra never logs about itself through slog or log.
//   - When a log call has returned, the caller may change what it logged.
//
// # When may I exit?
//
// When Close has returned nil: every record that was on its way is in its sink.
// When it has returned an error, that error says how many of them, of which
// destination, are where. What had been lost or gone to the fallback before the
// call is not in it: Health has that. A program that ends without Close, by
// os.Exit, log.Fatal or a panic that nobody recovers, loses what is in the
// queues: usually the last ten milliseconds; a durable queue (Destination.Durable)
// loses nothing. Exit, in place of os.Exit, closes
// every handler first, and a deferred HandlePanic brings out what is queued, and the
// panic.
//
// Flush gives the same certainty at any other moment, as for a record that must
// be out before something dangerous is done.
//
// # Levels
//
// A level in a Config may be a *slog.LevelVar, and may then be changed at any
// time. Enabled says whether any destination would take a record of that level,
// since which one it is only its attributes decide; Handle then looks at the
// levels of the layer and of each destination.
package hydra
