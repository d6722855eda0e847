// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func TestOneSlotOfTheCursorIsWholeThoughAWriteFailed(t *testing.T) {
	path := filepath.Join(t.TempDir(), cursorName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	assert.NilError(t, err)
	defer f.Close()
	denied, err := os.Open(path)
	assert.NilError(t, err)
	defer denied.Close()

	c := cursor{file: f}
	assert.NilError(t, c.store(7, 4))
	assert.NilError(t, c.store(7, 5)) // the newest whole one
	before, err := os.ReadFile(path)
	assert.NilError(t, err)
	c.file = denied
	assert.Assert(t, c.store(8, 6) != nil)
	assert.Equal(t, c.id, uint64(7))
	assert.Equal(t, c.next, uint64(5))
	c.file = f
	assert.NilError(t, c.store(8, 6))
	after, err := os.ReadFile(path)
	assert.NilError(t, err)

	// The process ends in the middle of that, so that each slot that was written to is torn.
	for i := range after {
		if after[i] != before[i] {
			clear(after[i/slotSize*slotSize:][:slotSize])
		}
	}
	var next cursor
	next.parse([2 * slotSize]byte(after))
	assert.Equal(t, next.next, uint64(5))
}
