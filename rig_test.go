// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/fault"
)

// A rig is a handler with one destination, whose sink and fallback misbehave on
// command, and with what became of its events.
type rig struct {
	*hydra.Handler
	t        *testing.T
	sink     *fault.Sink
	fallback *fault.Writer

	mu     sync.Mutex
	events []hydra.Event // guarded by mu
}

// newRig returns a rig whose parts set may change before the handler is made. The
// test that makes it closes it. A rig whose sink was used against its contract
// fails the test.
func newRig(t *testing.T, set func(r *rig, d *hydra.Destination, c *hydra.Config)) *rig {
	t.Helper()
	r := &rig{t: t, sink: &fault.Sink{}, fallback: &fault.Writer{}}
	d := hydra.Destination{Name: "d", Sink: r.sink, Format: lines{}}
	c := hydra.Config{MemoryLimit: -1, OnEvent: r.note}
	if set != nil {
		set(r, &d, &c)
	}
	if c.Fallback == nil {
		c.Fallback = r.fallback
	}
	c.Layers = map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{d}}}
	r.Handler = hydra.NewHandler(c)
	t.Cleanup(func() { _ = r.Close(ended()) }) // of a test that failed
	t.Cleanup(func() { assert.DeepEqual(t, r.sink.Breaches(), []string(nil)) })
	return r
}

func (r *rig) note(e hydra.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// seen returns the events of a kind.
func (r *rig) seen(kind hydra.EventKind) []hydra.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []hydra.Event
	for _, e := range r.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// log logs records whose messages are the numbers from first to last, which the
// destination must take.
func (r *rig) log(first, last int) {
	r.t.Helper()
	for i := first; i <= last; i++ {
		assert.NilError(r.t, r.say(strconv.Itoa(i)))
	}
}

// say logs one record and returns what Handle does.
func (r *rig) say(message string) error { return say(r.Handler, message) }

func say(h *hydra.Handler, message string) error {
	return h.Handle(context.Background(), slog.NewRecord(time.Now(), slog.LevelInfo, message, 0))
}

// state returns the health of the destination, whose accounts must be exact.
func (r *rig) state() hydra.DestinationHealth {
	r.t.Helper()
	d := r.Health().Destinations[0]
	assert.Equal(r.t, d.Offered, d.Written+d.Fallback+d.Dropped+d.Rejected+d.Spooled+d.Pending)
	return d
}

// wantAccount checks the terms of the account, and that nothing is pending.
func (r *rig) wantAccount(written, fallback, dropped, rejected uint64) {
	r.t.Helper()
	d := r.state()
	got := [...]uint64{d.Written, d.Fallback, d.Dropped, d.Rejected, d.Pending}
	if want := [...]uint64{written, fallback, dropped, rejected, 0}; got != want {
		r.t.Errorf("account: got %v, want %v (written, fallback, dropped, rejected, pending)", got, want)
	}
}

// close closes the handler, which must bring every record to the sink.
func (r *rig) close() {
	r.t.Helper()
	assert.NilError(r.t, r.Close(context.Background()))
}

// settle gives writers the time to take what was logged, in a bubble of synctest.
func settle() {
	time.Sleep(20 * time.Millisecond)
	synctest.Wait()
}

// strays returns the lines of the fallback that are records, not hydra's news.
func (r *rig) strays() []string { return strays(r.fallback) }

func strays(w *fault.Writer) []string {
	var found []string
	for _, line := range w.Lines() {
		if !strings.HasPrefix(line, `{"`) {
			found = append(found, line)
		}
	}
	return found
}

// news returns the lines of the fallback that are hydra's news.
func (r *rig) news() []string {
	var found []string
	for _, line := range r.fallback.Lines() {
		if strings.HasPrefix(line, `{"`) {
			found = append(found, line)
		}
	}
	return found
}

// delivery returns the only delivery that a failed Flush or Close names.
func delivery(t *testing.T, err error) hydra.Delivery {
	t.Helper()
	var failure *hydra.DeliveryError
	assert.Assert(t, asDelivery(err, &failure), "got %v", err)
	assert.Equal(t, len(failure.Deliveries), 1, "got %v", err)
	return failure.Deliveries[0]
}

func asDelivery(err error, to **hydra.DeliveryError) bool {
	failure, ok := err.(*hydra.DeliveryError)
	*to = failure
	return ok
}

// numbers returns the lines that the numbers from first to last make.
func numbers(first, last int) []string {
	var all []string
	for i := first; i <= last; i++ {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

// join puts lists of lines together.
func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// gap returns the line of a gap marker.
func gap(dropped, rejected, fallback int) []string {
	return []string{fmt.Sprintf(hydra.GapMessage+" dropped=%d rejected=%d fallback=%d", dropped, rejected, fallback)}
}

// ending returns a context that ends after so long.
func ending(t *testing.T, after time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), after)
	t.Cleanup(cancel)
	return ctx
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// lines is a format: the message and the attributes, but for times.
type lines struct{}

func (lines) AppendRecord(dst []byte, r slog.Record, _ []slog.Attr) ([]byte, format.Flaws) {
	dst = append(dst, r.Message...)
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() != slog.KindTime {
			dst = fmt.Appendf(dst, " %s=%v", a.Key, a.Value)
		}
		return true
	})
	return append(dst, '\n'), 0
}

func (l lines) WithAttrs([]slog.Attr) format.Format { return l }
func (l lines) WithGroup(string) format.Format      { return l }
