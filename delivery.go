// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"fmt"
	"strings"
)

// Delivery says what a Flush or a Close brought where, at one destination.
type Delivery struct {
	// Destination is its name.
	Destination string

	// Written is how many records the sink took during the call. After a Flush those
	// count, too, that a sink keeps until its target takes them, such as a spool: it says
	// how many it keeps, but not which, and they may be of before. Health has them as
	// Spooled.
	Written uint64

	// Fallback is how many went to the fallback instead.
	Fallback uint64

	// Spooled is how many wait for the next start of the program: in a durable queue,
	// those included that an earlier process left there and that have not been
	// recovered, or, after a Close, with a sink that keeps records until its target takes
	// them.
	Spooled uint64

	// Dropped is how many were lost.
	Dropped uint64

	// Unknown is how many had come to no end when the call returned. After a
	// Close they are with a sink that has not returned: it may have written them
	// or not, and they are not written again. Or they are in the queue, behind a log
	// call that the system has stopped while it copied its record in: when it goes on
	// they count as dropped, or as spooled in a durable queue. After a Flush they are
	// still on their way, in the queue or with the sink.
	Unknown uint64

	// Err is what the sink's Flush, Sync or Close returned, the end of the context that
	// cut the wait short, or that the sink has not returned; nil if none of these.
	// Why a Write failed is in Health, under Errors.
	Err error
}

// failed reports whether a record did not reach the sink, or the sink failed.
func (d *Delivery) failed() bool {
	return d.Fallback > 0 || d.Spooled > 0 || d.Dropped > 0 || d.Unknown > 0 || d.Err != nil
}

// DeliveryError is what Flush and Close, and a log call from SyncLevel up, return when
// not every record reached its sink. It wraps the errors of sinks and of the context.
type DeliveryError struct {
	// Op is "flush", "close" or "log".
	Op string

	// Deliveries are the destinations at which something went wrong.
	Deliveries []Delivery

	// Err is the end of the context, if that is what ended the call.
	Err error
}

// Error returns the whole account in one line.
func (e *DeliveryError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "hydra: %s", e.Op)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	unknown := "unknown"
	if e.Op != "close" {
		unknown = "still on their way"
	}
	for i, d := range e.Deliveries {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%sdestination %q: %d written, %d to the fallback, %d dropped, %d %s",
			sep, d.Destination, d.Written, d.Fallback, d.Dropped, d.Unknown, unknown)
		if d.Spooled > 0 {
			fmt.Fprintf(&b, ", %d wait for the next start", d.Spooled)
		}
		if d.Err != nil {
			fmt.Fprintf(&b, " (%v)", d.Err)
		}
	}
	return b.String()
}

// Unwrap returns the errors of the context and of the sinks.
func (e *DeliveryError) Unwrap() []error {
	var all []error
	if e.Err != nil {
		all = append(all, e.Err)
	}
	for _, d := range e.Deliveries {
		if d.Err != nil {
			all = append(all, d.Err)
		}
	}
	return all
}
