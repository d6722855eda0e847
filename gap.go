// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"errors"
	"log/slog"
	"slices"
	"time"
)

// GapMessage is the message of a gap marker, the record that a writer puts into
// the stream where records are missing. Its attributes dropped, rejected and
// fallback say how many since the marker before and what became of them, and
// since says from when on; a reader finds the last record before the gap above
// the marker. Where a process has ended meanwhile, and who recovers what it left knows
// by Audit that numbers are missing, unknown says how many: they may have been dropped
// or be on the fallback.
const GapMessage = "hydra: records are missing here"

// missing is how many records the sink's stream lacks since the beginning.
type missing struct {
	dropped  uint64 // from any cause
	rejected uint64
	fallback uint64
	until    time.Time // when they were counted
}

// since returns how many more are missing than before.
func (m missing) since(before missing) missing {
	return missing{m.dropped - before.dropped, m.rejected - before.rejected, m.fallback - before.fallback, before.until}
}

// any reports whether a record is missing.
func (m missing) any() bool { return m.dropped+m.rejected+m.fallback > 0 }

// missing returns what is missing by now, but for what the sink took and lost: that
// is missing elsewhere in the stream.
func (d *destination) missing() missing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return missing{
		dropped:  d.books.missed + d.books.failed + d.contended.Load() + d.forfeited.Load(),
		rejected: d.rejected.Load(),
		fallback: d.books.fallback + d.bypassed.Load(),
		until:    time.Now(),
	}
}

// tellLosses reports the records that were lost since the last report, those
// included that the writer has yet to notice.
func (d *destination) tellLosses() {
	h := d.askHolder()
	d.mu.Lock()
	d.books.divide(h)
	lost := d.books.missed + d.books.unseen(d.queue) + d.books.failed + d.books.lost +
		d.contended.Load() + d.forfeited.Load() + d.rejected.Load()
	news := lost - d.told
	d.told = lost
	d.mu.Unlock()
	if news > 0 {
		d.shared.reporter.report(Event{
			Kind: EventDropped, Destination: d.config.Name, Count: news,
			Err: errors.New("they were dropped or rejected; Losses and Rejected in Health say why"),
		})
	}
}

// markGap puts a gap marker before the batch if records are missing since the
// last one, and reports those that are lost since the last report.
func (d *destination) markGap() {
	d.tellLosses()
	now := d.missing()
	b := &d.batch
	b.marked, d.marked = d.marked, now
	gap := now.since(b.marked)
	if !gap.any() {
		return
	}
	r := slog.NewRecord(now.until, slog.LevelWarn, GapMessage, 0)
	r.AddAttrs(slog.Uint64("dropped", gap.dropped), slog.Uint64("rejected", gap.rejected),
		slog.Uint64("fallback", gap.fallback), slog.Time("since", gap.until))
	marker, _ := d.plain.AppendRecord(nil, r, nil)
	if len(marker) == 0 {
		if d.trails.chain == nil {
			return // a format that writes nothing has filtered it
		}
		marker = []byte{'\n'} // the trail must not have a hole
	}
	b.bytes = slices.Insert(b.bytes, 0, marker...)
	b.ends = slices.Insert(b.ends, 0, 0)
	for i := range b.ends {
		b.ends[i] += len(marker)
	}
	b.notice = 1
	d.haul.bytes, d.haul.ends = b.bytes, b.ends // keep the room they grew
}

// owes reports whether there is something to do for the sink that no record may
// bring along: to open it, the rest of a torn record, or news of a gap.
func (d *destination) owes() bool {
	return !d.opened || d.torn != nil || len(d.orphans) > 0 || d.missing().since(d.marked).any()
}
