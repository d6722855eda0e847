// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hydra-logger/hydra/format"
)

// Handler is a slog.Handler that brings each record to the destinations of its
// layer. Make one with NewHandler, Open, NewJSONHandler or NewTextHandler, and
// Close it before the program ends; the methods of a zero Handler panic.
//
// All methods are safe for concurrent use, also during and after Close. The
// handlers that WithAttrs and WithGroup return share destinations with the one
// they come from: Flush, Close and Health are the same on all of them.
type Handler struct {
	core    *core
	formats []format.Format // the router's, with this handler's attributes and groups
	place   place
	layer   *layer // of a record without an attribute that says otherwise
}

var _ slog.Handler = (*Handler)(nil)

// core is what a handler and all handlers derived from it share.
type core struct {
	// immutable
	config       Config
	router       *router
	destinations []*destination
	unchecked    bool // Handle takes records below the level, as slog's handlers do
	shared       *shared

	shutdown
}

const (
	// openTimeout bounds the opening of sinks in Open, and the closing of those that
	// were opened where one was not.
	openTimeout = 10 * time.Second

	// tellTimeout bounds what Open tells when it fails: a fallback that hangs costs
	// two seconds, and OnEvent gets one.
	tellTimeout = 3 * time.Second
)

// NewHandler returns a handler for cfg. It never fails and does not wait for a
// sink: what is wrong in cfg is named once on the fallback and replaced by its
// default, and the records of a destination without a working sink go to the
// fallback until the sink works. Open is its strict twin.
func NewHandler(cfg Config) *Handler {
	var check checker
	c := newCore(cfg, &check)
	_ = c.openRings() // each destination knows
	h := c.handler()
	for _, d := range c.destinations {
		if d.notDurable != nil {
			c.shared.reporter.report(Event{Kind: EventNotDurable, Destination: d.config.Name, Err: d.notDurable})
		}
	}
	for _, mistake := range check.mistakes {
		c.shared.reporter.report(Event{Kind: EventMistake, Err: mistake})
	}
	return h
}

// Open returns a handler for cfg, or an error that joins everything that is wrong
// with cfg, or else every sink that could not be opened within ten seconds. Each
// names its place, such as Layers["db"].Destinations[0].Queue.Bytes. When Open
// returns an error it has closed what it opened, and has told OnEvent and the fallback
// what it found and nobody would tell later, such as queue files that it quarantined.
//
// It takes ten seconds and a little more at most. A sink that has not returned by then,
// also from Close where another one could not be opened, is abandoned. Where Open fails
// a fallback or an OnEvent that hangs adds up to three seconds.
func Open(cfg Config) (*Handler, error) {
	var check checker
	c := newCore(cfg, &check)
	if len(check.mistakes) > 0 {
		c.endLife()
		return nil, errors.Join(check.mistakes...)
	}
	err := c.openRings()
	if err == nil {
		err = c.openSinks()
	}
	if err != nil {
		c.closeRings()
		c.endLife()
		c.tellAll()
		return nil, err
	}
	return c.handler(), nil
}

// tellAll tells what was found out on the way to a handler that there will not be, such
// as that a queue file was quarantined: nobody else will.
func (c *core) tellAll() {
	ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
	defer cancel()
	go c.shared.reporter.run() // ends when stop has it stopped
	c.shared.reporter.stop(ctx)
}

// NewJSONHandler returns a handler that writes to w the bytes that
// slog.NewJSONHandler writes, but from a goroutine of its own: no log call waits
// for w. Nil opts are slog's defaults.
//
// Its queue holds 32,768 records or 8 MiB, whichever comes first. When it is full the
// oldest record is dropped, counted and marked in the stream; NewHandler with the
// policy Block waits instead.
//
// Call Close, or at least Flush, before the program ends, and before reading what was
// written. os.Exit and log.Fatal skip a deferred Close: log the error and call Exit
// instead. When a logger with the handler is slog's default, package log writes to it,
// and log.Fatal loses its own message, too, unless log.SetOutput(os.Stderr) is called
// after slog.SetDefault. Records longer than format.DefaultMaxRecord are cut. A nil w
// means that records go to standard error. Close does not close w.
func NewJSONHandler(w io.Writer, opts *slog.HandlerOptions) *Handler {
	return newWriterHandler(w, opts, format.JSON)
}

// NewTextHandler is NewJSONHandler with the bytes of slog.NewTextHandler.
func NewTextHandler(w io.Writer, opts *slog.HandlerOptions) *Handler {
	return newWriterHandler(w, opts, format.Text)
}

func newWriterHandler(w io.Writer, opts *slog.HandlerOptions, f func(*format.Options) format.Format) *Handler {
	var o slog.HandlerOptions
	if opts != nil {
		o = *opts
	}
	h := NewHandler(Config{
		Level: o.Level,
		Layers: map[string]Layer{defaultLayer: {Destinations: []Destination{{
			Sink:   Writer(w),
			Format: f(&format.Options{AddSource: o.AddSource, ReplaceAttr: o.ReplaceAttr}),
		}}}},
	})
	h.core.unchecked = true
	return h
}

// newCore completes cfg and connects its parts. The writers do not run yet.
func newCore(cfg Config, check *checker) *core {
	c := &core{config: check.config(cfg)}
	c.router, c.destinations = newRouter(c.config, check)
	check.connect(c.destinations)
	fallback := newFallback(c.config.Fallback)
	reporter := newReporter(fallback, c.config.OnEvent)
	c.router.reporter = reporter
	life, end := context.WithCancel(context.Background())
	c.shared = &shared{
		fallback: fallback,
		reporter: reporter,
		pressure: newPressure(c.config.MemoryLimit, reporter),
		life:     life,
		started:  time.Now(),
	}
	c.endLife, c.closed = end, make(chan struct{})
	c.hurry, c.hasten = context.WithCancel(context.Background())
	for _, d := range c.destinations {
		d.shared = c.shared
		d.recent.Start(c.shared.started) // a rate is over the handler's life, not from the first record on
	}
	return c
}

// openSinks opens every sink, or none.
func (c *core) openSinks() error {
	ctx, cancel := context.WithTimeout(c.shared.life, openTimeout)
	defer cancel()
	failures := make([]error, len(c.destinations))
	var opening errgroup.Group
	for i, d := range c.destinations {
		opening.Go(func() error {
			failures[i] = d.openWithin(ctx)
			return failures[i]
		})
	}
	if opening.Wait() == nil {
		return nil
	}
	c.endLife() // now, for those that still open
	end, _ := ctx.Deadline()
	c.closeSinks(max(time.Until(end), closeReserve))
	return errors.Join(failures...)
}

// closeSinks closes the sinks that are open and waits for them for some time. One that
// does not return is abandoned.
func (c *core) closeSinks(patience time.Duration) {
	var closing sync.WaitGroup
	for _, d := range c.destinations {
		if d.opened {
			closing.Go(func() { // ends when the sink returns; nobody waits beyond patience
				defer d.leaveOrphans()
				_ = d.call("close", d.sink.Close) // the failure to open is the news
			})
		}
	}
	closed := make(chan struct{})
	go func() { // ends with the last of them
		closing.Wait()
		close(closed)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// handler starts the writers and returns the handler that everything else is
// derived from. Close ends them.
func (c *core) handler() *Handler {
	c.shared.pressure.guard(time.Now()) // or a queue might be full before anybody looks

	go c.shared.reporter.run() // ends when Close stops it, which waits for done
	for _, d := range c.destinations {
		go d.run() // ends when its queue is sealed and empty; Close waits for done
	}
	living.add(c) // until Close is done
	return &Handler{core: c, formats: c.router.formats, layer: c.router.usual}
}

// Enabled reports whether any destination of any layer takes records of that
// level: which layer a record goes to is known only with its attributes. Handle
// leaves out the destinations that do not take it.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.core.router.enabled(level)
}

// Handle encodes r and gives it to the queues of its layer's destinations. It
// does not wait for any of them, except for room under the policy Block, and from
// Destination.SyncLevel up until the sink has the record. A record that is too large
// for a queue, that comes while memory is short or after Close, or that has waited in
// vain under Block goes to the fallback, for which Handle waits two seconds at most.
// What a sink does later is not part of the result; see Flush and Health.
//
// The error joins those of the destinations: ErrQueueFull, where the record is lost and
// counted; ErrClosed, though the fallback has the record; a *DeliveryError from
// SyncLevel up; and that the fallback failed. Otherwise it is no error that the fallback
// has a record. The end of ctx never loses one: it ends the wait for room under Block,
// after which the record goes to the fallback, and from SyncLevel up the wait for the
// sink, which is then a *DeliveryError. Nothing of r is used after Handle returns.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	c := h.core
	var top []slog.Attr
	if ctx == nil {
		ctx = context.Background()
	}
	if ctx != context.Background() {
		top = c.contextAttrs(ctx)
	}
	layer := h.layer
	if c.router.search {
		layer = c.router.find(&h.place, &r, top)
	}
	var line format.Line
	var err error
	for i := range layer.outputs {
		if e := h.output(ctx, &line, &layer.outputs[i], &r, top); e != nil {
			err = join(err, e)
		}
	}
	line.Free()
	return err
}

// output encodes r once and offers it to the routes that take it.
func (h *Handler) output(ctx context.Context, line *format.Line, o *output, r *slog.Record, top []slog.Attr) error {
	var err error
	var b []byte
	var flaws format.Flaws
	for i := range o.routes {
		way := &o.routes[i]
		if !h.core.unchecked && !way.takes(r.Level) {
			continue
		}
		if len(b) == 0 {
			b, flaws = line.Encode(h.formats[o.format], r, top)
			if len(b) == 0 {
				return nil // a format that writes nothing has filtered the record
			}
		}
		if flaws != 0 {
			way.to.noteFlaws(flaws)
		}
		if e := way.to.offer(ctx, b, stampOf(r.Time), r.Level); e != nil {
			err = join(err, e)
		}
	}
	return err
}

// join is errors.Join of two, which allocates even for one error: a record refused
// under overload should cost as little as one that is taken. b is not nil.
func join(a, b error) error {
	if a == nil || a == ErrClosed && b == ErrClosed { // of the handler, whatever the destination
		return b
	}
	return errors.Join(a, b)
}

// WithAttrs returns a handler that adds attrs to every record. They are encoded
// now, once for each distinct format.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.derive(
		func(f format.Format) format.Format { return f.WithAttrs(attrs) },
		h.core.router.withAttrs(h.place, attrs),
	)
}

// WithGroup returns a handler that puts what is added later into a group. The
// path of open groups may choose the layer.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.derive(
		func(f format.Format) format.Format { return f.WithGroup(name) },
		h.core.router.withGroup(h.place, name),
	)
}

// derive returns a copy of h with other formats and another place. The two share
// nothing that either could change.
func (h *Handler) derive(f func(format.Format) format.Format, p place) *Handler {
	d := &Handler{core: h.core, formats: slices.Clone(h.formats), place: p, layer: h.core.router.usual}
	for i := range d.formats {
		d.formats[i] = f(d.formats[i])
	}
	if l := p.layer(); l != nil {
		d.layer = l
	}
	return d
}
