// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"io"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
)

func TestADurableQueueKeepsWhatIsBehindALogCallThatIsStoppedWithinItsCopy(t *testing.T) {
	for _, tt := range []struct {
		name             string
		write            fault.Script
		written, spooled uint64 // by the end of Close
	}{
		{name: "the sink takes", written: 1},
		{name: "the sink fails", write: fault.Always(fault.Fail(syscall.EIO)), spooled: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := memoryDir(t)
				start := func(s *fault.Sink) *Handler {
					return NewHandler(Config{Fallback: io.Discard, MemoryLimit: -1, Layers: map[string]Layer{"default": {Destinations: []Destination{
						{Name: "first", Sink: s, Durable: &Durable{Dir: dir}, RetryFor: time.Hour},
					}}}})
				}
				s := &fault.Sink{OnWrite: tt.write}
				h := start(s)
				goOn := standStill(t, h)
				closeInTime(t, h, tt.spooled)
				assert.Equal(t, s.Count(fault.Close), 1)
				goOn()
				got := h.Health().Destinations[0]
				assert.DeepEqual(t, [...]uint64{got.Written, got.Spooled, got.Pending}, [...]uint64{tt.written, tt.spooled + 2, 0})

				h = start(&fault.Sink{})
				assert.NilError(t, h.Close(t.Context()))
				assert.Equal(t, h.Health().Destinations[0].Durable.Recovered, tt.spooled+2)
				left, err := os.ReadDir(dir)
				assert.NilError(t, err)
				assert.Equal(t, len(left), 0)
			})
		})
	}
}
