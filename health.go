// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"runtime"
	"time"
)

// Status is how well a handler or a destination does.
type Status uint8

const (
	// StatusOK: every record of the last minute reached its sink.
	StatusOK Status = iota

	// StatusDegraded: within the last minute a record was lost or took the
	// fallback, or a sink failed; or a sink shows that it is not well; or a queue is
	// past 80 %, or in memory where it was to be durable; or memory is above its limit.
	StatusDegraded

	// StatusFailing: a sink takes nothing. It fails, and records go to the
	// fallback, or it has not returned from a call for five seconds.
	StatusFailing
)

// String returns "ok", "degraded" or "failing".
func (s Status) String() string {
	switch s {
	case StatusOK:
		return "ok"
	case StatusDegraded:
		return "degraded"
	case StatusFailing:
		return "failing"
	}
	return "unknown"
}

// MarshalText returns what String does.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Health is the state of a handler at one moment. It is a plain value: it shares
// nothing with the handler, and marshals to JSON and back.
type Health struct {
	// Status is the worst of the destinations' and the memory's.
	Status Status `json:"status"`

	// Phase is where the handler is in its life.
	Phase Phase `json:"phase"`

	// Uptime is how long ago the handler was made.
	Uptime time.Duration `json:"uptime"`

	// Goroutines is how many the whole program has.
	Goroutines int `json:"goroutines"`

	// Memory is that of the program, read at most once in five seconds.
	Memory Memory `json:"memory"`

	// Destinations has one element for each.
	Destinations []DestinationHealth `json:"destinations"`

	// UnknownLayers counts how often records, or With, asked for a layer by a name
	// that is not configured, and got the default layer. At most 64 names are
	// kept, the others counted together. Nothing is unknown to a handler without
	// layers.
	UnknownLayers map[string]uint64 `json:"unknown_layers,omitempty"`

	// EventsMissed is how many events found 256 others waiting, or a callback or
	// a fallback that failed.
	EventsMissed uint64 `json:"events_missed"`
}

// Memory is how much of the memory that the program may use is used. Bytes.
type Memory struct {
	// Source is what is tightest: "host", "cgroup", which is the kernel's limit for a
	// group of processes, such as a container's, or "GOMEMLIMIT". The next
	// three fields are about it.
	Source  string  `json:"source"`
	Used    uint64  `json:"used"`
	Limit   uint64  `json:"limit"`
	Percent float64 `json:"percent"`

	// RSS is the resident memory of the program.
	RSS uint64 `json:"rss"`

	// High is whether Percent is above Config.MemoryLimit.
	High bool `json:"high"`
}

// DestinationHealth is the state of a destination. At every moment
//
//	Offered = Written + Fallback + Dropped + Rejected + Spooled + Pending
//
// and no counter ever goes back. Spooled and Pending are no counters: records leave
// them for another term.
type DestinationHealth struct {
	// Name and Policy are those of the Destination. Sink is what the sink's
	// String method returns, or else its type.
	Name   string `json:"name"`
	Sink   string `json:"sink"`
	Policy Policy `json:"policy"`

	// FallbackTo is the name of the destination that takes what this one's sink does
	// not; empty means Config.Fallback.
	FallbackTo string `json:"fallback_to,omitempty"`

	// Status is how well this destination does.
	Status Status `json:"status"`

	// Offered is how many records log calls brought here; a call that is still
	// waiting for room is not counted yet.
	Offered uint64 `json:"offered"`

	// Written is how many records the sink took, but for those in Spooled.
	Written uint64 `json:"written"`

	// Fallback is how many went to Config.Fallback instead, or to the destination
	// FallbackTo, where they are offered and counted once more. They do not come
	// back.
	Fallback uint64 `json:"fallback"`

	// Dropped is how many were lost. Losses says why.
	Dropped uint64 `json:"dropped"`

	// Rejected is how many were refused with ErrQueueFull under the policy Error.
	Rejected uint64 `json:"rejected"`

	// Spooled is how many of this run's records wait for better times: in a sink that
	// keeps them until its target takes them (see sink.Holder), and, once Close is
	// over, in a durable queue for the next start.
	Spooled uint64 `json:"spooled"`

	// Pending is how many are in the queue or with the writer.
	Pending uint64 `json:"pending"`

	Losses Losses      `json:"losses"`
	Queue  QueueHealth `json:"queue"`

	// Durable is about what makes the queue outlive the process; nil for a queue
	// that was not asked to.
	Durable *DurableHealth `json:"durable,omitempty"`

	// Truncated and EncodeErrors are how many records were cut at the format's
	// MaxRecord, and in how many a value panicked or could not be encoded.
	Truncated    uint64 `json:"truncated"`
	EncodeErrors uint64 `json:"encode_errors"`

	// TooLarge is how many records no room in the queue could hold. They are among
	// those in Fallback, or in Losses.FallbackFailed.
	TooLarge uint64 `json:"too_large"`

	// Bytes is how many bytes the sink took, gap markers included, and Batches in
	// how many calls.
	Bytes   uint64 `json:"bytes"`
	Batches uint64 `json:"batches"`

	// Retries counts tries of a batch after the first, PartialWrites those tries
	// that left a record half written, and GapMarkers the gap markers written, and
	// with Audit the line that ends the run.
	Retries       uint64 `json:"retries"`
	PartialWrites uint64 `json:"partial_writes"`
	GapMarkers    uint64 `json:"gap_markers"`

	// Errors are those of the sink, by kind.
	Errors []ErrorCount `json:"errors,omitempty"`

	// Recent is about the last minute.
	Recent Recent `json:"recent"`

	// Latency is the time from a record's Time to when the sink had taken it,
	// since the handler was made.
	Latency Latency `json:"latency"`

	// Trail is the run and the number of the last record that the sink took or a
	// gap marker in it told of, as in "q3Xw70aZ.17", if the destination has Audit.
	Trail string `json:"trail,omitempty"`

	// LastWrite is when the sink last took something.
	LastWrite time.Time `json:"last_write,omitzero"`

	// InCall is how long the sink has been in the call it is in; 0 if in none.
	InCall time.Duration `json:"in_call"`

	// SinkState is what the sink shows of itself, if it is a sink.Stater: how often a
	// file was rotated, how much a spool holds. Read back from JSON it is a map.
	SinkState any `json:"sink_state,omitempty"`
}

// Losses says why records were dropped.
type Losses struct {
	// Oldest were dropped by DropOldest.
	Oldest uint64 `json:"oldest"`

	// Contended were dropped under DropOldest because the queue was full and the
	// oldest record could not be freed for a moment.
	Contended uint64 `json:"contended"`

	// FallbackFailed had no other way out than the fallback, which failed, or
	// were still queued when the time of Close was over.
	FallbackFailed uint64 `json:"fallback_failed"`

	// Held were lost by a sink that kept them until its target would take them, as a
	// spool does whose files somebody removes. See sink.Holder.
	Held uint64 `json:"held"`
}

// QueueHealth is the state of a queue.
type QueueHealth struct {
	// Records and Bytes are what is in it now, RecordsMax and BytesMax its
	// bounds.
	Records    int   `json:"records"`
	RecordsMax int   `json:"records_max"`
	Bytes      int64 `json:"bytes"`
	BytesMax   int64 `json:"bytes_max"`

	// Highest is the most records that were seen in it.
	Highest int `json:"highest"`
}

// ErrorCount is the errors of one kind.
type ErrorCount struct {
	Kind  string    `json:"kind"` // such as "no space", "timeout", "panic"
	Count uint64    `json:"count"`
	Last  string    `json:"last"` // what the last one was
	Time  time.Time `json:"time"` // when that was
}

// Recent is what happened in the last minute.
type Recent struct {
	WrittenPerSecond float64 `json:"written_per_second"`
	Lost             uint64  `json:"lost"` // dropped, rejected, or to the fallback
	Errors           uint64  `json:"errors"`
}

// Latency is a distribution of durations, within 6 percent; Max is exact. Each counts
// modulo 71 minutes.
type Latency struct {
	P50 time.Duration `json:"p50"`
	P99 time.Duration `json:"p99"`
	Max time.Duration `json:"max"`
}

// Health returns the state of the handler. It takes some microseconds, and about
// half a millisecond when it is time to read the memory again. It never waits
// for a sink and is safe for concurrent use, also after Close.
func (h *Handler) Health() Health {
	c := h.core
	now := time.Now()
	m := c.shared.pressure.look(now)
	health := Health{
		Phase:      Phase(c.phase.Load()),
		Uptime:     now.Sub(c.shared.started),
		Goroutines: runtime.NumGoroutine(),
		Memory: Memory{
			Source: m.Source, Used: m.Used, Limit: m.Limit, Percent: m.Percent, RSS: m.RSS,
			High: c.shared.pressure.high.Load(),
		},
		UnknownLayers: c.router.unknown.snapshot(),
		EventsMissed:  c.shared.reporter.missed.Load(),
	}
	if health.Memory.High {
		health.Status = StatusDegraded
	}
	for _, d := range c.destinations {
		dh := d.health(now)
		health.Status = max(health.Status, dh.Status)
		health.Destinations = append(health.Destinations, dh)
	}
	return health
}

// callTooLong is when a sink that has not returned counts as failing.
const callTooLong = 5 * time.Second

// What a destination's window of the last minute counts.
const (
	recentWritten = iota
	recentLost
	recentErrors
)

// health returns the state of the destination.
func (d *destination) health(now time.Time) DestinationHealth {
	h := DestinationHealth{
		Name:         d.config.Name,
		Sink:         sinkName(d.sink),
		Policy:       d.config.Policy,
		FallbackTo:   d.config.Fallback,
		Truncated:    d.truncated.Load(),
		EncodeErrors: d.failed.Load(),
		TooLarge:     d.oversized.Load(),
		Latency: Latency{
			P50: d.latency.Quantile(0.5),
			P99: d.latency.Quantile(0.99),
			Max: d.latency.Max(),
		},
	}
	d.keeps() // an idle writer does not look
	d.tally(&h)
	d.mu.Lock()
	d.noteLosses(now)
	d.mu.Unlock()
	for _, e := range d.errors.Snapshot() {
		h.Errors = append(h.Errors, ErrorCount(e))
	}
	h.Recent = Recent{
		WrittenPerSecond: d.recent.Rate(now, recentWritten),
		Lost:             d.recent.Sum(now, recentLost),
		Errors:           d.recent.Sum(now, recentErrors),
	}
	if h.InCall = d.inCall(); h.InCall >= callTooLong {
		d.tellHanging()
		d.tellLosses()
	}
	var unwell bool
	h.SinkState, unwell = d.stateOfSink()
	switch {
	case d.broken.Load() || h.InCall >= callTooLong:
		h.Status = StatusFailing
	case h.Recent.Lost > 0 || h.Recent.Errors > 0 || d.high.Load() || unwell || h.Durable.inMemory():
		h.Status = StatusDegraded
	}
	return h
}

// tally fills in the counters. While it holds mu no record passes from the queue
// to the writer or from there to its end, and what log calls do meanwhile moves
// only the two ends of the queue: the sum is exact whenever it is taken.
func (d *destination) tally(h *DestinationHealth) {
	holding := d.askHolder()
	d.mu.Lock()
	defer d.mu.Unlock()
	b := &d.books
	b.divide(holding)
	missed := b.unseen(d.queue)
	offered := d.queue.offered() // last: it is never behind head
	rejected, contended, bypassed, forfeited := d.rejected.Load(), d.contended.Load(), d.bypassed.Load(), d.forfeited.Load()
	records, bytes := d.queue.depth()
	b.highest = max(b.highest, records) // whoever takes them may find fewer

	h.Offered = offered + rejected + contended + bypassed + forfeited
	h.Written, h.Spooled = b.shown, b.spooled+b.written-b.shown-b.lost
	h.Fallback = b.fallback + bypassed
	h.Losses = Losses{Oldest: b.missed + missed, Contended: contended, FallbackFailed: b.failed + forfeited, Held: b.lost}
	h.Dropped = h.Losses.Oldest + h.Losses.Contended + h.Losses.FallbackFailed + h.Losses.Held
	h.Rejected = rejected
	h.Pending = offered - b.next - missed + b.held + b.torn
	h.Queue = QueueHealth{
		Records: int(records), RecordsMax: d.config.Queue.Records,
		Bytes: int64(bytes), BytesMax: d.config.Queue.Bytes,
		Highest: int(max(b.highest, d.highMark.Load())),
	}
	h.Durable = d.durableHealth()
	h.Bytes, h.Batches = b.bytes, b.batches
	h.Retries, h.PartialWrites, h.GapMarkers = b.retries, b.partial, b.notices
	h.LastWrite = b.wrote
	h.Trail = d.lastTrail()
}

// noteLosses tells the window of the last minute what was lost since the last
// time. The caller holds mu.
func (d *destination) noteLosses(now time.Time) {
	b := &d.books
	losses := b.missed + b.unseen(d.queue) + b.failed + b.fallback + b.lost +
		d.rejected.Load() + d.contended.Load() + d.bypassed.Load() + d.forfeited.Load()
	if losses > b.losses {
		d.recent.Add(now, recentLost, losses-b.losses)
		b.losses = losses
	}
}
