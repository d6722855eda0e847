// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
)

func TestFault27AProcessStoppedInItsTurnIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.log")
		s, _ := faulty(path, nil, map[string]fault.Script{fault.Write: fault.At(1, fault.Short(2, syscall.ENOSPC))})
		assert.NilError(t, s.Open(t.Context()))
		stopped, err := os.OpenFile(path, os.O_WRONLY, 0)
		assert.NilError(t, err)
		assert.NilError(t, unix.FcntlFlock(stopped.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
		n, err := s.Write(t.Context(), batchOf("one"))
		assert.ErrorIs(t, err, syscall.ENOSPC)
		assert.Equal(t, n, 2, "without its turn it takes nothing back")
		_, err = s.Write(t.Context(), rest(batchOf("one"), 2))
		assert.NilError(t, err)
		assert.NilError(t, stopped.Close())
		assert.NilError(t, s.Close(t.Context()))
		assert.Equal(t, content(t, path), "one\n")
	})
}
