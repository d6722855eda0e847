// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/sink"
)

// batchOf returns the batch of records, each of which gets a newline.
func batchOf(records ...string) sink.Batch {
	var b sink.Batch
	for _, r := range records {
		b.Bytes = append(append(b.Bytes, r...), '\n')
		b.Ends = append(b.Ends, len(b.Bytes))
	}
	return b
}

// writeFunc is a writer of one function.
type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

func TestWriterGetsEachBatchInOneWrite(t *testing.T) {
	var got []string
	s := hydra.Writer(writeFunc(func(p []byte) (int, error) {
		got = append(got, string(p))
		return len(p), nil
	}))
	ctx := t.Context()
	assert.NilError(t, s.Open(ctx))
	for _, b := range []sink.Batch{batchOf("one", "two", "three"), batchOf("four")} {
		n, err := s.Write(ctx, b)
		assert.NilError(t, err)
		assert.Equal(t, n, len(b.Bytes))
	}
	assert.DeepEqual(t, got, []string{"one\ntwo\nthree\n", "four\n"})
}

func TestWriterReportsWhatTheWriterTook(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name    string
		n       int
		err     error
		wantN   int
		wantErr error
	}{
		{name: "everything", n: 4, wantN: 4},
		{name: "short without an error", n: 1, wantN: 1, wantErr: io.ErrShortWrite},
		{name: "short with an error", n: 1, err: broken, wantN: 1, wantErr: broken},
		{name: "everything and an error", n: 4, err: broken, wantN: 4, wantErr: broken},
		{name: "more than there was", n: 99, wantN: 4},
		{name: "less than nothing", n: -1, wantN: 0, wantErr: io.ErrShortWrite},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := hydra.Writer(writeFunc(func([]byte) (int, error) { return tt.n, tt.err }))
			n, err := s.Write(t.Context(), batchOf("abc"))
			assert.Equal(t, n, tt.wantN)
			assert.ErrorIs(t, err, tt.wantErr)
		})
	}
}

func TestWriterDoesNotWriteAfterTheContextEnded(t *testing.T) {
	var buf bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n, err := hydra.Writer(&buf).Write(ctx, batchOf("abc"))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, n, 0)
	assert.Equal(t, buf.String(), "")
}

func TestWriterOfNothingIsAnErrorOfOpen(t *testing.T) {
	closed, err := os.Create(filepath.Join(t.TempDir(), "closed"))
	assert.NilError(t, err)
	assert.NilError(t, closed.Close())
	tests := []struct {
		name string
		w    io.Writer
		want string
	}{
		{name: "nil", w: nil, want: "Writer(nil)"},
		{name: "nil buffer", w: (*bytes.Buffer)(nil), want: "*bytes.Buffer is nil"},
		{name: "nil file", w: (*os.File)(nil), want: "*os.File is nil"},
		{name: "nil function", w: writeFunc(nil), want: "writeFunc is nil"},
		{name: "closed file", w: closed, want: "file already closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := hydra.Writer(tt.w)
			assert.ErrorContains(t, s.Open(t.Context()), tt.want)
			assert.Assert(t, fmt.Sprint(s) != "")
			assert.NilError(t, s.Close(t.Context()))
		})
	}
}

// syncWriter records the calls it gets.
type syncWriter struct {
	calls             []string
	flushErr, syncErr error
	closed            bool
	strings.Builder
}

func (w *syncWriter) Flush() error { w.calls = append(w.calls, "flush"); return w.flushErr }
func (w *syncWriter) Sync() error  { w.calls = append(w.calls, "sync"); return w.syncErr }
func (w *syncWriter) Close() error { w.closed = true; return nil }

func TestWriterFlushEmptiesTheBufferAndThenSyncs(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name      string
		w         *syncWriter
		wantCalls []string
		wantErr   error
	}{
		{name: "both", w: &syncWriter{}, wantCalls: []string{"flush", "sync"}},
		{name: "flush fails", w: &syncWriter{flushErr: broken}, wantCalls: []string{"flush"}, wantErr: broken},
		{name: "sync fails", w: &syncWriter{syncErr: broken}, wantCalls: []string{"flush", "sync"}, wantErr: broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.ErrorIs(t, hydra.Writer(tt.w).Flush(t.Context()), tt.wantErr)
			assert.DeepEqual(t, tt.w.calls, tt.wantCalls)
		})
	}
}

func TestWriterFlushReachesABufferedWriter(t *testing.T) {
	var buf bytes.Buffer
	s := hydra.Writer(bufio.NewWriter(&buf))
	_, err := s.Write(t.Context(), batchOf("abc"))
	assert.NilError(t, err)
	assert.Equal(t, buf.String(), "")
	assert.NilError(t, s.Flush(t.Context()))
	assert.Equal(t, buf.String(), "abc\n")
}

func TestFault39WriterFlushIgnoresThatAPipeCannotBeSynced(t *testing.T) {
	r, w, err := os.Pipe()
	assert.NilError(t, err)
	defer r.Close()
	defer w.Close()
	if err := w.Sync(); err == nil {
		t.Skip("this system can sync a pipe")
	}
	assert.NilError(t, hydra.Writer(w).Flush(t.Context()))

	// Other errors of Sync are not ignored.
	assert.ErrorIs(t, hydra.Writer(&syncWriter{syncErr: syscall.EIO}).Flush(t.Context()), syscall.EIO)
}

func TestWriterCloseLeavesTheWriterOpen(t *testing.T) {
	w := &syncWriter{}
	assert.NilError(t, hydra.Writer(w).Close(t.Context()))
	assert.Assert(t, !w.closed)
}

func TestDestinationsThatShareAWriterButNoSettingsWriteToItInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inside, most atomic.Int32
		var lines bytes.Buffer // without a lock of its own
		w := writeFunc(func(p []byte) (int, error) {
			most.Store(max(most.Load(), inside.Add(1)))
			defer inside.Add(-1)
			time.Sleep(time.Second)
			return lines.Write(p)
		})
		h, err := hydra.Open(hydra.Config{MemoryLimit: -1, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{Sink: hydra.Writer(&w)}}},
			"text":    {Destinations: []hydra.Destination{{Sink: hydra.Writer(&w), Format: format.Text(nil)}}},
			"error":   {Destinations: []hydra.Destination{{Sink: hydra.Writer(&w), Policy: hydra.Error}}},
		}})
		assert.NilError(t, err)
		assert.Equal(t, len(h.Health().Destinations), 3)
		log := slog.New(h)
		log.Info("m")
		log.Info("m", "layer", "text")
		log.Info("m", "layer", "error")
		assert.NilError(t, h.Flush(t.Context()))
		assert.Equal(t, most.Load(), int32(1))
		assert.Equal(t, strings.Count(lines.String(), "\n"), 3)
		assert.NilError(t, h.Close(t.Context()))
	})
}

func TestAWriterThatHangsInOneDestinationHoldsUpNoContextOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered, released := make(chan struct{}, 1), make(chan struct{})
		w := writeFunc(func(p []byte) (int, error) {
			entered <- struct{}{}
			<-released
			return len(p), nil
		})
		h, err := hydra.Open(hydra.Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{Name: "a", Sink: hydra.Writer(&w)}}},
			"text":    {Destinations: []hydra.Destination{{Name: "b", Sink: hydra.Writer(&w), Format: format.Text(nil)}}},
		}})
		assert.NilError(t, err)
		log := slog.New(h)
		log.Info("m")
		<-entered
		log.Info("m", "layer", "text")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var failure *hydra.DeliveryError
		assert.Assert(t, errors.As(h.Close(ctx), &failure))
		for _, d := range failure.Deliveries {
			if d.Destination == "b" { // its sink gave up with the context
				assert.Equal(t, d.Fallback, uint64(1), "%+v", d)
			}
		}
		close(released)
	})
}

func TestAWriterThatLogsToAnotherOfItsDestinationsDoesNotWaitForItself(t *testing.T) {
	for _, how := range []string{"SyncLevel", "Block", "Flush"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log *slog.Logger
				var h *hydra.Handler
				var once atomic.Bool
				var got bytes.Buffer
				w := writeFunc(func(p []byte) (int, error) {
					if strings.Contains(string(p), "first") && !once.Swap(true) {
						switch how {
						case "Block":
							for range 20 {
								log.Error("second", "layer", "b")
							}
						case "SyncLevel":
							log.Error("second", "layer", "b")
						case "Flush":
							log.Error("second", "layer", "b")
							ctx, c := context.WithTimeout(context.Background(), time.Hour)
							_ = h.Flush(ctx)
							c()
						}
					}
					return got.Write(p)
				})
				b := hydra.Destination{Name: "b", Sink: hydra.Writer(&w), Format: format.Text(nil)}
				switch how {
				case "SyncLevel":
					b.SyncLevel = slog.LevelError
				case "Block":
					b.Policy, b.Queue.Records, b.BlockTimeout = hydra.Block, 4, -1
				}
				h = hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]hydra.Layer{
					"default": {Destinations: []hydra.Destination{{Name: "a", Sink: hydra.Writer(&w)}}},
					"b":       {Destinations: []hydra.Destination{b}},
				}})
				log = slog.New(h)
				log.Info("first")
				time.Sleep(time.Minute)
				for _, d := range h.Health().Destinations {
					if d.InCall > 0 || d.Pending > 0 {
						t.Errorf("after a minute %s is in a call for %v, %d pending", d.Name, d.InCall, d.Pending)
					}
				}
				assert.NilError(t, h.Close(context.Background()))
			})
		})
	}
}

func TestWriterHasAName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f, err := os.Create(path)
	assert.NilError(t, err)
	defer f.Close()
	tests := []struct {
		name string
		sink sink.Sink
		want string
	}{
		{name: "buffer", sink: hydra.Writer(&bytes.Buffer{}), want: "*bytes.Buffer"},
		{name: "file", sink: hydra.Writer(f), want: fmt.Sprintf("*os.File %q", path)},
		{name: "standard output as a file", sink: hydra.Writer(os.Stdout), want: "stdout"},
		{name: "standard error as a file", sink: hydra.Writer(os.Stderr), want: "stderr"},
		{name: "standard output", sink: hydra.Stdout(), want: "stdout"},
		{name: "standard error", sink: hydra.Stderr(), want: "stderr"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, fmt.Sprint(tt.sink), tt.want)
		})
	}
}

// withoutTime drops the time, which no example can foretell.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func ExampleWriter() {
	var buf bytes.Buffer
	h := hydra.NewHandler(hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{
			Sink:   hydra.Writer(&buf),
			Format: format.JSON(&format.Options{ReplaceAttr: withoutTime}),
		}}},
	}})
	slog.New(h).Info("hello", "user", 7)
	fmt.Println(h.Close(context.Background()))
	fmt.Print(buf.String())
	// Output:
	// <nil>
	// {"level":"INFO","msg":"hello","user":7}
}

func ExampleStdout() {
	h := hydra.NewHandler(hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{
			Sink:   hydra.Stdout(),
			Format: format.Text(&format.Options{ReplaceAttr: withoutTime}),
		}}},
	}})
	slog.New(h).Info("hello", "user", 7)
	if err := h.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: level=INFO msg=hello user=7
}

func ExampleStderr() {
	h := hydra.NewHandler(hydra.Config{Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{Sink: hydra.Stderr(), Format: format.Text(nil)}}},
	}})
	slog.New(h).Info("on its way to the standard error")
	fmt.Println(h.Close(context.Background()))
	// Output: <nil>
}
