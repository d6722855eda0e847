// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows

package osfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/osfile"
)

func TestALockIsOursUnlessSomebodyElseHasOneThatExcludesIt(t *testing.T) {
	tests := []struct {
		name          string
		theirs, asked bool // shared
		want          bool
	}{
		{"both alone", false, false, false},
		{"theirs alone", false, true, false},
		{"ours alone", true, false, false},
		{"both shared", true, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			theirs, err := os.Create(path)
			assert.NilError(t, err)
			ours, err := os.OpenFile(path, os.O_RDWR, 0)
			assert.NilError(t, err)
			got, err := osfile.TryLock(theirs, tt.theirs)
			assert.NilError(t, err)
			assert.Assert(t, got)
			got, err = osfile.TryLock(ours, tt.asked)
			assert.NilError(t, err)
			assert.Equal(t, got, tt.want)
			assert.NilError(t, theirs.Close())
			if !tt.want {
				got, err = osfile.TryLock(ours, tt.asked)
				assert.NilError(t, err)
				assert.Assert(t, got, "it ended with their file")
			}
			assert.NilError(t, ours.Close())
			got, err = osfile.TryLock(ours, tt.asked)
			assert.Assert(t, err != nil)
			assert.Assert(t, !got)
		})
	}
}

func TestNamesAndOwnersOfAFileAreThoseThatTheSystemKnows(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows tells neither how many names a file has nor whose it is")
	}
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	assert.NilError(t, err)
	defer f.Close()
	for want := uint64(1); want <= 2; want++ {
		info, err := f.Stat()
		assert.NilError(t, err)
		assert.Equal(t, osfile.Links(info), want)
		uid, ours := osfile.OwnedBy(info, 0)
		assert.Equal(t, uid, os.Geteuid())
		assert.Assert(t, ours)
		if want == 1 {
			assert.NilError(t, os.Link(path, path+"2"))
		}
	}
	if os.Geteuid() != 0 {
		return // who is not the superuser gives no files away
	}
	assert.NilError(t, f.Chown(1, -1))
	info, err := f.Stat()
	assert.NilError(t, err)
	for _, tt := range []struct {
		asked int
		want  bool
	}{{0, false}, {1, true}, {2, false}} {
		uid, ours := osfile.OwnedBy(info, tt.asked)
		assert.Equal(t, uid, 1)
		assert.Equal(t, ours, tt.want)
	}
}
