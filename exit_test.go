// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// exitRecords is how many records a child logs before it dies.
const exitRecords = 1000

// A gate is a file that takes nothing until the handler in front of it has come so
// far. What is in the queue when the process dies before that is lost for sure.
type gate struct {
	*os.File
	h    *Handler
	open func(*Handler) bool
}

func (g *gate) Write(p []byte) (int, error) {
	for !g.open(g.h) {
		runtime.Gosched()
	}
	return g.File.Write(p)
}

// closing is when Close has begun.
func closing(h *Handler) bool { return h.Health().Phase != PhaseRunning }

// gated returns a handler that writes to a file of the child, which the parent
// looks at.
func gated(t *testing.T, name string, open func(*Handler) bool) *Handler {
	t.Helper()
	f, err := os.Create(filepath.Join(os.Getenv("HYDRA_TEST_DIR"), name))
	assert.NilError(t, err)
	g := &gate{File: f, open: open}
	ready := make(chan struct{})
	g.open = func(h *Handler) bool { <-ready; return open(h) }
	g.h = NewJSONHandler(g, &slog.HandlerOptions{AddSource: true})
	close(ready)
	return g.h
}

// A death is how a child ended.
type death struct {
	t      *testing.T
	code   int
	stderr string
	dir    string
}

// die runs the test again in a process that must not end well, and returns how it
// did.
func die(t *testing.T) *death {
	t.Helper()
	d := &death{t: t, dir: t.TempDir()}
	cmd := child(t)
	cmd.Env = append(cmd.Env, "HYDRA_TEST_DIR="+d.dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	assert.Assert(t, errors.As(err, &exit), "%v\n%s", err, &stderr)
	d.code = exit.ExitCode()
	for line := range strings.Lines(stderr.String()) {
		// A child that gets little of the processors may log for so long that its gate,
		// which takes nothing until then, is news; so is a machine that is short of memory.
		if !strings.Contains(line, string(EventHanging)) && !strings.Contains(line, string(EventMemory)) {
			d.stderr += line
		}
	}
	return d
}

// records returns those in a file of the child, which must be whole.
func (d *death) records(name string) []map[string]any {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, name))
	assert.NilError(d.t, err)
	var all []map[string]any
	for line := range bytes.Lines(text) {
		var r map[string]any
		assert.NilError(d.t, json.Unmarshal(line, &r), "%s", line)
		all = append(all, r)
	}
	return all
}

func logMany(h *Handler) {
	for i := range exitRecords {
		slog.New(h).Info("record", "i", i)
	}
}

func TestFault4ExitKeepsWhatOsExitLoses(t *testing.T) {
	tests := []struct {
		name string
		exit func(int)
		want int // records
	}{
		{"os.Exit", os.Exit, 0},
		{"hydra.Exit", Exit, exitRecords},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if isChild(t) {
				for _, name := range []string{"1", "2"} {
					logMany(gated(t, name, closing))
				}
				tt.exit(7)
			}
			d := die(t)
			assert.Equal(t, d.code, 7)
			assert.Equal(t, d.stderr, "")
			for _, name := range []string{"1", "2"} {
				all := d.records(name)
				assert.Equal(t, len(all), tt.want)
				for i, r := range all {
					assert.Equal(t, r["i"], float64(i))
				}
			}
		})
	}
}

// Package log writes to slog's default handler, and log.Fatal does not wait for it.
func TestFault4LogFatalShowsItsMessageOnceLogWritesToStandardErrorAgain(t *testing.T) {
	tests := []struct {
		name string
		last func(string)
		want string // on standard error and in the file
	}{
		{"log.Fatal", func(s string) { log.Fatal(s) }, ""},
		{"with log.SetOutput", func(s string) { log.SetOutput(os.Stderr); log.Fatal(s) }, "the end\n"},
		{"hydra.Exit in its place", func(s string) { slog.Error(s); Exit(1) }, "the end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if isChild(t) {
				slog.SetDefault(slog.New(gated(t, "1", closing)))
				tt.last("the end")
			}
			d := die(t)
			assert.Equal(t, d.code, 1)
			got := d.stderr
			for _, r := range d.records("1") {
				got += r["msg"].(string)
			}
			assert.Equal(t, got, tt.want)
		})
	}
}

// stuck returns a handler whose sink does something instead of writing.
func stuck(timeout time.Duration, instead func()) *Handler {
	return NewHandler(Config{CloseTimeout: timeout, Layers: map[string]Layer{"default": {Destinations: []Destination{{
		Name: "stuck", Sink: Writer(writerFunc(func(p []byte) (int, error) {
			instead()
			return len(p), nil
		})),
	}}}}})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestExitEndsTheProgramWhoeverCallsIt(t *testing.T) {
	const short = 300 * time.Millisecond
	tests := []struct {
		name string
		exit func() // with code 7
		says string // on standard error
	}{
		{"many at once", func() {
			for range 8 {
				go Exit(7)
			}
			Exit(7)
		}, ""},
		{"deferred, in a panic", func() {
			defer Exit(7)
			panic("boom")
		}, ""},
		{"after Close", func() {
			begun := make(chan struct{})
			h := stuck(short, func() { close(begun); select {} })
			slog.New(h).Info("lost")
			<-begun // else Close would bring it to the fallback

			_ = h.Close(context.Background()) // the caller knows
			Exit(7)
		}, ""},
		{"a sink that hangs", func() {
			begun := make(chan struct{})
			h := stuck(short, func() { close(begun); select {} })
			slog.New(h).Info("held")
			<-begun
			Exit(7)
		}, "0 dropped, 1 unknown (the sink has not returned)"},
		{"inside a sink", func() {
			slog.New(stuck(short, func() { Exit(7) })).Info("held")
			select {}
		}, "0 dropped, 1 unknown (the sink has not returned)"},
		{"again, inside a sink", func() {
			begun := make(chan struct{})
			slog.New(stuck(short, func() {
				close(begun)
				for !exiting.Load() {
					runtime.Gosched()
				}
				Exit(8)
			})).Info("held")
			<-begun
			Exit(7)
		}, "0 dropped, 1 unknown (the sink has not returned)"},
		{"inside a goroutine that a sink waits for", func() {
			slog.New(stuck(short, func() { go Exit(7); select {} })).Info("held")
			select {}
		}, "0 dropped, 1 unknown (the sink has not returned)"},
		{"inside a value", func() {
			slog.New(stuck(0, func() {})).Info("held", "value", asked(func() { Exit(7) }))
		}, ""},
		{"inside the fallback", func() {
			h := NewHandler(Config{CloseTimeout: short, Fallback: writerFunc(func([]byte) (int, error) {
				Exit(7)
				return 0, nil
			})})
			_ = h.Close(context.Background())
			slog.New(h).Info("late")
			select {}
		}, ""},
		{"inside OnEvent", func() {
			NewHandler(Config{CloseTimeout: short, MemoryLimit: 101, OnEvent: func(Event) { Exit(7) }})
			select {}
		}, string(EventMistake)},
		{"while it is closed", func() {
			begun := make(chan struct{})
			h := stuck(short, func() { close(begun); select {} })
			slog.New(h).Info("held")
			<-begun
			go func() { _ = h.Close(ending(time.Hour)) }()
			for h.Health().Phase == PhaseRunning {
				runtime.Gosched()
			}
			Exit(7)
		}, "the program exits, and cannot wait any longer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if isChild(t) {
				logMany(gated(t, "other", closing))
				tt.exit()
			}
			d := die(t)
			assert.Equal(t, d.code, 7, d.stderr)
			assert.Equal(t, len(d.records("other")), exitRecords)
			if tt.says == "" {
				assert.Equal(t, d.stderr, "")
			}
			assert.Assert(t, strings.Contains(d.stderr, tt.says), d.stderr)
			news := strings.Count(d.stderr, string(EventExit))
			assert.Equal(t, news, strings.Count(d.stderr, "hydra: close"), d.stderr)
		})
	}
}

// asked is a value that is a call.
type asked func()

func (a asked) LogValue() slog.Value {
	a()
	return slog.Value{}
}

// ending returns a context that ends after so long.
func ending(after time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func TestExitIsBoundedWhereCloseIsNot(t *testing.T) {
	for _, tt := range []struct {
		name string
		exit func(*core) // by the sink
	}{
		{"inside a sink", (*core).exit}, // what Exit does before it ends the process
		{"inside a goroutine that a sink waits for", func(c *core) {
			over := make(chan struct{})
			go func() { defer close(over); c.exit() }()
			<-over
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h *Handler
				took := make(chan time.Duration, 1)
				fallback := &fault.Writer{}
				h = NewHandler(Config{CloseTimeout: -1, Fallback: fallback, Layers: map[string]Layer{
					"default": {Destinations: []Destination{{Sink: Writer(writerFunc(func(p []byte) (int, error) {
						begin := time.Now()
						tt.exit(h.core)
						took <- time.Since(begin)
						return len(p), nil
					}))}}},
				}})
				slog.New(h).Info("1")
				assert.Equal(t, <-took, defaultCloseTimeout)
				assert.Assert(t, strings.Contains(string(fallback.Bytes()), string(EventExit)))
			})
		})
	}
}

// givingUp is a sink that takes nothing, and returns when it is told to give up.
type givingUp struct{ fault.Sink }

func (*givingUp) Write(ctx context.Context, _ sink.Batch) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestExitRescuesWhatALongerCloseStillWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fallback := &fault.Writer{}
		h := NewHandler(Config{CloseTimeout: time.Second, Fallback: fallback, Layers: map[string]Layer{
			"default": {Destinations: []Destination{{Sink: &givingUp{}}}},
		}})
		logMany(h)
		closed := make(chan error, 1)
		go func() { closed <- h.Close(ending(time.Minute)) }()
		synctest.Wait()
		begin := time.Now()
		h.core.exit() // what Exit does before it ends the process
		took := time.Since(begin)
		assert.Assert(t, took >= time.Second && took <= time.Second+2*closeReserve, "it took %v", took)
		assert.Equal(t, strings.Count(string(fallback.Bytes()), `"msg":"record"`), exitRecords)
		var failure *DeliveryError
		assert.Assert(t, errors.As(<-closed, &failure))
		assert.ErrorIs(t, failure, errExit)
		assert.Equal(t, failure.Deliveries[0].Fallback, uint64(exitRecords))
		assert.Assert(t, strings.Contains(string(fallback.Bytes()), "1000 to the fallback, 0 dropped"), "it says what Close did")
	})
}

func TestExitTakesNoLongerThanItSaysWhateverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		h := NewHandler(Config{
			CloseTimeout: time.Second,
			Fallback:     &fault.Writer{OnWrite: fault.Always(fault.Hang(released))},
			Layers: map[string]Layer{"default": {Destinations: []Destination{
				{Sink: &fault.Sink{OnWrite: fault.Always(fault.Hang(released))}},
			}}},
		})
		logMany(h)
		closed := make(chan error, 1)
		go func() { closed <- h.Close(ending(time.Minute)) }()
		synctest.Wait()
		begin := time.Now()
		h.core.exit()
		took := time.Since(begin)
		close(released)
		assert.Assert(t, took <= time.Second+400*time.Millisecond+2*time.Second, "it took %v", took)
		assert.Assert(t, <-closed != nil)
	})
}

func TestExitInsideOnEventWaitsForAllButThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *Handler
		made := make(chan struct{})
		took := make(chan time.Duration, 1)
		h = NewHandler(Config{MemoryLimit: 101, Fallback: &fault.Writer{}, OnEvent: func(Event) {
			<-made
			begin := time.Now()
			h.core.shared.reporter.closing(goroutineID())
			h.core.exit()
			took <- time.Since(begin)
		}, Layers: map[string]Layer{"default": {Destinations: []Destination{{Sink: Writer(&bytes.Buffer{})}}}}})
		close(made)
		assert.Equal(t, <-took, time.Duration(0))
	})
}

func TestHandlersThatAreClosedAreForgotten(t *testing.T) {
	before := len(living.all())
	for range 100 {
		h := NewHandler(Config{Fallback: &fault.Writer{}, Layers: map[string]Layer{
			"default": {Destinations: []Destination{{Sink: Writer(&bytes.Buffer{})}}},
		}})
		assert.Equal(t, len(living.all()), before+1)
		assert.NilError(t, h.Close(t.Context()))
		assert.Equal(t, len(living.all()), before)
	}
	_, err := Open(Config{MemoryLimit: 101})
	assert.ErrorContains(t, err, "MemoryLimit")
	assert.Equal(t, len(living.all()), before)
}
