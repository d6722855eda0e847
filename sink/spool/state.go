// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"sync"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/sink"
)

// Mode is what a Sink does with a batch.
type Mode string

const (
	// Through: the inner sink gets it at once, and the spool is empty.
	Through Mode = "through"

	// Spooling: it goes to the spool, and the inner sink takes nothing, or what it is to
	// get next cannot be read.
	Spooling Mode = "spooling"

	// Replaying: it goes to the spool, and the inner sink is taking what is there.
	Replaying Mode = "replaying"
)

// State is the state of a Sink at one moment, a plain value. Counters are of this
// process and never go back.
type State struct {
	Mode Mode `json:"mode"`

	// Records is how many are in the spool, those of earlier runs included, Bytes
	// what it takes on the disk of the MaxBytes that it may, and Segments in how
	// many files.
	Records  uint64 `json:"records"`
	Bytes    int64  `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"`
	Segments int    `json:"segments"`

	// Oldest is when the records were spooled that the inner sink was given last,
	// if it has not taken them yet.
	Oldest time.Time `json:"oldest,omitzero"`

	// Spooled is how many records came into the spool, and Replayed how many the
	// inner sink took from it, those of earlier runs included.
	Spooled  uint64 `json:"spooled"`
	Replayed uint64 `json:"replayed"`

	// Damaged is how many records were lost because a segment was damaged or
	// removed, as far as that can be told, and Torn how often a process had ended
	// in the middle of spooling a batch, which nobody was told was taken.
	Damaged uint64 `json:"damaged"`
	Torn    uint64 `json:"torn"`

	// Quarantined is how many segments are kept in the folder, as *.bad, because they
	// are damaged or of another version, those from before Open included. While there
	// are any the sink is not well: look at them, and move them away before the next
	// Open, which counts anew.
	Quarantined int `json:"quarantined"`

	// Failures is how often the inner sink failed, or was waited for in vain.
	Failures uint64 `json:"failures"`

	// LastError is of the inner sink or of the spool; empty if there was none.
	LastError     string    `json:"last_error,omitempty"`
	LastErrorTime time.Time `json:"last_error_time,omitzero"`

	// Inner is the state of the inner sink, if it shows one.
	Inner any `json:"inner,omitempty"`
}

// books is what State and Held tell. Its lock is never held during a system call.
type books struct {
	mu     sync.Mutex
	state  State        // guarded by mu
	failed bool         // guarded by mu: the last call of the inner sink, or it was waited for in vain, or the last read
	held   uint64       // guarded by mu
	lost   uint64       // guarded by mu
	errors errs.Tracker // the last of each kind
}

// State returns the state of the sink, as a State, and reports whether somebody
// should look at it: the inner sink takes nothing or is not well itself, or a segment
// cannot be read, or was quarantined. It may be called at any time from any goroutine
// and waits for no disk.
func (s *Sink) State() (state any, degraded bool) {
	s.books.mu.Lock()
	st, degraded := s.books.state, s.books.failed
	degraded = degraded || st.Quarantined > 0
	s.books.mu.Unlock()
	for _, e := range s.books.errors.Snapshot() {
		if e.Time.After(st.LastErrorTime) {
			st.LastError, st.LastErrorTime = e.Last, e.Time
		}
	}
	if inner, ok := s.inner.(sink.Stater); ok {
		var worse bool
		st.Inner, worse = innerState(inner)
		degraded = degraded || worse
	}
	return st, degraded
}

// innerState calls State and contains its panics.
func innerState(s sink.Stater) (state any, degraded bool) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			state, degraded = err.Error(), true
		}
	}()
	return s.State()
}

// Held returns how many of the records that this process has given to the sink are
// in the spool: the inner sink does not have them yet. Those of earlier runs do not
// count. It may be called at any time from any goroutine and waits for no disk;
// after Close it is what was left for the next run.
func (s *Sink) Held() uint64 {
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	return s.books.held
}

// Lost returns how many of the records that this process has given to the sink were
// lost in the spool, because a segment was damaged or removed: those of State.Damaged
// that are not of earlier runs. It may be called as Held may.
func (s *Sink) Lost() uint64 {
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	return s.books.lost
}

// note counts an error.
func (s *Sink) note(op string, err error) {
	s.books.errors.Note(time.Now(), op, err)
}

// publish brings the books up to date. The caller holds mu.
func (s *Sink) publish() {
	t := &s.store
	b := &s.books
	b.mu.Lock()
	defer b.mu.Unlock()
	st := &b.state
	b.failed = s.failing || s.unread
	st.Records, b.held = 0, 0
	if !t.empty() {
		st.Records = t.next - min(t.taken, t.next)
		b.held = t.next - min(max(t.taken, t.from), t.next)
	}
	b.lost = t.lost
	st.Bytes, st.MaxBytes, st.Segments = t.bytes, t.maxBytes, len(t.segments)+len(t.spent)
	st.Spooled = t.next - t.from
	st.Replayed, st.Failures = s.replayed, s.failures
	st.Damaged, st.Torn, st.Quarantined = t.damaged, t.torn, t.quarantined
	st.Oldest = time.Time{}
	switch {
	case t.empty():
		st.Mode = Through
		return
	case b.failed:
		st.Mode = Spooling
	default:
		st.Mode = Replaying
	}
	if s.hand != nil && s.hand.stored {
		st.Oldest = s.hand.when
	}
}
