// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// In each round many goroutines log to a handler while one of them, and then all
// of them, close it.
func TestFault60LogCallsThatRaceCloseAreWrittenOrErrClosed(t *testing.T) {
	const handlers, goroutines, calls = 1000, 64, 3
	rounds := handlers
	if testing.Short() {
		rounds /= 10
	}
	races := 0
	for round := range rounds {
		r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) {
			d.Policy = hydra.Block
			d.Queue = hydra.Queue{Records: 16, Bytes: 1 << 10}
		})
		var written, late atomic.Int64
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				closed := false
				log := func(i int) {
					err := r.say(fmt.Sprintf("r%d.%d.", g, i))
					switch {
					case err == nil && !closed:
						written.Add(1)
					case errors.Is(err, hydra.ErrClosed):
						late.Add(1)
						closed = true
					default:
						t.Errorf("round %d: got %v, after ErrClosed: %v", round, err, closed)
					}
				}
				for i := range calls {
					log(i)
				}
				if g == round%goroutines {
					assert.Check(t, r.Close(t.Context()))
				}
				log(calls)
				assert.Check(t, r.Close(t.Context()))
				log(calls + 1)
				assert.Check(t, closed, "round %d: a record was taken after Close", round)
			})
		}
		wg.Wait()
		in, out := proveOrder(t, r.sink.Lines()), proveOrder(t, nil, r.fallback.Lines()...)
		assert.Equal(t, int64(len(in)), written.Load())
		assert.Equal(t, int64(len(out)), late.Load())
		assert.Equal(t, len(in)+len(out), goroutines*(calls+2))
		r.wantAccount(uint64(len(in)), uint64(len(out)), 0, 0)
		assert.Equal(t, r.sink.Count(fault.Close), 1)
		if len(in) < goroutines*(calls+1) && len(out) < goroutines*(calls+2) {
			races++
		}
	}
	assert.Assert(t, races > rounds/10, "only %d of %d rounds were races", races, rounds)
}
