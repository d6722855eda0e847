// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

func TestOpenOpensAllSinksOrNone(t *testing.T) {
	denied, absent := errors.New("denied"), errors.New("absent")
	good := &fault.Sink{}
	cfg := sound(io.Discard, good)
	destination("a", hydra.Destination{Sink: &fault.Sink{OnOpen: fault.Always(fault.Fail(denied))}})(&cfg)
	destination("b", hydra.Destination{Sink: &fault.Sink{OnOpen: fault.Always(fault.Fail(absent))}})(&cfg)
	destination("c", hydra.Destination{Sink: &fault.Sink{OnOpen: fault.Always(fault.Panic("boom"))}})(&cfg)
	h, err := hydra.Open(cfg)
	assert.Assert(t, h == nil)
	assert.ErrorIs(t, err, denied)
	assert.ErrorIs(t, err, absent)
	assert.ErrorContains(t, err, `hydra: Layers["a"].Destinations[0].Sink: denied`)
	assert.ErrorContains(t, err, `hydra: Layers["c"].Destinations[0].Sink: panic: boom`)
	assert.Equal(t, good.Count(fault.Open), 1)
	assert.Equal(t, good.Count(fault.Close), 1)
	assert.Equal(t, len(good.Breaches()), 0, good.Breaches())
}

func TestOpenReturnsAHandlerThatWorks(t *testing.T) {
	s := &fault.Sink{}
	h, err := hydra.Open(sound(io.Discard, s))
	assert.NilError(t, err)
	closed(t, h)
	slog.New(h).Info("m")
	assert.NilError(t, h.Close(t.Context()))
	assert.Equal(t, len(s.Lines()), 1)
	assert.Equal(t, s.Count(fault.Open), 1)
	assert.Equal(t, len(s.Breaches()), 0, s.Breaches())
}

func TestOpenGivesUpOnASinkThatHangs(t *testing.T) {
	tests := []struct {
		name string
		open func(<-chan struct{}) fault.Action
		want int // how often the sink is closed once it has opened after all
	}{
		{"with an ear for the context", fault.Stall, 0},
		{"deaf", fault.Hang, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				s, good := &fault.Sink{OnOpen: fault.Always(tt.open(released))}, &fault.Sink{}
				cfg := sound(io.Discard, good)
				destination("slow", hydra.Destination{Sink: s})(&cfg)
				start := time.Now()
				_, err := hydra.Open(cfg)
				assert.Equal(t, time.Since(start), 10*time.Second)
				assert.ErrorContains(t, err, `Layers["slow"].Destinations[0].Sink: has not opened within 10s`)
				assert.Equal(t, good.Count(fault.Close), 1)
				close(released)
				synctest.Wait()
				assert.Equal(t, s.Count(fault.Close), tt.want)
			})
		})
	}
}

func TestOpenReturnsThoughASinkDoesNotReturnFromClose(t *testing.T) {
	tests := []struct {
		name string
		open func(<-chan struct{}) fault.Action // of another sink
		want time.Duration
	}{
		{"another fails", func(<-chan struct{}) fault.Action { return fault.Fail(errors.New("denied")) }, 10 * time.Second},
		{"another hangs", fault.Hang, 10*time.Second + 200*time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				stuck := &fault.Sink{OnClose: fault.Always(fault.Hang(released))}
				good := &fault.Sink{}
				cfg := sound(io.Discard, stuck)
				destination("bad", hydra.Destination{Sink: &fault.Sink{OnOpen: fault.Always(tt.open(released))}})(&cfg)
				destination("good", hydra.Destination{Sink: good})(&cfg)
				start := time.Now()
				_, err := hydra.Open(cfg)
				took := time.Since(start)
				close(released)
				assert.ErrorContains(t, err, `Layers["bad"]`)
				assert.Equal(t, took, tt.want)
				assert.Equal(t, good.Count(fault.Close), 1, "it waits for no other")
				synctest.Wait()
			})
		})
	}
}

func TestNewHandlerDoesNotWaitForASinkToOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		s := &fault.Sink{OnOpen: fault.Always(fault.Hang(released))}
		var fallback kept
		start := time.Now()
		h := hydra.NewHandler(sound(&fallback, s))
		slog.New(h).Info("early")
		assert.Equal(t, time.Since(start), time.Duration(0))
		<-time.After(time.Minute) // of the bubble
		assert.Equal(t, h.Health().Status, hydra.StatusFailing)
		close(released)
		assert.NilError(t, h.Close(context.Background()))
		assert.Equal(t, len(s.Lines()), 1)
		assert.Equal(t, strings.Count(fallback.String(), "\n"), 1)
		assert.Assert(t, strings.Contains(fallback.String(), "hydra: sink hangs"))
	})
}

func TestCloseWaitsTenSecondsByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hydra.NewHandler(sound(io.Discard, &fault.Sink{OnWrite: fault.Always(fault.Stall(make(chan struct{})))}))
		slog.New(h).Info("m")
		start := time.Now()
		assert.ErrorContains(t, h.Close(context.Background()), "1 to the fallback")
		took := time.Since(start)
		assert.Assert(t, took > 8*time.Second && took <= 10*time.Second, took)
	})
}

func TestAFailingSinkIsTriedForFiveSecondsByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var broken time.Duration
		cfg := sound(io.Discard, &fault.Sink{OnWrite: fault.Always(fault.Fail(errors.New("no")))})
		cfg.OnEvent = func(hydra.Event) { broken = time.Since(start) }
		h := hydra.NewHandler(cfg)
		slog.New(h).Info("m")
		assert.ErrorContains(t, h.Flush(context.Background()), "1 to the fallback")
		synctest.Wait()
		assert.Assert(t, broken >= 5*time.Second && broken < 7*time.Second, broken)
		assert.NilError(t, h.Close(context.Background()))
	})
}

func TestASinkThatFailsToOpenIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fault.Sink{OnOpen: fault.First(2, fault.Fail(errors.New("not yet")))}
		var fallback kept
		var events []hydra.EventKind
		cfg := sound(&fallback, s)
		cfg.OnEvent = func(e hydra.Event) { events = append(events, e.Kind) }
		h := hydra.NewHandler(cfg)
		synctest.Wait()
		var want []string
		for _, m := range []string{"one", "two", "three"} {
			slog.New(h).Info(m)
			want = append(want, m)
			<-time.After(2 * time.Second) // of the bubble
		}
		assert.NilError(t, h.Close(context.Background()))
		var got []string
		for _, line := range append(fallback.lines(), s.Lines()...) {
			if m := parseJSON(t, line)["msg"].(string); !strings.HasPrefix(m, "hydra: ") {
				got = append(got, m)
			}
		}
		assert.DeepEqual(t, got, want)
		assert.Equal(t, s.Count(fault.Open), 3)
		assert.DeepEqual(t, events, []hydra.EventKind{hydra.EventBroken, hydra.EventMended})
	})
}
