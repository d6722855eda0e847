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
	"testing/synctest"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

func TestFault7WhatAnotherHasAdoptedSinceIsNotQuarantined(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	for range 3 {
		r, err := Create(o, small)
		assert.NilError(t, err)
		assert.NilError(t, r.Leave())
	}
	d, err := openDir(o, false)
	assert.NilError(t, err)
	defer d.close()
	o.MaxOrphans = 1
	found, _, err := Orphans(Options{Dir: o.Dir, Name: o.Name, Program: o.Program})
	assert.NilError(t, err)
	s := search{dir: d, options: o, found: append([]Candidate(nil), found...)}
	held, err := found[0].Adopt()
	assert.NilError(t, err)
	done, err := found[1].Adopt()
	assert.NilError(t, err)
	assert.NilError(t, done.Remove())
	s.bound()
	assert.NilError(t, errors.Join(s.problems...))
	assert.Equal(t, len(s.found), 0)
	assert.Equal(t, len(s.quarantined), 1)
	assert.Equal(t, s.quarantined[0].Path, strings.TrimSuffix(found[2].Path, ringEnding)+quarantineEnding)
	_, err = os.Stat(found[0].Path)
	assert.NilError(t, err)
	assert.NilError(t, held.Leave())
}

func TestWhatOneStartPutsAsideNoOtherAdopts(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	r, err := Create(o, small)
	assert.NilError(t, err)
	assert.NilError(t, r.Leave())
	d, err := openDir(o, false)
	assert.NilError(t, err)
	defer d.close()
	name := filepath.Base(r.Path())
	fd, err := open(d.fd, name, unix.O_RDWR, 0)
	assert.NilError(t, err)
	defer unix.Close(fd)
	_, err = d.quarantine(name, "on purpose")
	assert.NilError(t, err)
	_, err = d.lock(fd, name) // it was opened before, and is locked now
	assert.ErrorIs(t, err, ErrTaken)
}

func TestFault74AFileThatAnotherStartLooksAtIsFoundAMomentLater(t *testing.T) {
	for _, test := range []struct {
		name string
		find func(o Options, c Candidate) error
	}{
		{"Orphans", func(o Options, _ Candidate) error {
			found, quarantined, err := Orphans(o)
			if len(found) != 1 || len(quarantined) != 0 {
				err = errors.Join(err, fmt.Errorf("got %v and %v, want one that was found", found, quarantined))
			}
			return err
		}},
		{"Adopt", func(_ Options, c Candidate) error {
			q, err := c.Adopt()
			if err == nil {
				err = q.Leave()
			}
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Options{Dir: shm(t), Name: "n", Program: "p"}
				r, err := Create(o, small)
				assert.NilError(t, err)
				assert.NilError(t, r.Leave())
				found, _, err := Orphans(o)
				assert.NilError(t, err)
				d, err := openDir(o, false)
				assert.NilError(t, err)
				defer d.close()
				h, err := d.seize(filepath.Base(r.Path()), o)
				assert.NilError(t, err)
				result := make(chan error)
				go func() { result <- test.find(o, found[0]) }()
				synctest.Wait() // it has met the lock
				h.release()
				assert.NilError(t, <-result)
			})
		})
	}
}

func TestFault74ALockDecidesWhoseARingIs(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	a, err := Create(o, small)
	assert.NilError(t, err)
	b, err := Create(o, small)
	assert.NilError(t, err)
	assert.Assert(t, a.Path() != b.Path())
	found, quarantined, err := Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(found)+len(quarantined), 0) // both are held, by this very process

	a.Fill(0, 0, []byte("a"))
	assert.NilError(t, a.Leave())
	found, _, err = Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(found), 1)
	first, err := found[0].Adopt()
	assert.NilError(t, err)
	_, err = found[0].Adopt()
	assert.ErrorIs(t, err, ErrTaken)
	a.Fill(1, 1, []byte("late")) // by a producer that comes back to what is no longer ours
	assert.NilError(t, first.Leave())
	again, err := found[0].Adopt()
	assert.NilError(t, err)
	_, records := queued(again, 10)
	assert.DeepEqual(t, records, []string{"a"})
	assert.NilError(t, again.Remove())
	_, err = found[0].Adopt()
	assert.ErrorIs(t, err, ErrTaken)
	assert.NilError(t, b.Remove())
}

func TestWhatDiedBeingMadeIsClearedAway(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	newborn := filepath.Join(o.Dir, prefixOf(o)+strings.Repeat("0", 32)+newbornEnding)
	assert.NilError(t, os.WriteFile(newborn, make([]byte, 10000), 0o600))
	r, err := Create(o, small)
	assert.NilError(t, err)
	assert.NilError(t, r.Remove())
	left, err := os.ReadDir(o.Dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}

// TestFault74StartsThatClearAwayWhatDiedDoNotStopOneAnother has one goroutine that makes
// rings while others look for what died being made.
func TestFault74StartsThatClearAwayWhatDiedDoNotStopOneAnother(t *testing.T) {
	o := Options{Dir: shm(t), Name: "n", Program: "p"}
	d, err := openDir(o, true)
	assert.NilError(t, err)
	defer d.close()
	var stop atomic.Bool
	var others sync.WaitGroup
	for range 3 {
		others.Go(func() {
			for !stop.Load() {
				assert.Check(t, d.crowded(o))
			}
		})
	}
	for range 1000 {
		r, err := Create(o, small)
		if !assert.Check(t, err) {
			break
		}
		assert.Check(t, r.Remove())
	}
	stop.Store(true)
	others.Wait()
	left, err := os.ReadDir(o.Dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}
