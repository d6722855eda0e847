// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"
)

// TestFault69ATruncatedRingIsRetired cuts the file while producers fill it and the consumer
// keeps batches in it.
func TestFault69ATruncatedRingIsRetired(t *testing.T) {
	const producers, each = 4, 5000
	for _, test := range []struct {
		name string
		cut  func(f *os.File, size int64) error
	}{
		{"to nothing", func(f *os.File, _ int64) error { return f.Truncate(0) }},
		{"in the middle", func(f *os.File, size int64) error { return f.Truncate(size / 4) }},
		{"of its last page", func(f *os.File, size int64) error { return f.Truncate(size - 1) }},
		{"to nothing, and longer again", func(f *os.File, size int64) error {
			return errors.Join(f.Truncate(0), f.Truncate(size))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := newRig(t, Geometry{Data: 4 << 20, Slots: 1 << 15, Batch: 1 << 16, BatchRecords: 1000})
			f, err := os.OpenFile(q.Path(), os.O_RDWR, 0) // its name will change
			assert.NilError(t, err)
			defer f.Close()
			var mu sync.Mutex // of what hands out tickets
			var filled atomic.Int64
			half := make(chan struct{})
			var all sync.WaitGroup
			for range producers {
				all.Go(func() {
					p := []byte(strings.Repeat("x", 200))
					for range each {
						mu.Lock()
						ticket, position := q.claim(len(p))
						mu.Unlock()
						q.Fill(ticket, position, p)
						if filled.Add(1) == producers*each/2 {
							close(half)
						}
					}
				})
			}
			all.Go(func() {
				for n := uint64(0); n < 1000 || q.Retired() == nil; n++ {
					assert.Check(t, q.Begin(n, n+1, []byte("batch"), []int{5}, 0, nil))
					q.Note(0, 5, []byte("place"))
					q.Done(5)
					q.End()
				}
			})
			<-half
			assert.NilError(t, test.cut(f, int64(len(q.image))))
			all.Wait()
			assert.ErrorContains(t, q.Retired(), "was cut or its device is gone")
			// Nobody adopts it.
			found, quarantined, err := Orphans(q.options)
			assert.NilError(t, err)
			assert.Equal(t, len(found)+len(quarantined), 0)
			bad, err := filepath.Glob(filepath.Join(q.options.Dir, "*.bad"))
			assert.NilError(t, err)
			assert.Equal(t, len(bad), 1)
			assert.ErrorContains(t, q.Retired(), bad[0])
			assert.NilError(t, q.Remove()) // the queue had what was in it
			_, err = os.Stat(bad[0])
			assert.Assert(t, os.IsNotExist(err))
			q.put("late")
		})
	}
}

func TestFault69AnOrphanThatIsCutLosesNoMoreThanItSays(t *testing.T) {
	for _, size := range []int64{0, pageBytes, 2 * pageBytes, 3 * pageBytes} {
		s := newSpecimen(t)
		o := s.adopt(t, s.bytes)
		assert.NilError(t, os.Truncate(o.Info().Path, size))
		r, whole := Run{}, 0
		for o.Take(&r, 1, 1) {
			assert.Equal(t, string(r.Bytes), s.records[r.First])
			whole++
		}
		assert.Equal(t, int(o.Counts().Damaged)+whole, len(s.records))
		assert.NilError(t, o.Begin(22, 28, []byte("x"), []int{1}, 0, nil))
		o.End()
		assert.NilError(t, o.Remove())
	}
}

func TestFault69ARingThatWasCutAndMadeLongerIsRetiredAtTheNextBatch(t *testing.T) {
	q := newRig(t, small)
	assert.NilError(t, q.Begin(0, 0, []byte("a"), []int{1}, 0, nil))
	assert.NilError(t, q.Retired())
	size := int64(len(q.image))
	assert.NilError(t, os.Truncate(q.Path(), size-1))
	assert.NilError(t, os.Truncate(q.Path(), size))
	assert.NilError(t, q.Begin(0, 0, []byte("b"), []int{1}, 0, nil))
	assert.ErrorContains(t, q.Retired(), "was cut or its device is gone")
}

func TestFault69ARingWhoseFileIsGoneIsRetiredAndLeavesOthersAlone(t *testing.T) {
	for _, look := range []struct {
		name string
		at   func(*rig) error
	}{
		{"at the next batch", func(q *rig) error { return q.Begin(0, 0, nil, nil, 0, nil) }},
		{"when asked", func(q *rig) error { q.Look(); return nil }},
		{"when it is left", func(q *rig) error { assert.ErrorContains(t, q.Leave(), "was deleted"); return nil }},
	} {
		t.Run(look.name, func(t *testing.T) {
			q := newRig(t, small)
			q.Look()
			assert.NilError(t, q.Retired())
			assert.NilError(t, os.Remove(q.Path()))
			assert.NilError(t, os.WriteFile(q.Path(), []byte("another's"), 0o600))
			assert.NilError(t, look.at(q))
			assert.ErrorContains(t, q.Retired(), "was deleted, renamed or replaced")
			assert.NilError(t, q.Remove())
			p, err := os.ReadFile(q.Path())
			assert.NilError(t, err)
			assert.Equal(t, string(p), "another's")
		})
	}
}

var nowhere *int

func TestPanicsOfOthersPassTheGuard(t *testing.T) {
	q := newRig(t, small)
	defer func() {
		if r := recover(); fmt.Sprint(r) != "mine" {
			t.Errorf("got %v, want the panic", r)
		}
		func() {
			defer func() { assert.Assert(t, recover() != nil) }()
			q.try(func() { *nowhere = 1 }) // a fault elsewhere
		}()
	}()
	q.try(func() { panic("mine") })
}
