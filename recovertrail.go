// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hydra-logger/hydra/internal/trail"
)

// This file is how an audit trail outlives its process. With each batch in flight the
// ring keeps where the trail stands behind it: who recovers the ring goes on from
// there, and ends the run.

// stateTold is what a ring keeps in place of a trail once the line is in flight that
// ends the run, or tells of the recovery: there must not be another.
var stateTold = []byte{1}

// stateBegun is what a ring of a run without a trail keeps once an earlier start has
// begun to recover it: should nothing else be left, the sink's stream has yet to tell.
var stateBegun = []byte{2}

// trailState appends what the ring keeps of the trail behind the batch in flight.
func (d *destination) trailState(dst []byte) []byte {
	t := &d.trails
	switch {
	case t.chain == nil:
		return dst
	case t.ending:
		return append(dst, stateTold...)
	}
	return t.chain.AppendKept(dst)
}

// trailMoved reports whether the trail stands elsewhere than the ring says.
func (d *destination) trailMoved() bool {
	if d.trails.chain == nil {
		return false
	}
	var room [trail.KeptSize]byte
	return !slices.Equal(d.trailState(room[:0]), d.trace.state)
}

// resumeTrail goes on with the trail of o's run, unless that was ended there already,
// and reports where "hydra audit" will not call it whole.
func (d *destination) resumeTrail(o *orphan) {
	state := o.ring.State()
	o.told, o.begun = slices.Equal(state, stateTold), slices.Equal(state, stateBegun)
	if o.told || o.begun {
		return
	}
	var key []byte
	if d.config.Audit != nil {
		key = d.config.Audit.Key
	}
	c, sameKey, err := trail.Resume(state, key)
	var trouble string
	switch audited := len(state) > 0; {
	case d.config.Audit == nil && !audited:
	case d.config.Audit == nil:
		trouble = "had Audit, and this destination has none: what it left gets no trail, and hydra audit will find its run open, and lines without a trail"
	case !audited:
		trouble = "had no Audit: what it left gets no trail, and hydra audit will find lines without one"
	case err != nil:
		trouble = "left a trail that cannot be read, as that of another version of hydra: what it left gets none, and hydra audit will find its run open, and lines without a trail"
	case !sameKey:
		o.chain = c
		trouble = "had another Audit.Key: what it left goes on in its numbers, which hydra audit proves without -key; with either key it will find lines with a wrong MAC, or none"
	default:
		o.chain = c
	}
	begun := err == nil && c.Begun
	if trouble != "" && (o.records() > 0 || begun) { // or else there is no line that anybody could miss
		d.shared.reporter.report(Event{
			Kind: EventTrail, Destination: d.config.Name, Count: o.records(),
			Err: fmt.Errorf("process %d %s", o.ring.Info().PID, trouble),
		})
	}
}

// trailState is what the ring keeps of the trail behind the batch.
func (o *orphan) trailState() []byte {
	switch {
	case o.told:
		return stateTold
	case o.chain == nil:
		return stateBegun
	}
	return o.chain.AppendKept(nil)
}

// stampRun puts trails on the records of the batch, which are those of the run, and
// before them a gap marker if numbers are missing there.
func (d *destination) stampRun(o *orphan) {
	if o.chain == nil {
		return
	}
	var stamped batch
	number := o.run.First
	d.tellMissing(o, &stamped, number)
	start := 0
	for _, end := range o.batch.ends {
		number++
		stamped.bytes = o.chain.Line(stamped.bytes, o.batch.bytes[start:end], number)
		stamped.ends = append(stamped.ends, len(stamped.bytes))
		start = end
	}
	o.batch = stamped
}

// tellMissing puts a gap marker into b, which is empty, if the trail has yet to come to
// the number last: the lines up to it are missing. Why, only their process knew.
func (d *destination) tellMissing(o *orphan, b *batch, last uint64) {
	if o.chain == nil || int64(last+1-o.chain.Next) <= 0 {
		return
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, GapMessage, 0)
	r.AddAttrs(slog.Uint64("unknown", last+1-o.chain.Next), slog.Time("since", o.ring.Info().Created))
	marker, _ := d.plain.AppendRecord(nil, r, nil)
	if len(marker) == 0 || len(marker) > markerMost {
		marker = []byte{'\n'} // the trail must not have a hole
	}
	b.bytes = o.chain.Gap(nil, marker, last)
	b.ends = []int{len(b.bytes)}
	b.notice = 1
}
