// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink"
)

// childEnv tells a process that it is the child of the test named in it.
const childEnv = "HYDRA_TEST_CHILD"

// child is the test binary, started again for the test t alone. What that
// process writes to descriptor 3 is its report.
func child(t *testing.T) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	// The race detector would wait a second before the process may end.
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// report runs cmd and returns its report. A process that does not end well is an
// error of the test: death by a signal, for instance.
func report(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	r, w, err := os.Pipe()
	assert.NilError(t, err)
	defer r.Close()
	cmd.ExtraFiles = []*os.File{w}
	assert.NilError(t, cmd.Start())
	assert.NilError(t, w.Close())
	got, err := io.ReadAll(r)
	assert.NilError(t, err)
	assert.NilError(t, cmd.Wait(), "report: %s", got)
	return string(got)
}

// isChild reports whether this process is the child for the test t.
func isChild(t *testing.T) bool { return os.Getenv(childEnv) == t.Name() }

// endChild ends the process with its report, before the testing package prints
// anything to the standard output.
func endChild(format string, args ...any) {
	_, err := fmt.Fprintf(os.NewFile(3, "report"), format, args...)
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// unreadPipe returns a pipe whose write end is blocking, as a shell would make
// it, or non-blocking, as a neighbour may have made it.
func unreadPipe(t *testing.T, nonblock bool) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	assert.NilError(t, unix.Pipe(fds[:]))
	w = os.NewFile(uintptr(fds[1]), "w")
	r = os.NewFile(uintptr(fds[0]), "r")
	assert.NilError(t, unix.SetNonblock(fds[1], nonblock))
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// untilFull returns a context that ends when the pipe of s has no room.
func untilFull(t *testing.T, s *stdio) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	fds := []unix.PollFd{{Fd: int32(s.dup.fd), Events: unix.POLLOUT}}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer cancel()
		for n := 1; n != 0 && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
			n, _ = unix.Poll(fds, 0)
		}
	}()
	t.Cleanup(func() { cancel(); <-over })
	return ctx
}

// linesOf returns a batch of n records of many lengths, some far longer than
// what a pipe takes in one piece.
func linesOf(n int) sink.Batch {
	var b sink.Batch
	for i := range n {
		b.Bytes = fmt.Appendf(b.Bytes, "%d %s\n", i, strings.Repeat("x", i*i*37%20_000))
		b.Ends = append(b.Ends, len(b.Bytes))
	}
	return b
}

func TestFault35StandardStreamsOutliveTheirReader(t *testing.T) {
	write := func(s sink.Sink) error {
		ctx := context.Background()
		if err := s.Open(ctx); err != nil {
			return err
		}
		_, err := s.Write(ctx, linesOf(3))
		return errors.Join(err, s.Close(ctx))
	}
	tests := []struct {
		name string
		run  func() error
	}{
		{name: "Stdout", run: func() error { return write(Stdout()) }},
		{name: "Stderr", run: func() error { return write(Stderr()) }},
		{name: "Writer of os.Stdout", run: func() error { return write(Writer(os.Stdout)) }},
		{name: "Writer of os.Stderr", run: func() error { return write(Writer(os.Stderr)) }},
		{name: "Writer of a descriptor 1", run: func() error { return write(Writer(os.NewFile(1, "one"))) }},
		{name: "fallback", run: func() error { _, err := stderrWriter{}.Write([]byte("abc\n")); return err }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if isChild(t) {
				err := tt.run()
				endChild("%v %v", errors.Is(err, unix.EPIPE), err)
			}
			r, w := unreadPipe(t, false)
			assert.NilError(t, r.Close())
			cmd := child(t)
			cmd.Stdout, cmd.Stderr = w, w
			got := report(t, cmd)
			assert.Assert(t, strings.HasPrefix(got, "true "), "got %q, want a broken pipe", got)
		})
	}
}

func TestFault35HandlerOfOsStdoutOutlivesItsReader(t *testing.T) {
	if isChild(t) {
		h := NewJSONHandler(os.Stdout, nil)
		slog.New(h).Info("hello")
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = h.Flush(context.Background()) // an error: it went to the fallback
		_ = h.Close(ctx)                  // says nothing of what went to the fallback before
		d := h.Health().Destinations[0]
		endChild("%d written, %d to the fallback", d.Written, d.Fallback)
	}
	r, w := unreadPipe(t, false)
	assert.NilError(t, r.Close())
	var stderr bytes.Buffer
	cmd := child(t)
	cmd.Stdout, cmd.Stderr = w, &stderr
	assert.Equal(t, report(t, cmd), "0 written, 1 to the fallback")
	assert.Assert(t, strings.Contains(stderr.String(), `"msg":"hello"`), "got %q on the fallback", stderr.String())
}

func TestFault38StdoutThatWasClosedIsAnErrorOfOpen(t *testing.T) {
	if isChild(t) {
		ctx := context.Background()
		stdout, stderr := Stdout(), Stderr()
		if err := unix.Close(1); err != nil {
			endChild("close: %v", err)
		}
		err := stdout.Open(ctx)
		other := stderr.Open(ctx)
		_, free := unix.FcntlInt(1, unix.F_GETFD, 0)
		endChild("%v; stderr: %v; descriptor 1: %v", err, other, free)
	}
	cmd := child(t)
	got := report(t, cmd)
	want := "hydra: stdout cannot be used, it was closed or never open: bad file descriptor; stderr: <nil>; descriptor 1: bad file descriptor"
	assert.Equal(t, got, want)
}

func TestFault38StdoutThatWasNeverOpenTakesNoFileOfOurs(t *testing.T) {
	if isChild(t) {
		// The Go runtime opened the null device in place of the closed
		// descriptors, so that no file can take their numbers.
		ctx := context.Background()
		s := Stdout()
		if err := s.Open(ctx); err != nil {
			endChild("open: %v", err)
		}
		n, err := s.Write(ctx, linesOf(1))
		endChild("%d %v %v", n, err, s.(*stdio).dup.fd > 2)
	}
	cmd := child(t)
	cmd.Args = append([]string{"sh", "-c", `exec "$0" "$@" <&- >&- 2>&-`}, cmd.Args...)
	sh, err := exec.LookPath("sh")
	assert.NilError(t, err)
	cmd.Path = sh
	assert.Equal(t, report(t, cmd), "3 <nil> true")
}

func TestFault36And37StdoutReturnsAtTheContextsEndAndContinuesAtTheRightByte(t *testing.T) {
	tests := []struct {
		name     string
		nonblock bool
		polled   bool
	}{
		{name: "blocking pipe", polled: true},
		{name: "non-blocking pipe", nonblock: true, polled: true},
		{name: "non-blocking device that cannot be polled", nonblock: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			r, w := unreadPipe(t, tt.nonblock)
			s := &stdio{name: "stdout", file: w}
			assert.NilError(t, s.Open(t.Context()))
			s.dup.waits = tt.polled
			b := linesOf(200)

			n, err := s.Write(untilFull(t, s), b)
			assert.ErrorIs(t, err, context.Canceled)
			assert.Assert(t, n > 0 && n < len(b.Bytes), "got %d, want what a pipe holds, of %d", n, len(b.Bytes))
			short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			again, err := s.Write(short, b)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, again, 0)

			read := make(chan []byte)
			go func() {
				got, _ := io.ReadAll(r)
				read <- got
			}()
			rest := sink.Batch{Bytes: b.Bytes[n:]}
			for _, end := range b.Ends {
				if end > n {
					rest.Ends = append(rest.Ends, end-n)
				}
			}
			m, err := s.Write(t.Context(), rest)
			assert.NilError(t, err)
			assert.Equal(t, n+m, len(b.Bytes))

			flags, err := unix.FcntlInt(w.Fd(), unix.F_GETFL, 0)
			assert.NilError(t, err)
			assert.Equal(t, flags&unix.O_NONBLOCK != 0, tt.nonblock, "the blocking mode of the shared pipe")
			assert.NilError(t, s.Close(t.Context()))
			assert.NilError(t, w.Close())
			assert.Assert(t, bytes.Equal(<-read, b.Bytes))
		})
	}
}

func TestFault36StdoutReturnsWhenTheContextIsCancelled(t *testing.T) {
	_, w := unreadPipe(t, false)
	s := &stdio{name: "stdout", file: w}
	assert.NilError(t, s.Open(t.Context()))
	_, err := s.Write(untilFull(t, s), linesOf(200))
	assert.ErrorIs(t, err, context.Canceled)
	assert.NilError(t, s.Close(t.Context()))
}

func TestSinksOfOnePipeDoNotMixWithinALine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r, w := unreadPipe(t, false)
	var writers sync.WaitGroup
	for _, letter := range "abcd" {
		s := &stdio{name: "stdout", file: w}
		assert.NilError(t, s.Open(t.Context()))
		line := strings.Repeat(string(letter), 10_000) + "\n"
		b := sink.Batch{Bytes: []byte(line + line), Ends: []int{len(line), 2 * len(line)}}
		writers.Go(func() {
			for range 20 {
				if _, err := s.Write(t.Context(), b); err != nil {
					t.Error(err)
				}
			}
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	go func() {
		writers.Wait()
		w.Close()
	}()
	got, err := io.ReadAll(r)
	assert.NilError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(got), "\n"), "\n")
	assert.Equal(t, len(lines), 4*20*2)
	for _, line := range lines {
		if line != strings.Repeat(line[:1], 10_000) {
			t.Fatalf("got a line of %d bytes that is not one record", len(line))
		}
	}
}

func TestFault11StdoutOnAFullDiskIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no full device here: ", err)
	}
	defer full.Close()
	s := &stdio{name: "stdout", file: full}
	assert.NilError(t, s.Open(t.Context()))
	n, err := s.Write(t.Context(), linesOf(3))
	assert.ErrorIs(t, err, unix.ENOSPC)
	assert.ErrorContains(t, err, "write stdout")
	assert.Equal(t, n, 0)
	assert.NilError(t, s.Close(t.Context()))
}

func TestStdoutOpensAgainAndIsClosedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(path)
	assert.NilError(t, err)
	defer f.Close()
	before := descriptorsOf(t, f)
	s := &stdio{name: "stdout", file: f}
	for range 3 {
		assert.NilError(t, s.Open(t.Context()))
		_, err := s.Write(t.Context(), linesOf(1))
		assert.NilError(t, err)
		assert.NilError(t, s.Flush(t.Context()))
	}
	assert.NilError(t, s.Close(t.Context()))
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, descriptorsOf(t, f), before)
	_, err = s.Write(t.Context(), linesOf(1))
	assert.ErrorIs(t, err, os.ErrClosed)
	got, err := os.ReadFile(path)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "0 \n0 \n0 \n")
}

// descriptorsOf counts the descriptors of this process that lead to a file. What other
// tests have left to the collector does not matter.
func descriptorsOf(t *testing.T, f *os.File) int {
	t.Helper()
	var want, got unix.Stat_t
	assert.NilError(t, unix.Fstat(int(f.Fd()), &want))
	n := 0
	for fd := range 1024 {
		if unix.Fstat(fd, &got) == nil && got.Dev == want.Dev && got.Ino == want.Ino {
			n++
		}
	}
	return n
}

// openDescriptors counts the descriptors of this process.
func openDescriptors() int {
	n := 0
	for fd := range uintptr(1024) {
		if _, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err == nil {
			n++
		}
	}
	return n
}

func TestFault38And66FallbackFollowsStderrAndKeepsNothingOpen(t *testing.T) {
	if isChild(t) {
		var w stderrWriter
		_, err1 := w.Write([]byte("first\n"))
		// From here on, because the first timer opens the runtime's own.
		before := openDescriptors()
		// The lowest free number, 2, becomes the file.
		err2 := unix.Close(2)
		_, closedErr := w.Write([]byte("lost\n"))
		_, err3 := unix.Open(os.Getenv("HYDRA_TEST_FILE"), unix.O_WRONLY|unix.O_CREAT, 0o600)
		_, err4 := w.Write([]byte("second\n"))
		endChild("%v; closed: %v; %d left open", errors.Join(err1, err2, err3, err4), closedErr, openDescriptors()-before)
	}
	path := filepath.Join(t.TempDir(), "redirected")
	var stderr bytes.Buffer
	cmd := child(t)
	cmd.Env = append(cmd.Env, "HYDRA_TEST_FILE="+path)
	cmd.Stdin = strings.NewReader("")
	cmd.Stderr = &stderr
	assert.Equal(t, report(t, cmd), "<nil>; closed: write stderr: bad file descriptor; 0 left open")
	assert.Equal(t, stderr.String(), "first\n")
	got, err := os.ReadFile(path)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "second\n")
}

func TestFault36FallbackGivesUpOnAStderrThatNobodyReads(t *testing.T) {
	if isChild(t) {
		p := linesOf(200).Bytes
		n, err := stderrWriter{}.Write(p)
		endChild("%v %v", n > 0 && n < len(p), errors.Is(err, context.DeadlineExceeded))
	}
	_, w := unreadPipe(t, false)
	cmd := child(t)
	cmd.Stderr = w
	assert.Equal(t, report(t, cmd), "true true")
}

func TestPiecesEndWithRecordsWhereTheyCan(t *testing.T) {
	full, _ := nextPiece(nil, 0)
	tests := []struct {
		name string
		ends []int
		from int
		want int
	}{
		{name: "one short record", ends: []int{10}, want: 10},
		{name: "all that fit", ends: []int{10, 20, full, full + 1}, want: full},
		{name: "not half a record", ends: []int{10, 20, full + 1}, want: 20},
		{name: "part of a long record", ends: []int{full + 1}, want: full},
		{name: "rest of a long record and the next", ends: []int{full + 1, full + 9}, from: full, want: full + 9},
		{name: "records behind are past", ends: []int{10, 20, 30}, from: 20, want: 30},
		{name: "from the middle of a record", ends: []int{10, 20}, from: 13, want: 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := nextPiece(tt.ends, tt.from)
			assert.Equal(t, got, tt.want)
		})
	}
}
