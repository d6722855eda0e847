// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
)

func TestALogCallThatIsStoppedWithinItsCopyHoldsUpNeitherHealthNorFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var check checker
		c := newCore(Config{Fallback: io.Discard, MemoryLimit: -1, Layers: map[string]Layer{"default": {Destinations: []Destination{{Sink: Writer(io.Discard)}}}}}, &check)
		d := c.destinations[0]
		mark := reserve(t, d.queue, 1) // taken off its processor here
		d.queue.seal()
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			d.keep()
		}()
		synctest.Wait() // keep waits for the log call now
		assert.Assert(t, !isClosed(kept))
		assert.Assert(t, d.mu.TryLock(), "whoever wants to look waits for the log call")
		d.mu.Unlock()
		assert.Equal(t, (&Handler{core: c}).Health().Destinations[0].Pending, uint64(1))
		d.queue.fill(mark, []byte("a"), 1)
		<-kept
		assert.Equal(t, d.books.spooled, uint64(1))
	})
}

func TestALogCallThatIsStoppedWithinItsCopyHoldsUpNeitherCloseNorOtherDestinations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock stands still where somebody spins
		first, second := &fault.Sink{}, &fault.Sink{}
		h := NewHandler(Config{Fallback: io.Discard, MemoryLimit: -1, Layers: map[string]Layer{"default": {Destinations: []Destination{
			{Name: "first", Sink: first, Fallback: "second"}, {Name: "second", Sink: second},
		}}}})
		goOn := standStill(t, h)
		closeInTime(t, h, 0)
		assert.Equal(t, first.Count(fault.Close), 1)
		assert.Equal(t, second.Count(fault.Close), 1, "its time comes though the first one is not through")
		goOn()
		got := h.Health().Destinations[0]
		assert.DeepEqual(t, [...]uint64{got.Written, got.Dropped, got.Pending}, [...]uint64{1, 2, 0}) // the time of Close is over
	})
}

// standStill logs a record that the sink is given, stops a log call within its copy, and
// logs another record behind that. The log call goes on with goOn.
func standStill(t *testing.T, h *Handler) (goOn func()) {
	t.Helper()
	q, p := h.core.destinations[0].queue, []byte("stopped\n")
	log := slog.New(h)
	log.Info("first")
	time.Sleep(time.Second) // of the bubble
	mark := reserve(t, q, uint32(len(p)))
	log.Info("behind")
	return func() {
		q.fill(mark, p, 1)
		time.Sleep(time.Second)
	}
}

// closeInTime closes a handler in which a log call stands still.
func closeInTime(t *testing.T, h *Handler, spooled uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begin := time.Now()
	var failure *DeliveryError
	assert.Assert(t, errors.As(h.Close(ctx), &failure))
	assert.Assert(t, time.Since(begin) <= time.Second, "Close took %v", time.Since(begin))
	assert.DeepEqual(t, failure.Deliveries, []Delivery{{Destination: "first", Spooled: spooled, Unknown: 2}})
	assert.Equal(t, h.Health().Destinations[0].Pending, uint64(2))
}
