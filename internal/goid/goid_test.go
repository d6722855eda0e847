// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package goid_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/goid"
)

func TestGoroutinesThatLiveHaveDifferentNumbers(t *testing.T) {
	self := goid.Current()
	assert.Assert(t, self > 0)
	assert.Equal(t, goid.Current(), self)
	other := make(chan uint64)
	go func() { other <- goid.Current() }()
	assert.Assert(t, <-other != self)
}
