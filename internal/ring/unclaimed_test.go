// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestUnclaimedAreRingsOfTheProgramThatNobodyHoldsOrNames(t *testing.T) {
	dir := shm(t)
	leave := func(program, name string, records ...string) string {
		r, err := Create(Options{Dir: dir, Name: name, Program: program}, small)
		assert.NilError(t, err)
		for i, p := range records {
			r.Fill(uint32(i), uint32(i), []byte(p))
		}
		assert.NilError(t, r.Leave())
		return r.Path()
	}
	o := Options{Dir: dir, Name: "here", Program: "p"}
	leave("p", "here", "a")
	leave("p", "there", "a")
	leave("other", "gone", "a")
	leave("p.gone", "x", "a") // a program whose name looks like that of p
	gone := leave("p", "gone", "a", "b", "c")
	empty := leave("p", "go.ne", []string{}...)
	bad := leave("p", "gone", "a")
	assert.NilError(t, os.Rename(bad, strings.TrimSuffix(bad, ringEnding)+quarantineEnding))
	cut := leave("p", "gone", "a")
	assert.NilError(t, os.Truncate(cut, 100))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "p.gone.ring"), nil, 0o600))
	held, err := Create(Options{Dir: dir, Name: "gone", Program: "p"}, small)
	assert.NilError(t, err)
	defer held.Remove()

	before := make(map[string]string)
	for _, path := range []string{gone, empty} {
		p, err := os.ReadFile(path)
		assert.NilError(t, err)
		before[path] = string(p)
	}
	found, err := Unclaimed(o, []string{"here", "there"})
	assert.NilError(t, err)
	got := make(map[string]Leftover)
	for _, l := range found {
		got[l.Path] = l
	}
	assert.Equal(t, len(found), 2, "%v", found)
	assert.Equal(t, got[gone].Name, "gone")
	assert.Equal(t, got[gone].Records, 3)
	assert.Equal(t, got[empty].Name, "go.ne")
	assert.Equal(t, got[empty].Records, 0)
	for path, want := range before {
		p, err := os.ReadFile(path)
		assert.NilError(t, err)
		assert.Equal(t, string(p), want, "nothing is changed")
		assert.Equal(t, got[path].Size, int64(len(p)))
	}

	none, err := Unclaimed(Options{Dir: filepath.Join(dir, "missing")}, nil)
	assert.NilError(t, err)
	assert.Equal(t, len(none), 0)
}
