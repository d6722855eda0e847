// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

func TestStateIsDegradedForAMinuteAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := faulty(t.TempDir()+"/app.log", &file.Options{Sync: file.SyncFlush},
			map[string]fault.Script{fault.Sync: fault.At(2, fault.Fail(syscall.EIO))})
		open(t, s)
		state, degraded := s.State()
		assert.Equal(t, state.(file.Stats).SyncErrors, uint64(0))
		assert.Assert(t, !degraded)
		write(t, s, "one")
		assert.ErrorIs(t, s.Flush(t.Context()), syscall.EIO)
		state, degraded = s.State()
		assert.Equal(t, state.(file.Stats).SyncErrors, uint64(1))
		assert.Assert(t, degraded)
		time.Sleep(time.Minute)
		_, degraded = s.State()
		assert.Assert(t, !degraded)
	})
}
