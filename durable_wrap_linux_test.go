// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/ring"
)

// TestDurableQueueIsRecoveredAcrossEveryWrap ends the process, for what a later one
// finds, after each step of a queue whose tickets, laps, positions or rewinds are
// about to wrap: what is queued or in flight is there, once, in order.
func TestDurableQueueIsRecoveredAcrossEveryWrap(t *testing.T) {
	for _, drop := range []bool{true, false} {
		t.Run(fmt.Sprintf("drop oldest %t", drop), func(t *testing.T) {
			eachQueueStart(t, 6, 300, func(t *testing.T, q *queue) {
				w := newWrapRig(t, q)
				random := rand.New(rand.NewPCG(1, 2))
				for range 150 {
					switch n := random.IntN(10); {
					case n < 6:
						w.push(drop, 1+random.IntN(60))
					case n < 9:
						w.take()
					default: // empty, so that it is rewound
						for records, _ := q.depth(); records > 0; records, _ = q.depth() {
							w.take()
						}
					}
					w.crash()
				}
			})
		})
	}
}

// A wrapRig is a queue with a ring, and the numbers and texts of what was pushed.
type wrapRig struct {
	t       *testing.T
	q       *queue
	options ring.Options
	texts   map[uint64]string
	h       haul
	settled uint64 // number behind the last record that the sink has
}

func newWrapRig(t *testing.T, q *queue) *wrapRig {
	t.Helper()
	w := &wrapRig{t: t, q: q, texts: make(map[uint64]string), options: ring.Options{Dir: memoryDir(t), Name: "d"}}
	r, err := ring.Create(w.options, ring.Geometry{
		Data: len(q.data), Slots: len(q.entries), Batch: 8 << 10, BatchRecords: 64, First: q.offered(),
	})
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, r.Remove()) })
	q.ring, w.settled = r, q.offered()
	return w
}

// memoryDir returns a folder of the test's own on a file system in memory.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hydra-test-")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir)) })
	return dir
}

func (w *wrapRig) push(drop bool, n int) {
	number := w.q.offered()
	text := fmt.Sprintf("%d:%s\n", number, strings.Repeat("r", n))
	switch o, _ := w.q.push([]byte(text), 0, drop); o {
	case accepted, crowded:
		w.texts[number] = text
	default:
		assert.Assert(w.t, !drop && o == full, "outcome %d", o)
	}
}

// take brings a run to the sink, with an end of the process before, in and behind it.
func (w *wrapRig) take() {
	w.q.take(&w.h)
	if len(w.h.ends) == 0 {
		return
	}
	w.crash() // head has moved, the ring does not know yet
	w.settled = w.h.first
	next := w.h.first + uint64(len(w.h.ends))
	assert.NilError(w.t, w.q.ring.Begin(w.h.first, next, w.h.bytes, w.h.ends, 0, nil))
	w.crash()
	w.q.release()
	w.crash()
	w.q.ring.Done(len(w.h.bytes))
	w.q.ring.End()
	w.settled = next
}

// crash recovers from a copy of the file.
func (w *wrapRig) crash() {
	t := w.t
	t.Helper()
	to := w.options
	to.Dir = memoryDirCopy(t, w.options.Dir)
	found, aside, err := ring.Orphans(to)
	assert.NilError(t, err)
	assert.Equal(t, len(aside), 0, "%v", aside)
	assert.Equal(t, len(found), 1)
	o, err := found[0].Adopt()
	assert.NilError(t, err)
	last := w.settled
	have := make(map[uint64]bool)
	see := func(first uint64, p []byte, ends []int) {
		start := 0
		for i, end := range ends {
			number := first + uint64(i)
			assert.Equal(t, string(p[start:end]), w.texts[number], "record %d", number)
			assert.Assert(t, number >= last, "record %d behind %d", number, last)
			start, last, have[number] = end, number+1, true
		}
	}
	if b := o.Batch(); b != nil {
		see(b.First, b.Bytes, b.Ends)
	}
	for r := (ring.Run{}); o.Take(&r, takeBytes, 64); {
		see(r.First, r.Bytes, r.Ends)
	}
	for number := w.q.before(w.q.head.Load()); number < w.q.offered(); number++ {
		assert.Assert(t, have[number], "record %d is lost; %+v", number, o.Counts())
	}
	assert.Equal(t, o.Counts().Damaged+o.Counts().Holes, uint64(0), "%+v", o.Counts())
	assert.NilError(t, o.Remove())
	assert.NilError(t, os.RemoveAll(to.Dir))
}

// memoryDirCopy copies the files of a folder to one of its own.
func memoryDirCopy(t *testing.T, from string) string {
	t.Helper()
	to := memoryDir(t)
	files, err := filepath.Glob(filepath.Join(from, "*"))
	assert.NilError(t, err)
	for _, f := range files {
		p, err := os.ReadFile(f)
		assert.NilError(t, err)
		assert.NilError(t, os.WriteFile(filepath.Join(to, filepath.Base(f)), p, 0o600))
	}
	return to
}
