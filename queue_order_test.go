// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"testing"

	"gotest.tools/v3/assert"
)

// reserve does the first half of a push, as a producer that is stopped between
// moving tail and publishing. fill is the other half.
func reserve(t *testing.T, q *queue, n uint32) (mark uint64) {
	t.Helper()
	tail := q.tail.Load()
	assert.Assert(t, q.tail.CompareAndSwap(tail, q.advance(tail, n)))
	return tail
}
