// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestHandleReturnsTheErrorsOfAllDestinations(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	var fallback kept
	stuck := hydra.Destination{
		Name: "stuck", Sink: &fault.Sink{OnWrite: fault.Always(fault.Stall(released))},
		Policy: hydra.Error, Queue: hydra.Queue{Records: 1},
	}
	text := stuck
	text.Name, text.Sink, text.Format = "text", &fault.Sink{OnWrite: fault.Always(fault.Stall(released))}, format.Text(nil)
	good := &fault.Sink{}
	h := serve(t, hydra.Config{Fallback: &fallback, Layers: map[string]hydra.Layer{"default": {
		Destinations: []hydra.Destination{stuck, text, {Name: "good", Sink: good}},
	}}})
	r := slog.NewRecord(testTime, slog.LevelInfo, "m", 0)
	var err error
	handled := uint64(0)
	// Until both queues are full, and whatever their writers took before.
	for err == nil || strings.Count(err.Error(), hydra.ErrQueueFull.Error()) < 2 {
		err = h.Handle(t.Context(), r)
		handled++
	}
	assert.ErrorIs(t, err, hydra.ErrQueueFull)
	rejected := uint64(0)
	for _, d := range h.Health().Destinations {
		assert.Equal(t, d.Offered, handled)
		rejected += d.Rejected
	}
	assert.Assert(t, rejected >= 2)
	assert.Assert(t, len(h.Health().Destinations) == 3)
}

func TestFault56HandleTakesANilContext(t *testing.T) {
	var out kept
	h := closed(t, hydra.NewJSONHandler(&out, nil))
	assert.NilError(t, h.Handle(noContext, slog.NewRecord(testTime, slog.LevelInfo, "m", 0)))
	flushed(t, h)
	assert.Equal(t, len(out.lines()), 1)
}

func TestDerivingNothingReturnsTheHandler(t *testing.T) {
	h := closed(t, hydra.NewJSONHandler(&kept{}, nil))
	assert.Equal(t, h.WithAttrs(nil), slog.Handler(h))
	assert.Equal(t, h.WithAttrs([]slog.Attr{}), slog.Handler(h))
	assert.Equal(t, h.WithGroup(""), slog.Handler(h))
}

func TestDerivedHandlersShareOneLife(t *testing.T) {
	var out kept
	h := closed(t, hydra.NewJSONHandler(&out, nil))
	derived := h.WithGroup("g").(*hydra.Handler)
	slog.New(h).Info("m")
	assert.NilError(t, derived.Flush(t.Context()))
	assert.Equal(t, len(out.lines()), 1)
	assert.NilError(t, derived.Close(t.Context()))
	assert.Equal(t, h.Health().Phase, hydra.PhaseDone)
	assert.NilError(t, h.Close(t.Context()))
}

func TestFault53SiblingsShareNothing(t *testing.T) {
	for _, k := range dropIns {
		t.Run(k.name, func(t *testing.T) {
			var got, want kept
			h := closed(t, k.hydra(&got, nil))
			for _, root := range []slog.Handler{h, k.slog(&want, nil)} {
				parent := slog.New(dated{root}).With("a", 1, "b", 2).WithGroup("g").With("c", 3)
				siblings := make([]*slog.Logger, 4)
				for i := range siblings {
					siblings[i] = parent.With("sibling", i).WithGroup(strings.Repeat("x", i+1)).With("inner", i)
				}
				for i, s := range siblings {
					s.Info("m", "i", i)
				}
			}
			flushed(t, h)
			assert.Equal(t, got.String(), want.String())
		})
	}
}

func TestFault53SiblingsOfEveryLengthShareNothing(t *testing.T) {
	for _, k := range dropIns {
		t.Run(k.name, func(t *testing.T) {
			var got, want kept
			h := closed(t, k.hydra(&got, nil))
			for _, root := range []slog.Handler{h, k.slog(&want, nil)} {
				root = dated{root}
				for groups := range 25 {
					parent := slog.New(root)
					for range 25 { // attributes
						one, other := parent.With("x", "one"), parent.With("x", "other")
						one.Info("m", "own", 1)
						other.Info("m", "own", 2)
						parent.Info("m")
						parent = parent.With("a", groups)
					}
					root = root.WithGroup("g")
				}
			}
			flushed(t, h)
			assert.Equal(t, got.String(), want.String())
		})
	}
}

// The default Config stands for slog.NewJSONHandler(os.Stdout, nil), but must not
// write to the standard output of the tests.
func TestTheZeroConfigIsValid(t *testing.T) {
	h, err := hydra.Open(hydra.Config{})
	assert.NilError(t, err)
	closed(t, h)
	assert.Assert(t, h.Enabled(t.Context(), slog.LevelInfo))
	assert.Assert(t, !h.Enabled(t.Context(), slog.LevelDebug))
	d := h.Health().Destinations
	assert.Equal(t, len(d), 1)
	assert.Equal(t, d[0].Name, "default/0")
	assert.Equal(t, d[0].Sink, "stdout")
	assert.Equal(t, d[0].Policy, hydra.DropOldest)
	assert.Equal(t, d[0].Queue.RecordsMax, 32<<10)
	assert.Equal(t, d[0].Queue.BytesMax, int64(8<<20))
	m := h.Health().Memory
	assert.Equal(t, m.High, m.Percent > 70)
}

// Handlers are made and ended while others log: nothing is shared between them.
func TestHandlersAreIndependent(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var out kept
			h := hydra.NewTextHandler(&out, nil)
			log := slog.New(h).WithGroup("g")
			for i := range 100 {
				log.Info("m", "i", i)
			}
			assert.Check(t, h.Close(t.Context()) == nil)
			assert.Check(t, len(out.lines()) == 100)
		})
	}
	wg.Wait()
}
