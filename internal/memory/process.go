// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package memory

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
)

// process reads the figures of this process. It belongs to the holder of Guard.mu.
type process struct {
	files   fs.FS // nil off Linux
	samples []metrics.Sample
	rss     uint64
}

// The samples, in the order of their use in read.
const (
	mapped = iota
	released
	free
	objects
	live
	softLimit
)

func newProcess(files fs.FS) *process {
	return &process{files: files, samples: []metrics.Sample{
		mapped:    {Name: "/memory/classes/total:bytes"},
		released:  {Name: "/memory/classes/heap/released:bytes"},
		free:      {Name: "/memory/classes/heap/free:bytes"},
		objects:   {Name: "/memory/classes/heap/objects:bytes"},
		live:      {Name: "/gc/heap/live:bytes"},
		softLimit: {Name: "/gc/gomemlimit:bytes"},
	}}
}

// read sets rss and returns the use of GOMEMLIMIT, limit 0 meaning that
// none is set. The runtime lets garbage grow up to its limit on purpose, with
// GOGC=off always, so what counts as used is what a collection could not give
// back: everything mapped except what is released, free, or died since the last
// collection.
func (p *process) read() (used, limit uint64, err error) {
	metrics.Read(p.samples)
	v := func(i int) uint64 { return p.samples[i].Value.Uint64() }
	held := v(mapped) - v(released)
	p.rss = held
	if p.files != nil {
		p.rss, err = p.resident()
	}
	if v(softLimit) == math.MaxInt64 {
		return 0, 0, err
	}
	// The samples are not of one instant: what is subtracted may have grown.
	reclaimable := v(free) + v(objects) - min(v(live), v(objects))
	return held - min(reclaimable, held), v(softLimit), err
}

// resident returns the resident set of the process as Linux counts it.
func (p *process) resident() (uint64, error) {
	const path = "proc/self/statm"
	b, err := fs.ReadFile(p.files, path)
	if err != nil {
		return 0, err
	}
	// size resident shared …, in pages.
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0, fmt.Errorf("%s: %q", path, b)
	}
	pages, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return pages * uint64(os.Getpagesize()), nil
}
