// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestQueueIsSettledWhenAllThatWasBegunIsPublished(t *testing.T) { // I5
	q := newQueue(1000, 1<<20)
	pushAll(t, q, false, "a")
	mark := reserve(t, q, 1)
	assert.Assert(t, !q.settled())
	q.seal()
	assert.Assert(t, !q.settled())
	q.fill(mark, []byte("b"), 1)
	assert.Assert(t, q.settled())
	first, n := q.keep()
	assert.Equal(t, [2]uint64{first, n}, [2]uint64{0, 2})
	assert.Assert(t, q.drained())
}
