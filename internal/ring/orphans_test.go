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
	"testing"
	"testing/synctest"

	"gotest.tools/v3/assert"
)

func TestFault6ARingThatKillsWhoeverAdoptsItIsQuarantined(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	q := rigIn(t, o, small)
	q.put("a", "b")
	o.Dir = shm(t)
	plant(t, o, nil)
	name, err := os.ReadDir(o.Dir)
	assert.NilError(t, err)
	path := filepath.Join(o.Dir, name[0].Name())
	b := []byte(q.image)
	// die adopts what is there, does something and dies: the file stays as it is then.
	die := func(do func(o *Orphan)) (attempts int) {
		assert.NilError(t, os.WriteFile(path, b, 0o600))
		found, _, err := Orphans(o)
		assert.NilError(t, err)
		assert.Equal(t, len(found), 1)
		r, err := found[0].Adopt()
		assert.NilError(t, err)
		do(r)
		b = append([]byte(nil), r.image...)
		assert.NilError(t, r.Leave())
		return r.Info().Attempts
	}
	try := func(o *Orphan) { o.Attempt() }
	for range 5 {
		assert.Equal(t, die(func(*Orphan) {}), 1) // it has not come to the sink
	}
	assert.Equal(t, die(try), 1)
	assert.Equal(t, die(try), 2)
	for _, progress := range []func(o *Orphan){
		func(o *Orphan) { o.Survived() },
		func(o *Orphan) { o.Outlived() },
		func(o *Orphan) {
			assert.NilError(t, o.Begin(0, 1, []byte("a"), []int{1}, 0, nil))
			o.End()
		},
	} {
		assert.Equal(t, die(func(o *Orphan) { o.Attempt(); progress(o) }), 3)
		assert.Equal(t, die(try), 1)
		assert.Equal(t, die(try), 2)
	}
	assert.Equal(t, die(try), 3)
	assert.NilError(t, os.WriteFile(path, b, 0o600))
	found, _, err := Orphans(o)
	assert.NilError(t, err)
	_, err = found[0].Adopt()
	var bad *QuarantineError
	assert.Assert(t, errors.As(err, &bad))
	assert.Equal(t, bad.Reason, "3 processes have tried to recover it, and nothing came of it")
	assert.Equal(t, bad.Path, strings.TrimSuffix(path, ".ring")+".bad")
	_, err = os.Stat(bad.Path)
	assert.NilError(t, err)
	_, err = Create(o, small) // the program starts all the same
	assert.NilError(t, err)
}

func TestFault6AnOrderlyEndForgivesTheAttemptsBeforeIt(t *testing.T) {
	q := newRig(t, small)
	q.put("a")
	b := []byte(q.image)
	// as returns what is in the file once somebody has adopted b and done that.
	as := func(want int, do func(o *Orphan)) []byte {
		o := q.options
		o.Dir = shm(t)
		r := adopt(t, plant(t, o, b))
		assert.Equal(t, r.Info().Attempts, want)
		do(r)
		return append([]byte(nil), r.image...)
	}
	for n := range mostAttempts {
		b = as(n+1, func(o *Orphan) {
			o.Attempt()
			if n == mostAttempts-1 {
				o.touch(func() { o.image.store(offLeft, seal(1, o.salt, offLeft)) }) // as Leave does
			}
		})
	}
	left := b
	b = as(1, func(*Orphan) {}) // and dies before it comes to an attempt
	for n := range mostAttempts {
		b = as(n+1, func(o *Orphan) { o.Attempt() })
	}

	// Nor does it matter where it dies while it forgives.
	b = left
	steps := 0
	as(1, func(o *Orphan) {
		copy(o.image, left)
		o.step = func() {
			b = append([]byte(nil), o.image...)
			as(1, func(*Orphan) {})
			steps++
		}
		o.forgive()
	})
	assert.Equal(t, steps, 2)
}

func TestFault7OrphansComeOldestFirstAndTheirBytesAreBounded(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	size := int64(0)
	for i := range 5 {
		r, err := Create(o, small)
		assert.NilError(t, err)
		r.Fill(0, 0, fmt.Append(nil, i))
		size = int64(len(r.image))
		assert.NilError(t, r.Leave())
	}
	found, quarantined, err := Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(quarantined), 0)
	assert.Equal(t, len(found), 5)
	for i, c := range found {
		r, err := c.Adopt()
		assert.NilError(t, err)
		_, records := queued(r, 10)
		assert.DeepEqual(t, records, []string{fmt.Sprint(i)})
		assert.NilError(t, r.Leave())
		assert.Assert(t, i == 0 || c.Created.After(found[i-1].Created))
	}

	o.MaxOrphans = 2*size + 1
	kept, quarantined, err := Orphans(o)
	assert.NilError(t, err)
	assert.DeepEqual(t, []string{kept[0].Path, kept[1].Path}, []string{found[3].Path, found[4].Path})
	assert.Equal(t, len(quarantined), 3)
	for i, a := range quarantined {
		assert.Equal(t, a.Path, strings.TrimSuffix(found[i].Path, ".ring")+".bad")
		assert.Equal(t, a.Reason, fmt.Sprintf("the rings that wait to be recovered have more than %d bytes", o.MaxOrphans))
		_, err := os.Stat(a.Path)
		assert.NilError(t, err, "deleted")
	}
	// All of them together are more than twice as much: hydra makes no more.
	_, err = Create(o, small)
	assert.ErrorContains(t, err, "look at those that end in .bad and delete them")
	assert.NilError(t, os.Remove(quarantined[0].Path))
	r, err := Create(o, small)
	assert.NilError(t, err)
	assert.NilError(t, r.Remove())
}

func TestFault7TheOrderOfOrphansIsNotTheClocks(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	leave := func(t *testing.T) string {
		r, err := Create(o, small)
		assert.NilError(t, err)
		assert.NilError(t, r.Leave())
		return r.Path()
	}
	want := []string{leave(t)}
	for range 3 {
		synctest.Test(t, func(t *testing.T) { // its clock is set back
			want = append(want, leave(t))
		})
	}
	found, _, err := Orphans(o)
	assert.NilError(t, err)
	assert.Assert(t, found[1].Created.Before(found[0].Created))
	got := []string{}
	for _, c := range found {
		got = append(got, c.Path)
	}
	assert.DeepEqual(t, got, want)
}

func TestARingUnderTheNameOfAnotherDestinationIsQuarantined(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	r, err := Create(o, small)
	assert.NilError(t, err)
	r.Fill(0, 0, []byte("a"))
	assert.NilError(t, r.Leave())
	before, _, err := Orphans(o)
	assert.NilError(t, err)
	other := o
	other.Name = "m"
	id := strings.TrimPrefix(filepath.Base(r.Path()), prefixOf(o))
	assert.NilError(t, os.Rename(r.Path(), filepath.Join(o.Dir, prefixOf(other)+id)))
	found, quarantined, err := Orphans(other)
	assert.NilError(t, err)
	assert.Equal(t, len(found), 0)
	assert.Equal(t, len(quarantined), 1)
	assert.Equal(t, quarantined[0].Reason, `it has records of the destination "n", under a name for "m": rename it to what it was`)
	assert.NilError(t, os.Rename(quarantined[0].Path, before[0].Path))
	_, records := queued(adopt(t, o), 10)
	assert.DeepEqual(t, records, []string{"a"})
}

func TestOrphansOfOthersAreLeftAlone(t *testing.T) {
	mine := Options{Dir: shm(t), Name: "n", Program: "p"}
	for _, o := range []Options{{Name: "n", Program: "q"}, {Name: "m", Program: "p"}, {Name: "n.x", Program: "p"}, {Name: "", Program: "p.n"}} {
		o.Dir = mine.Dir
		r, err := Create(o, small)
		assert.NilError(t, err)
		assert.NilError(t, r.Leave())
	}
	for _, name := range []string{"p.n.ring", "p.n.x.bad", "other"} {
		assert.NilError(t, os.WriteFile(filepath.Join(mine.Dir, name), nil, 0o600))
	}
	found, quarantined, err := Orphans(mine)
	assert.NilError(t, err)
	assert.Equal(t, len(found)+len(quarantined), 0)
}
