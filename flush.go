// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
)

var errOwnSink = errors.New("the sink itself asked for it, and would wait for itself")

// Flush waits until every record that was accepted before the call is in its
// sink, and the sinks have made it as safe as they promise. Records that are
// logged meanwhile are not waited for.
//
// It returns nil only then; otherwise a *DeliveryError that says, per
// destination, what went to the fallback, was dropped, or was still on its way
// when ctx ended. What had come to such an end before the call is not repeated:
// Health has it. It is safe for concurrent use. After Close it returns what it
// finds to be so, without waiting. A sink that calls it is told that its own
// destination cannot be waited for.
//
// How safe that is the options of each sink say: a file that was asked to syncs, and
// others are with the system. A sink that keeps records itself, a sink.Holder such as a
// spool, has them although their target may not: Health counts them as Spooled. FlushTo
// is Flush with a promise that the caller chooses.
func (h *Handler) Flush(ctx context.Context) error {
	return h.flush(ctx, func(d *destination) *barrier {
		return &barrier{target: d.queue.offered(), flush: true}
	})
}

// flush waits at barriers, one for each destination unless it is nil.
func (h *Handler) flush(ctx context.Context, barrierOf func(*destination) *barrier) error {
	if ctx == nil {
		ctx = context.Background()
	}
	c := h.core
	failure := &DeliveryError{Op: "flush"}
	barriers := make([]*barrier, len(c.destinations))
	for i, d := range c.destinations {
		if d.own() {
			failure.Deliveries = append(failure.Deliveries, Delivery{Destination: d.config.Name, Err: errOwnSink})
			continue
		}
		if barriers[i] = barrierOf(d); barriers[i] != nil {
			d.putBarrier(barriers[i])
			d.queue.call()
		}
	}
	for i, d := range c.destinations {
		if barriers[i] == nil {
			continue
		}
		if r := d.awaitBarrier(ctx, barriers[i]); r.failed() {
			failure.Deliveries = append(failure.Deliveries, r)
			if r.Unknown > 0 {
				failure.Err = ctx.Err()
			}
		}
	}
	if len(failure.Deliveries) == 0 {
		return nil
	}
	return failure
}
