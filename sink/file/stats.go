// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"sync"
	"time"
)

// Stats is what a Sink did besides writing, since New. Counters never go back.
type Stats struct {
	Reopens        uint64 // times the file was opened anew: deleted, rotated by others, Reopen
	ReopenErrors   uint64 // times that failed, and the sink went on with the file it had
	Truncations    uint64 // times somebody else made the file shorter
	Rotations      uint64
	RotationErrors uint64 // failed rotations: the file grew on, and it is tried again
	Compressed     uint64 // rotated files
	CompressErrors uint64 // rotated files that stayed as they were, to be tried again
	Removed        uint64 // rotated files, for MaxFiles, MaxAge and MaxTotal
	RemoveErrors   uint64 // rotated files that could not be removed, or not be listed
	Syncs          uint64
	SyncErrors     uint64
	LastError      string // of any kind above; empty if there was none
	LastErrorTime  time.Time
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
