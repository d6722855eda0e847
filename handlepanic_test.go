// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
)

// strange is a value that a panic had better not be printed with.
type strange struct{ self *strange }

func TestFault3HandlePanicKeepsWhatAPanicLoses(t *testing.T) {
	self := &strange{}
	self.self = self
	tests := []struct {
		name   string
		panics func()
		says   string // in the record
		stderr string
	}{
		{"text", func() { panic("boom") }, "boom", "panic: boom"},
		{"error", func() { panic(syscall.ENOSPC) }, "no space left on device", "no space left on device"},
		{"runtime", func() { _ = []int(nil)[len(os.Args):] }, "slice bounds out of range", "slice bounds out of range"},
		{"nil", func() { panic(nil) }, "panic called with nil argument", "panic called with nil argument"},
		{"pointer", func() { panic(self) }, "(*hydra.strange)", "(*hydra.strange)"},
	}
	for _, tt := range tests {
		for _, handled := range []bool{false, true} {
			name := map[bool]string{false: "lost", true: "kept"}[handled]
			t.Run(tt.name+" "+name, func(t *testing.T) {
				if isChild(t) {
					h := gated(t, "log", func(h *Handler) bool {
						return h.Health().Destinations[0].Offered > exitRecords
					})
					logMany(h)
					go func() {
						if handled {
							defer HandlePanic(h.WithAttrs([]slog.Attr{slog.String("worker", "w1")}).(*Handler))
						}
						tt.panics()
					}()
					select {}
				}
				d := die(t)
				assert.Equal(t, d.code, 2, d.stderr)
				assert.Assert(t, strings.Contains(d.stderr, tt.stderr), d.stderr)
				assert.Assert(t, strings.Contains(d.stderr, "TestFault3HandlePanicKeepsWhatAPanicLoses.func"), d.stderr)
				all := d.records("log")
				if !handled {
					assert.Equal(t, len(all), 0)
					return
				}
				assert.Equal(t, len(all), exitRecords+1)
				last := all[exitRecords]
				assert.Equal(t, last["msg"], PanicMessage)
				assert.Equal(t, last["level"], "ERROR")
				assert.Equal(t, last["worker"], "w1")
				assert.Assert(t, strings.Contains(last["panic"].(string), tt.says), last["panic"])
				assert.Assert(t, strings.Contains(last["stack"].(string), "handlepanic_test.go"), last["stack"])
				source := last["source"].(map[string]any)
				assert.Equal(t, filepath.Base(source["file"].(string)), "handlepanic_test.go")
				assert.Assert(t, strings.Contains(source["function"].(string), "TestFault3HandlePanic"), source)
			})
		}
	}
}

// caught returns what f panics with.
func caught(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// panicRig returns a handler, its sink and its fallback.
func panicRig(set func(s *fault.Sink, d *Destination, c *Config)) (*Handler, *fault.Sink, *fault.Writer) {
	s, fallback := &fault.Sink{}, &fault.Writer{}
	d := Destination{Sink: s}
	c := Config{MemoryLimit: -1, Fallback: fallback}
	if set != nil {
		set(s, &d, &c)
	}
	c.Layers = map[string]Layer{"default": {Destinations: []Destination{d}}}
	return NewHandler(c), s, fallback
}

func TestHandlePanicPanicsAgainWithTheSameValue(t *testing.T) {
	for _, value := range []any{"boom", 7, &strange{}, errors.New("boom"), []int{1}} {
		h, s, _ := panicRig(nil)
		got := caught(func() {
			defer HandlePanic(h)
			panic(value)
		})
		assert.Assert(t, same(got, value) || len(value.([]int)) == len(got.([]int)))
		assert.Equal(t, len(s.Lines()), 1, "it was flushed")
		assert.Equal(t, caught(func() { defer HandlePanic(nil); panic(7) }), 7)
		assert.NilError(t, h.Close(t.Context()))
	}
}

func TestHandlePanicDoesNothingWithoutOne(t *testing.T) {
	h, s, fallback := panicRig(nil)
	assert.Equal(t, caught(func() { defer HandlePanic(h) }), nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer HandlePanic(h)
		runtime.Goexit()
	}()
	<-ended
	assert.NilError(t, h.Close(t.Context()))
	assert.Equal(t, len(s.Lines())+len(fallback.Lines()), 0)
}

func TestHandlePanicAfterCloseLeavesTheRecordOnTheFallback(t *testing.T) {
	h, _, fallback := panicRig(nil)
	assert.NilError(t, h.Close(t.Context()))
	assert.Equal(t, caught(func() { defer HandlePanic(h); panic(7) }), 7)
	assert.Equal(t, len(fallback.Lines()), 1)
	assert.Assert(t, strings.Contains(fallback.Lines()[0], `"panic":"7"`))
}

func TestHandlePanicIsBoundedWhateverTheSinkDoes(t *testing.T) {
	tests := []struct {
		name    string
		timeout time.Duration // Config.CloseTimeout
		want    time.Duration
	}{
		{"default", 0, 10 * time.Second},
		{"bounded", time.Second, time.Second},
		{"without bound", -1, 10 * time.Second},
	}
	for _, policy := range []Policy{DropOldest, Block} {
		for _, tt := range tests {
			t.Run(policy.String()+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					released := make(chan struct{})
					h, s, fallback := panicRig(func(s *fault.Sink, d *Destination, c *Config) {
						c.CloseTimeout, d.Policy, d.Queue.Records = tt.timeout, policy, 1
						s.OnWrite = fault.First(1, fault.Hang(released))
					})
					slog.New(h).Info("1")
					time.Sleep(10 * time.Millisecond)
					slog.New(h).Info("2") // and the queue is full
					begin := time.Now()
					assert.Equal(t, caught(func() { defer HandlePanic(h); panic(7) }), 7)
					assert.Equal(t, time.Since(begin), tt.want)
					close(released)
					assert.NilError(t, h.Close(t.Context()))
					found := string(s.Bytes()) + string(fallback.Bytes())
					assert.Equal(t, strings.Count(found, `"panic":"7"`), 1)
				})
			})
		}
	}
}

func TestHandlePanicGivesAFallbackThatHangsTwoSecondsMore(t *testing.T) {
	const timeout = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		h, _, fallback := panicRig(func(s *fault.Sink, d *Destination, c *Config) {
			c.CloseTimeout, d.Policy, d.Queue.Records = timeout, Block, 1
			s.OnWrite = fault.Always(fault.Hang(released))
		})
		fallback.OnWrite = fault.Always(fault.Hang(released))
		slog.New(h).Info("1")
		time.Sleep(10 * time.Millisecond)
		slog.New(h).Info("2") // and the queue is full
		begin := time.Now()
		assert.Equal(t, caught(func() { defer HandlePanic(h); panic(7) }), 7)
		took := time.Since(begin)
		assert.Assert(t, took > timeout && took <= timeout+2*time.Second, "it took %v", took)
		close(released)
		_ = h.Close(t.Context()) // the panic is nowhere, which Health has
	})
}

func TestHandlePanicInASinkDoesNotWaitForThatSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *Handler
		calls := 0
		var out bytes.Buffer
		h = NewJSONHandler(writerFunc(func(p []byte) (int, error) {
			if calls++; calls == 1 {
				begin := time.Now()
				defer func() { assert.Check(t, time.Since(begin) == 0) }()
				defer HandlePanic(h)
				panic("boom")
			}
			return out.Write(p)
		}), nil)
		slog.New(h).Info("1")
		time.Sleep(time.Second)
		assert.NilError(t, h.Close(t.Context()))
		assert.Equal(t, strings.Count(out.String(), "\n"), 2, out.String())
	})
}
