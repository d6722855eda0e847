// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"
)

// TestFault69ATruncatedRingGoesOnInMemory cuts the file while producers fill it. Whoever
// was told that its record is stored after the ring was retired finds it whole; what was
// there before is whole, or named as gone.
func TestFault69ATruncatedRingGoesOnInMemory(t *testing.T) {
	const producers, each = 4, 3000
	record := func(n uint64) string { return fmt.Sprintf("%d %s\n", n, strings.Repeat("x", int(n*7%300))) }
	for _, test := range []struct {
		name string
		cut  func(path string, size int64) error
	}{
		{"to nothing", func(path string, _ int64) error { return os.Truncate(path, 0) }},
		{"in the middle", func(path string, size int64) error { return os.Truncate(path, size/4) }},
		{"to nothing, and longer again", func(path string, size int64) error {
			if err := os.Truncate(path, 0); err != nil {
				return err
			}
			return os.Truncate(path, size)
		}},
		{"of its last page", func(path string, size int64) error { return os.Truncate(path, size-1) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := newRig(t, Geometry{Data: 4 << 20, Slots: 1 << 14, Batch: 1 << 16, BatchRecords: 1000})
			assert.NilError(t, q.Begin(0, 0, []byte("before"), []int{6}, 0, nil))
			var mu sync.Mutex // of what hands out tickets
			positions := make([]uint32, producers*each+1)
			after := make([]bool, producers*each) // stored when it was known that the file is gone
			var filled atomic.Int64
			half := make(chan struct{})
			var all sync.WaitGroup
			for range producers {
				all.Go(func() {
					for range each {
						mu.Lock()
						n := q.number
						p := record(n)
						ticket, position := q.claim(len(p))
						positions[n+1] = q.position
						mu.Unlock()
						known := q.Retired() != nil
						q.Fill(ticket, position, []byte(p))
						after[n] = known
						if filled.Add(1) == producers*each/2 {
							close(half)
						}
					}
				})
			}
			<-half
			assert.NilError(t, test.cut(q.Path(), int64(len(q.image))))
			all.Wait()
			lost, late := 0, 0
			for n := range uint64(producers * each) {
				want := record(n)
				got, gone := q.Copy(nil, n, positions[n], []int{len(want)})
				if after[n] {
					late++
				}
				if len(gone) == 0 {
					assert.Equal(t, string(got), want, "record %d", n)
				} else {
					assert.Assert(t, !after[n], "record %d, which was stored in memory, is gone", n)
					lost++
				}
			}
			t.Logf("%d of %d records are gone, %d were stored later", lost, producers*each, late)
			assert.ErrorContains(t, q.Retired(), "was cut or its device is gone")
			// What follows works as before, but for its being there when the process ends.
			q.Note(0, 6, []byte("place"))
			q.Done(6)
			assert.NilError(t, q.Begin(producers*each, producers*each, []byte("more"), []int{4}, 0, nil))
			q.End()
			q.put("last")
			got, gone := q.Copy(nil, producers*each, positions[producers*each], []int{4})
			assert.Equal(t, string(got), "last")
			assert.Equal(t, len(gone), 0)
			// Nobody adopts it.
			found, aside, err := Orphans(q.options)
			assert.NilError(t, err)
			assert.Equal(t, len(found)+len(aside), 0)
			bad, err := filepath.Glob(filepath.Join(q.options.Dir, "*.bad"))
			assert.NilError(t, err)
			assert.Equal(t, len(bad), 1)
			assert.NilError(t, q.Remove())
			_, err = os.Stat(bad[0])
			assert.Assert(t, os.IsNotExist(err))
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

func TestPanicsOfOthersPassTheGuard(t *testing.T) {
	q := newRig(t, small)
	defer func() {
		if r := recover(); fmt.Sprint(r) != "mine" {
			t.Errorf("got %v, want the panic", r)
		}
		func() {
			defer func() { assert.Assert(t, recover() != nil) }()
			q.try(func() { _ = *(*int)(nil) }) //nolint // a fault elsewhere
		}()
	}()
	q.try(func() { panic("mine") })
}
