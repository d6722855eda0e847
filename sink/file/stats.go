// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"sync"
	"time"
)

// Stats is what a Sink did besides writing, since New. Counters never go back.
type Stats struct {
	Reopens        uint64    `json:"reopens"`       // times the file was opened anew: deleted, rotated by others, Reopen
	ReopenErrors   uint64    `json:"reopen_errors"` // times that failed, and the sink went on with the file it had
	Truncations    uint64    `json:"truncations"`   // times somebody else made the file shorter
	Rotations      uint64    `json:"rotations"`
	RotationErrors uint64    `json:"rotation_errors"` // failed rotations: the file grew on, and it is tried again
	Compressed     uint64    `json:"compressed"`      // rotated files
	CompressErrors uint64    `json:"compress_errors"` // rotated files that stayed as they were, to be tried again
	Removed        uint64    `json:"removed"`         // rotated files, for MaxFiles, MaxAge and MaxTotal
	RemoveErrors   uint64    `json:"remove_errors"`   // rotated files that could not be removed, or not be listed
	Syncs          uint64    `json:"syncs"`
	SyncErrors     uint64    `json:"sync_errors"`
	LastError      string    `json:"last_error,omitempty"` // of any kind above; empty if there was none
	LastErrorTime  time.Time `json:"last_error_time,omitzero"`
}

// statistics is Stats with a lock.
type statistics struct {
	mu sync.Mutex
	s  Stats // guarded by mu
}

func (t *statistics) count(what *uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*what++
}

func (t *statistics) failed(what *uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*what++
	t.s.LastError, t.s.LastErrorTime = err.Error(), time.Now()
}

func (t *statistics) copy() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.s
}

// State returns the Stats, and whether anything went wrong within the last minute,
// for hydra.Health. It never waits for the disk.
func (s *Sink) State() (state any, degraded bool) {
	stats := s.Stats()
	return stats, time.Since(stats.LastErrorTime) < time.Minute
}
