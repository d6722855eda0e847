// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package fault_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

func batch(records ...string) sink.Batch {
	var b sink.Batch
	for _, r := range records {
		b.Bytes = append(b.Bytes, r...)
		b.Ends = append(b.Ends, len(b.Bytes))
	}
	return b
}

func opened(t *testing.T, s *fault.Sink) *fault.Sink {
	t.Helper()
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestActions(t *testing.T) {
	tests := []struct {
		name    string
		action  fault.Action
		wantN   int
		wantErr error
		took    string
	}{
		{"right", fault.Action{}, 6, nil, "hello\n"},
		{"fail", fault.Fail(syscall.EIO), 0, syscall.EIO, ""},
		{"short", fault.Short(2, syscall.ENOSPC), 2, syscall.ENOSPC, "he"},
		{"short without an error", fault.Short(2, nil), 2, nil, "he"},
		{"more than there is", fault.Short(9, nil), 9, nil, "hello\n"},
		{"less than nothing", fault.Short(-1, io.ErrShortWrite), -1, io.ErrShortWrite, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := opened(t, &fault.Sink{OnWrite: fault.Always(tt.action)})
			n, err := s.Write(t.Context(), batch("hello\n"))
			if n != tt.wantN || err != tt.wantErr || string(s.Bytes()) != tt.took {
				t.Errorf("sink: got %d, %v, took %q; want %d, %v, %q", n, err, s.Bytes(), tt.wantN, tt.wantErr, tt.took)
			}
			w := &fault.Writer{OnWrite: fault.Always(tt.action)}
			n, err = w.Write([]byte("hello\n"))
			if n != tt.wantN || err != tt.wantErr || string(w.Bytes()) != tt.took {
				t.Errorf("writer: got %d, %v, took %q; want %d, %v, %q", n, err, w.Bytes(), tt.wantN, tt.wantErr, tt.took)
			}
		})
	}
}

func TestScriptsChooseTheCall(t *testing.T) {
	bad := fault.Fail(syscall.EIO)
	tests := []struct {
		name   string
		script fault.Script
		want   string // one letter per call: f fails, . does not
	}{
		{"none", nil, "....."},
		{"at", fault.At(3, bad), "..f.."},
		{"first", fault.First(2, bad), "ff..."},
		{"from", fault.From(4, bad), "...ff"},
		{"always", fault.Always(bad), "fffff"},
		{"steps", fault.Steps(fault.Action{}, bad, fault.Action{}, bad), ".f.f."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			s := &fault.Sink{OnOpen: tt.script, OnWrite: tt.script, OnFlush: tt.script}
			for range 5 {
				open := s.Open(t.Context())
				_, write := s.Write(t.Context(), batch("x\n"))
				flush := s.Flush(t.Context())
				if open != write || write != flush {
					t.Fatalf("got %v, %v, %v; want each kind counted by itself", open, write, flush)
				}
				got.WriteByte(".f"[min(len(errText(write)), 1)])
			}
			if got.String() != tt.want {
				t.Errorf("got %s, want %s", got.String(), tt.want)
			}
		})
	}
	if err := (&fault.Sink{OnClose: fault.At(1, bad)}).Close(t.Context()); err != syscall.EIO {
		t.Errorf("close: got %v, want %v", err, syscall.EIO)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPanicTakesNothingAndShowsInCalls(t *testing.T) {
	s := opened(t, &fault.Sink{OnWrite: fault.At(1, fault.Panic("boom"))})
	func() {
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("got panic %v, want boom", v)
			}
		}()
		s.Write(t.Context(), batch("x\n"))
	}()
	if _, err := s.Write(t.Context(), batch("yy\n", "z\n")); err != nil {
		t.Error(err)
	}
	want := []fault.Call{
		{Op: fault.Open, Nth: 1, Returned: true},
		{Op: fault.Write, Nth: 1, Records: 1, Bytes: 2},
		{Op: fault.Write, Nth: 2, Records: 2, Bytes: 5, Returned: true},
	}
	if got := s.Calls(); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, want := s.Lines(), []string{"yy", "z"}; !slices.Equal(got, want) {
		t.Errorf("got lines %q, want %q", got, want)
	}
	if got := s.Count(fault.Write); got != 2 {
		t.Errorf("got %d writes, want 2", got)
	}
	if got := s.Breaches(); len(got) > 0 {
		t.Errorf("got breaches %q, want none", got)
	}
}

func TestStallEndsWithItsChannelOrTheContext(t *testing.T) {
	tests := []struct {
		name     string
		action   func(<-chan struct{}) fault.Action
		release  time.Duration
		deadline time.Duration
		wantErr  error
		wantTook string
		wantTime time.Duration
	}{
		{"released", fault.Stall, time.Second, time.Minute, nil, "x\n", time.Second},
		{"context ends first", fault.Stall, time.Minute, time.Second, context.DeadlineExceeded, "", time.Second},
		{"deaf", fault.Hang, time.Minute, time.Second, nil, "x\n", time.Minute},
		{"then fails", func(c <-chan struct{}) fault.Action {
			return fault.Hang(c).Then(fault.Short(1, syscall.EIO))
		}, time.Minute, time.Second, syscall.EIO, "x", time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				s := opened(t, &fault.Sink{OnWrite: fault.At(1, tt.action(released))})
				timer := time.AfterFunc(tt.release, func() { close(released) })
				defer timer.Stop()
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				begin := time.Now()
				_, err := s.Write(ctx, batch("x\n"))
				if !errors.Is(err, tt.wantErr) || string(s.Bytes()) != tt.wantTook || time.Since(begin) != tt.wantTime {
					t.Errorf("got %v, took %q, after %v; want %v, %q, %v",
						err, s.Bytes(), time.Since(begin), tt.wantErr, tt.wantTook, tt.wantTime)
				}
			})
		})
	}
}

func TestAStalledWriterCanBeWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		w := &fault.Writer{OnWrite: fault.Always(fault.Stall(released))}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { w.Write([]byte("x\n")) })
		}
		synctest.Wait()
		if got := w.Calls(); len(got) != 3 || got[2].Returned || len(w.Lines()) != 0 {
			t.Errorf("stalled: got %+v and lines %q, want three calls under way and none", got, w.Lines())
		}
		close(released)
		wg.Wait()
		if got := w.Calls(); !got[0].Returned || !bytes.Equal(w.Bytes(), []byte("x\nx\nx\n")) {
			t.Errorf("released: got %+v and %q, want three lines", got, w.Bytes())
		}
	})
}

func TestBreachesOfTheContractAreFound(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		name string
		do   func(s *fault.Sink)
		want []string
	}{
		{"none", func(s *fault.Sink) { s.Open(ctx); s.Write(ctx, batch("x\n")); s.Flush(ctx); s.Close(ctx) }, nil},
		{"open may be repeated", func(s *fault.Sink) { s.Open(ctx); s.Open(ctx); s.Close(ctx) }, nil},
		{"close without open", func(s *fault.Sink) { s.Close(ctx) }, nil},
		{"write before open", func(s *fault.Sink) { s.Write(ctx, batch("x\n")) }, []string{"write before open"}},
		{"flush before open", func(s *fault.Sink) { s.Flush(ctx) }, []string{"flush before open"}},
		{"write after close", func(s *fault.Sink) { s.Open(ctx); s.Close(ctx); s.Write(ctx, batch("x\n")) }, []string{"write after close"}},
		{"second close", func(s *fault.Sink) { s.Open(ctx); s.Close(ctx); s.Close(ctx) }, []string{"close after close"}},
		{"empty batch", func(s *fault.Sink) { s.Open(ctx); s.Write(ctx, sink.Batch{}) }, []string{"batch of 0 bytes with ends []"}},
		{"empty record", func(s *fault.Sink) { s.Open(ctx); s.Write(ctx, batch("x\n", "", "y\n")) }, []string{"batch of 4 bytes with ends [2 2 4]"}},
		{"bytes past the end", func(s *fault.Sink) {
			s.Open(ctx)
			s.Write(ctx, sink.Batch{Bytes: []byte("x\ny"), Ends: []int{2}})
		}, []string{"batch of 3 bytes with ends [2]"}},
		{"end past the bytes", func(s *fault.Sink) {
			s.Open(ctx)
			s.Write(ctx, sink.Batch{Bytes: []byte("x\n"), Ends: []int{3}})
		}, []string{"batch of 2 bytes with ends [3]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s fault.Sink
			tt.do(&s)
			if got := s.Breaches(); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCallsAtTheSameTimeAreABreach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		s := opened(t, &fault.Sink{OnWrite: fault.At(1, fault.Stall(released))})
		go s.Write(t.Context(), batch("x\n"))
		synctest.Wait()
		s.Flush(t.Context())
		close(released)
		synctest.Wait()
		if got, want := s.Breaches(), []string{"flush during write"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestWhatWasTakenIsACopy(t *testing.T) {
	s := opened(t, &fault.Sink{})
	b := batch("one\n", "two")
	s.Write(t.Context(), b)
	b.Bytes[0] = 'X'
	s.Bytes()[1] = 'X'
	if got, want := s.Lines(), []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
