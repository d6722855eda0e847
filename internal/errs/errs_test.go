// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package errs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
)

// hostile is an error whose methods panic where the field says so.
type hostile struct{ is, text, unwrap, timeout bool }

func (h hostile) Error() string {
	if h.text {
		panic("in Error")
	}
	return "hostile"
}

func (h hostile) Is(error) bool {
	if h.is {
		panic("in Is")
	}
	return false
}

func (h hostile) Unwrap() error {
	if h.unwrap {
		panic("in Unwrap")
	}
	return nil
}

func (h hostile) Timeout() bool {
	if h.timeout {
		panic("in Timeout")
	}
	return false
}

func TestKind(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nil", nil, ""},
		{"disk full", syscall.ENOSPC, errs.NoSpace},
		{"quota", syscall.EDQUOT, errs.NoSpace},
		{"disk full, as os says it", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, errs.NoSpace},
		{"disk full, wrapped", fmt.Errorf("hydra: %w", &fs.PathError{Err: syscall.ENOSPC}), errs.NoSpace},
		{"disk full, joined", errors.Join(io.EOF, syscall.ENOSPC), errs.NoSpace},
		{"read-only", syscall.EROFS, errs.ReadOnly},
		{"access", syscall.EACCES, errs.Permission},
		{"permission", fs.ErrPermission, errs.Permission},
		{"not found", fs.ErrNotExist, errs.NotFound},
		{"no entry", syscall.ENOENT, errs.NotFound},
		{"descriptors of the process", syscall.EMFILE, errs.TooManyFiles},
		{"descriptors of the system", syscall.ENFILE, errs.TooManyFiles},
		{"file too large", syscall.EFBIG, errs.TooLarge},
		{"datagram too large", syscall.EMSGSIZE, errs.TooLarge},
		{"broken pipe", syscall.EPIPE, errs.ClosedPipe},
		{"io pipe", io.ErrClosedPipe, errs.ClosedPipe},
		{"refused", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, errs.Refused},
		{"timeout of os", os.ErrDeadlineExceeded, errs.Timeout},
		{"timeout of context", context.DeadlineExceeded, errs.Timeout},
		{"timeout of net", &net.OpError{Op: "write", Err: os.ErrDeadlineExceeded}, errs.Timeout},
		{"timeout of DNS", &net.DNSError{IsTimeout: true}, errs.Timeout},
		{"timeout of context behind another", errors.Join(&net.DNSError{}, context.DeadlineExceeded), errs.Timeout},
		{"timed out", syscall.ETIMEDOUT, errs.Timeout},
		{"cancelled", fmt.Errorf("flush: %w", context.Canceled), errs.Canceled},
		{"file closed", fs.ErrClosed, errs.Closed},
		{"connection closed", net.ErrClosed, errs.Closed},
		{"connection closed, as net says it", &net.OpError{Op: "write", Err: net.ErrClosed}, errs.Closed},
		{"short write", io.ErrShortWrite, errs.ShortWrite},
		{"device", syscall.EIO, errs.IO},
		{"panic", errs.Recovered("boom"), errs.Panicked},
		{"panic with an error", errs.Recovered(syscall.ENOSPC), errs.Panicked},
		{"other", errors.New("whatever"), errs.Other},
		{"other errno", syscall.EINVAL, errs.Other},
		{"end of file", io.EOF, errs.Other},
		{"panic in Is", hostile{is: true}, errs.Other},
		{"panic in Error", hostile{text: true}, errs.Other},
		{"panic in Unwrap", hostile{unwrap: true}, errs.Other},
		{"panic in Timeout", hostile{timeout: true}, errs.Other},
		{"nil pointer", (*fs.PathError)(nil), errs.Other},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := errs.Kind(tt.err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestKindOfRealErrors(t *testing.T) {
	dir := t.TempDir()
	_, notFound := os.Open(filepath.Join(dir, "missing"))
	f, err := os.Create(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	_, closed := f.WriteString("x")
	_, network := net.Pipe()
	network.Close()
	_, pipe := network.Write([]byte("x"))
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"missing file", notFound, errs.NotFound},
		{"closed file", closed, errs.Closed},
		{"closed net.Pipe", pipe, errs.ClosedPipe},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := errs.Kind(tt.err); got != tt.want {
				t.Errorf("got %q, want %q for %v", got, tt.want, tt.err)
			}
		})
	}
}

func recovered(f func()) (err error) {
	defer func() { err = errs.Recovered(recover()) }()
	f()
	return nil
}

func explode(m map[string]int) { m["x"] = 1 }

type rude struct{}

func (rude) String() string { panic("in String") }

func TestRecoveredKeepsTheValueAndWhereItBegan(t *testing.T) {
	err := recovered(func() { explode(nil) })
	var p *errs.Panic
	if !errors.As(err, &p) {
		t.Fatalf("got %T, want *errs.Panic", err)
	}
	if got, want := p.Error(), "panic: assignment to entry in nil map"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var re runtime.Error
	if !errors.As(err, &re) {
		t.Error("the runtime.Error inside was not found")
	}
	lines := strings.Split(p.Stack, "\n")
	at := -1
	for i, l := range lines {
		if strings.Contains(l, "errs_test.explode ") && strings.Contains(l, "errs_test.go:") {
			at = i
		}
		if strings.Contains(l, "errs.Recovered ") || strings.Contains(l, "recovered.func1") {
			t.Errorf("the recovery is in the stack: %s", l)
		}
	}
	if at < 0 || at > 2 {
		t.Errorf("explode is line %d, want it among the first three of\n%s", at, p.Stack)
	}
}

func TestRecoveredIsBounded(t *testing.T) {
	var deep func(n int)
	deep = func(n int) {
		if n == 0 {
			panic("deep")
		}
		deep(n - 1)
	}
	var p *errs.Panic
	if !errors.As(recovered(func() { deep(1000) }), &p) {
		t.Fatal("no panic")
	}
	if got := strings.Count(p.Stack, "\n") + 1; got != 16 {
		t.Errorf("got %d lines, want 16", got)
	}
}

func TestRecoveredTakesAnyValue(t *testing.T) {
	if err := recovered(func() {}); err != nil {
		t.Errorf("no panic: got %v, want nil", err)
	}
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"string", "boom", "panic: boom"},
		{"number", 7, "panic: 7"},
		{"error", io.EOF, "panic: EOF"},
		{"panicking String", rude{}, "panic: (errs_test.rude)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := recovered(func() { panic(tt.value) })
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if _, isErr := tt.value.(error); errors.Is(err, io.EOF) != isErr {
				t.Errorf("errors.Is finds the value: got %v, want %v", !isErr, isErr)
			}
		})
	}
	// Outside of a panic the stack is that of the caller.
	var p *errs.Panic
	if !errors.As(errs.Recovered("none"), &p) || !strings.HasPrefix(p.Stack, "github.com/hydra-logger/hydra/internal/errs_test.TestRecoveredTakesAnyValue ") {
		t.Errorf("got stack\n%s\nwant this test first", p.Stack)
	}
}

func BenchmarkKind(b *testing.B) {
	err := fmt.Errorf("hydra: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	for b.Loop() {
		errs.Kind(err)
	}
}

func BenchmarkNote(b *testing.B) {
	var tracker errs.Tracker
	err := &fs.PathError{Op: "write", Path: "logs/app.jsonl", Err: syscall.ENOSPC}
	now := time.Now()
	for b.Loop() {
		tracker.Note(now, "write", err)
	}
}

// endless is an error whose Error panics with what contains itself.
type endless struct{}

func (endless) Error() string {
	self := make([]any, 1)
	self[0] = self
	panic(self)
}

// A test that fails here ends the process.
func TestPanicWithAValueThatContainsItselfCanBeTold(t *testing.T) {
	self := make([]any, 1)
	self[0] = self
	for _, tt := range []struct {
		value any
		want  string
	}{
		{self, "panic: ([]interface {})"},
		{endless{}, "panic: (errs_test.endless)"},
		{[]any{endless{}}, "panic: ([]interface {})"},
	} {
		if got := (&errs.Panic{Value: tt.value}).Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
