// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
)

func TestIdleHandlerSleepsWithoutTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fault.Sink{OnWrite: fault.At(2, fault.Short(3, nil))}
		h := NewHandler(Config{MemoryLimit: -1, Fallback: &fault.Writer{}, Layers: map[string]Layer{
			defaultLayer: {Destinations: []Destination{{Sink: s}}},
		}})
		q := h.core.destinations[0].queue
		log := slog.New(h)
		for _, records := range []int{1, 10, 1000} {
			for range records {
				log.Info("x")
			}
			assert.NilError(t, h.Flush(context.Background()))
			time.Sleep(time.Second)
			synctest.Wait()
			assert.Equal(t, q.sleeping.Load(), uint32(parked))
			calls := len(s.Calls())
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			assert.Equal(t, q.sleeping.Load(), uint32(parked), "woken by what?")
			assert.Equal(t, len(s.Calls()), calls)
		}
		assert.NilError(t, h.Close(context.Background()))
		assert.DeepEqual(t, s.Breaches(), []string(nil))
	})
}

func TestPhasesGoOneWay(t *testing.T) {
	allowed := map[[2]Phase]bool{
		{PhaseRunning, PhaseFlushing}: true, {PhaseFlushing, PhaseCleaning}: true, {PhaseCleaning, PhaseDone}: true,
	}
	for from := range PhaseDone + 1 {
		for to := range PhaseDone + 1 {
			var s shutdown
			s.phase.Store(uint32(from))
			var panicked any
			func() {
				defer func() { panicked = recover() }()
				s.enter(to)
			}()
			if allowed[[2]Phase{from, to}] {
				assert.Assert(t, panicked == nil)
				assert.Equal(t, Phase(s.phase.Load()), to)
			} else {
				assert.Equal(t, panicked, any(fmt.Sprintf("hydra: no way from phase %v to %v", from, to)))
				assert.Equal(t, Phase(s.phase.Load()), from)
			}
		}
	}
}
