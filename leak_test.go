// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// TestMain fails the package if its tests leave goroutines behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFault66CloseLeavesNoGoroutine(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	for range 1000 {
		r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) { d.Queue = hydra.Queue{Records: 8, Bytes: 1 << 10} })
		r.log(1, 3)
		assert.NilError(t, r.Flush(context.Background()))
		r.close()
		assert.Equal(t, r.sink.Count(fault.Close), 1)
	}
	goleak.VerifyNone(t, ignore)
}
