// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// A rudeError is an error whose methods panic.
type rudeError struct{}

func (rudeError) Error() string   { panic("Error") }
func (rudeError) Is(error) bool   { panic("Is") }
func (rudeError) Unwrap() []error { panic("Unwrap") }

func TestErrorsOfSinksWhoseMethodsPanicDoNoHarm(t *testing.T) {
	for _, bad := range []error{(*fs.PathError)(nil), rudeError{}} {
		for op, s := range map[string]*fault.Sink{
			fault.Open:  {OnOpen: fault.Always(fault.Fail(bad))},
			fault.Write: {OnWrite: fault.Always(fault.Fail(bad))},
			fault.Flush: {OnFlush: fault.Always(fault.Fail(bad))},
			fault.Close: {OnClose: fault.Always(fault.Fail(bad))},
		} {
			t.Run(fmt.Sprintf("%T of %s", bad, op), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fallback := &fault.Writer{}
					cfg := hydra.Config{MemoryLimit: -1, Fallback: fallback, Layers: map[string]hydra.Layer{
						"default": {Destinations: []hydra.Destination{{Name: "d", Sink: s, Format: lines{}, RetryFor: time.Hour}}},
					}}
					h := hydra.NewHandler(cfg)
					for i := range 5 {
						assert.NilError(t, say(h, fmt.Sprint(i+1)))
					}
					err := h.Close(ending(t, time.Second))
					if op != fault.Open { // all may have gone to the fallback before Close
						assert.Assert(t, err != nil && err.Error() != "", "got %v", err)
					}
					all := append(strays(fallback), s.Lines()...)
					assert.DeepEqual(t, all, numbers(1, 5))
					d := h.Health().Destinations[0]
					assert.Equal(t, d.Written+d.Fallback, uint64(5))

					h, err = hydra.Open(cfg)
					if op == fault.Open {
						assert.ErrorContains(t, err, `Layers["default"].Destinations[0].Sink: `)
						return
					}
					assert.NilError(t, err)
					_ = h.Close(t.Context())
				})
			})
		}
	}
}

func TestOpenSaysAllThatASinkSays(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("cannot reach 192.0.2.7: %w (%w)", os.ErrDeadlineExceeded, io.EOF),
		errors.Join(io.EOF, errors.Join(fs.ErrPermission, fs.ErrExist)),
		&hydra.DeliveryError{Op: "close"}, // wraps none of several
	} {
		_, got := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{Sink: &fault.Sink{OnOpen: fault.Always(fault.Fail(err))}}}},
		}})
		for line := range strings.Lines(err.Error()) {
			assert.ErrorContains(t, got, `hydra: Layers["default"].Destinations[0].Sink: `+strings.TrimSpace(line))
		}
	}
}

func TestContextWhoseMethodsPanicNeverEnds(t *testing.T) {
	bad := struct{ context.Context }{} // as a request that was not filled in
	for _, level := range []slog.Leveler{nil, slog.LevelInfo} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(r *rig, d *hydra.Destination, _ *hydra.Config) {
				d.Policy, d.Queue.Records, d.SyncLevel = hydra.Block, 1, level
				r.sink.OnWrite = func(int) fault.Action {
					slow := make(chan struct{})
					time.AfterFunc(time.Second, func() { close(slow) })
					return fault.Stall(slow)
				}
			})
			for i := range 5 {
				record := slog.NewRecord(time.Now(), slog.LevelInfo, fmt.Sprint(i+1), 0)
				assert.NilError(t, r.Handle(bad, record))
			}
			r.close()
			r.wantAccount(5, 0, 0, 0)
		})
	}
}

func TestLevelsAreComparedWhole(t *testing.T) {
	var high slog.LevelVar
	for _, least := range []slog.Level{math.MinInt, 1<<31 - 1, math.MaxInt - 1} {
		for _, level := range []slog.Leveler{least, &high} {
			high.Set(least)
			h := hydra.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: level})
			want := slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: level})
			for _, l := range []slog.Level{math.MinInt, 0, 1<<31 - 2, 1<<31 - 1, math.MaxInt - 2, math.MaxInt - 1, math.MaxInt} {
				assert.Equal(t, h.Enabled(t.Context(), l), want.Enabled(t.Context(), l), "%d of %d", l, least)
			}
			assert.NilError(t, h.Close(t.Context()))
		}
	}
}

func TestFlushFromInsideASinkReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, inside := &callerSink{}, error(nil)
		h := hydra.NewHandler(hydra.Config{MemoryLimit: -1, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{Name: "d", Sink: s, Format: lines{}}}},
		}})
		s.call = func(op string) {
			if op == fault.Write {
				inside = h.Flush(context.Background())
			}
		}
		assert.NilError(t, say(h, "1"))
		assert.NilError(t, h.Close(t.Context()))
		assert.ErrorContains(t, inside, `destination "d": 0 written`)
		assert.ErrorContains(t, inside, "would wait for itself")
		assert.DeepEqual(t, s.Lines(), numbers(1, 1))
	})
}
