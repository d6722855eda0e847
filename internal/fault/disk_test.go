// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package fault_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
)

func TestADiskKeepsWhatWasSyncedAndAnyPartOfTheRest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	disk := &fault.Disk{FileSystem: real{}}
	f, err := os.Create(path)
	assert.NilError(t, err)
	defer f.Close()
	folder, err := os.Open(dir)
	assert.NilError(t, err)
	defer folder.Close()
	r := rand.New(rand.NewPCG(1, 2))
	crash := func() ([]byte, error) {
		to := t.TempDir()
		assert.NilError(t, disk.Crash(dir, to, r))
		return os.ReadFile(filepath.Join(to, "a"))
	}
	_, err = f.Write(bytes.Repeat([]byte("x"), 1000))
	assert.NilError(t, err)
	assert.NilError(t, disk.Sync(f))
	lost := 0
	for range 50 {
		if _, err := crash(); errors.Is(err, fs.ErrNotExist) {
			lost++
		}
	}
	assert.Assert(t, lost > 0 && lost < 50, "a name that is not synced is lost now and then: %d of 50", lost)

	assert.NilError(t, disk.Sync(folder))
	_, err = f.Write(bytes.Repeat([]byte("y"), 5000))
	assert.NilError(t, err)
	whole, holes := 0, 0
	for range 50 {
		got, err := crash()
		assert.NilError(t, err)
		assert.Equal(t, string(got[:1000]), string(bytes.Repeat([]byte("x"), 1000)))
		rest := bytes.Trim(got[1000:], "y")
		assert.Equal(t, len(bytes.Trim(bytes.ReplaceAll(rest, []byte("y"), nil), "\x00")), 0)
		if len(rest) > 0 {
			holes++
		} else if len(got) > 4000 {
			whole++
		}
	}
	assert.Assert(t, holes > 0 && whole < 50, "%d with holes, %d whole", holes, whole)

	assert.NilError(t, disk.Sync(f))
	got, err := crash()
	assert.NilError(t, err)
	assert.Equal(t, len(got), 6000)
}
