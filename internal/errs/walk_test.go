// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package errs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/hydra-logger/hydra/internal/errs"
)

// A wrapper wraps errors that may be added later, itself among them.
type wrapper struct{ wraps []error }

func (*wrapper) Error() string     { return "wrapper" }
func (w *wrapper) Unwrap() []error { return w.wraps }

// A link wraps one error, which may be itself.
type link struct{ wraps error }

func (*link) Error() string   { return "link" }
func (l *link) Unwrap() error { return l.wraps }

func TestErrorsThatWrapThemselvesHaveAKind(t *testing.T) {
	self, a, b := &link{}, &link{}, &link{}
	self.wraps, a.wraps, b.wraps = self, b, a
	many := &wrapper{}
	many.wraps = []error{many, nil, many}
	wide := &wrapper{wraps: make([]error, 1<<16)}
	for i := range wide.wraps {
		wide.wraps[i] = wide
	}
	before := &wrapper{}
	before.wraps = []error{syscall.ENOSPC, fs.ErrExist, before}
	tests := []struct {
		name string
		err  error
		is   bool // fs.ErrExist
		want string
	}{
		{name: "itself", err: self, want: errs.Other},
		{name: "each other", err: fmt.Errorf("1: %w", a), want: errs.Other},
		{name: "itself among others", err: many, want: errs.Other},
		{name: "itself many times", err: wide, want: errs.Other},
		{name: "after something that is known", err: before, is: true, want: errs.NoSpace},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := errs.Kind(tt.err); got != tt.want {
				t.Errorf("Kind: got %q, want %q", got, tt.want)
			}
			if got := errs.Is(tt.err, fs.ErrExist); got != tt.is {
				t.Errorf("Is: got %v, want %v", got, tt.is)
			}
			if got := errs.PanicOf(tt.err); got != nil {
				t.Errorf("PanicOf: got %v, want nil", got)
			}
		})
	}
}

// pretends is an error that becomes others when it is asked.
type pretends struct{ error }

func (pretends) Is(target error) bool { return target == fs.ErrPermission }

func (pretends) As(target any) bool {
	p, ok := target.(*syscall.Errno)
	if ok {
		*p = syscall.EROFS
	}
	return ok
}

func TestIsAndKindAskWhatPackageErrorsDoes(t *testing.T) {
	sentinel := errors.New("sentinel")
	trees := []error{
		nil, sentinel, syscall.ENOENT, &fs.PathError{Err: syscall.EACCES},
		errors.Join(errors.New("a"), fmt.Errorf("b: %w", sentinel)),
		fmt.Errorf("%w and %w", &link{}, &wrapper{wraps: []error{nil, syscall.EPERM}}),
		fmt.Errorf("c: %w", pretends{sentinel}),
	}
	for _, err := range trees {
		for _, target := range []error{nil, sentinel, fs.ErrPermission, fs.ErrNotExist, syscall.EPERM} {
			if got, want := errs.Is(err, target), errors.Is(err, target); got != want {
				t.Errorf("Is(%v, %v): got %v, want %v", err, target, got, want)
			}
		}
	}
	if got := errs.Kind(trees[len(trees)-1]); got != errs.ReadOnly {
		t.Errorf("Kind: got %q, want %q", got, errs.ReadOnly)
	}
}
