// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package memory tells how much of the memory that the process may use is used,
// judged against the tightest of the host, its cgroup and GOMEMLIMIT.
package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The sources of a Reading.
const (
	Host       = "host"       // the machine: what is available without swapping
	Cgroup     = "cgroup"     // the process's cgroup or one above it, without inactive file cache
	GoMemLimit = "GOMEMLIMIT" // the runtime's soft limit, without garbage and free memory
)

// Reading is one look at the memory. Used, Limit and Percent are those of Source,
// which is the one with the highest Percent; they are zero and Source is "" when
// nothing could be read.
type Reading struct {
	Used    uint64    // bytes
	Limit   uint64    // bytes
	Source  string    // Host, Cgroup or GoMemLimit
	Percent float64   // of Limit, 0 to 100 and above
	RSS     uint64    // resident bytes of the process; off Linux what the Go runtime holds
	Time    time.Time // when it was taken; zero before the first
}

// Guard reads the memory at most once per interval, whoever asks. Its methods may
// be called from any goroutine. The zero value is ready; a Guard must not be copied
// after first use.
type Guard struct {
	// Interval is how long a reading is good for. Zero means 5 s. It must not
	// change after the first Read.
	Interval time.Duration

	last atomic.Pointer[result]

	mu     sync.Mutex // held by the one who reads
	host   func() (used, limit uint64, err error)
	files  fs.FS // the file system from its root; nil where there are no cgroups
	cgroup *cgroup
	proc   *process
}

// result is what Read returned, error included. It does not change.
type result struct {
	Reading
	err error
}

// Read returns the reading of the current interval, and takes it if nobody has.
// That costs a few tenths of a millisecond (on macOS without cgo it runs a program,
// and takes as long as that), the other calls some nanoseconds. While one caller
// takes a reading the others get the previous one, which before the first is the
// zero Reading. The error names what could not be read; the Reading is judged
// against the rest and is good. now comes from time.Now.
func (g *Guard) Read(now time.Time) (Reading, error) {
	if r := g.last.Load(); g.fresh(r, now) {
		return r.Reading, r.err
	}
	return g.look(now)
}

func (g *Guard) look(now time.Time) (Reading, error) {
	if !g.mu.TryLock() {
		if r := g.last.Load(); r != nil {
			return r.Reading, r.err
		}
		return Reading{}, nil
	}
	defer g.mu.Unlock()
	r := g.last.Load()
	if !g.fresh(r, now) { // nobody read between the two looks
		r = g.readLocked(now)
		g.last.Store(r)
	}
	return r.Reading, r.err
}

func (g *Guard) fresh(r *result, now time.Time) bool {
	interval := g.Interval
	if interval <= 0 {
		interval = 5 * time.Second
	}
	return r != nil && now.Sub(r.Time) < interval
}

func (g *Guard) readLocked(now time.Time) *result {
	if g.host == nil {
		g.host = host
		if runtime.GOOS == "linux" {
			g.files = os.DirFS("/")
		}
	}
	if g.proc == nil {
		g.cgroup = &cgroup{files: g.files}
		g.proc = newProcess(g.files)
	}
	r := &result{Reading: Reading{Time: now}}
	var problems []error
	judge := func(source string, used, limit uint64, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("memory: %s: %w", source, err))
		}
		if limit == 0 { // none
			return
		}
		if p := percent(used, limit); r.Source == "" || p > r.Percent {
			r.Used, r.Limit, r.Source, r.Percent = used, limit, source, p
		}
	}
	used, limit, err := g.host()
	judge(Host, used, limit, err)
	if g.files != nil {
		used, limit, err = g.cgroup.read()
		judge(Cgroup, used, limit, err)
	}
	used, limit, err = g.proc.read()
	judge(GoMemLimit, used, limit, err)
	r.RSS = g.proc.rss
	r.err = errors.Join(problems...)
	return r
}

func percent(used, limit uint64) float64 { return float64(used) / float64(limit) * 100 }
