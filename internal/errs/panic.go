// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package errs

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// Panic is the error that stands for a recovered panic.
type Panic struct {
	Value any    // what was passed to panic
	Stack string // a line per frame, innermost first, from where the panic began
}

// Recovered returns v, the result of recover, as a *Panic with the stack that led
// to it, or nil for nil. The deferred function itself calls it:
//
//	defer func() { err = errors.Join(err, errs.Recovered(recover())) }()
func Recovered(v any) error {
	if v == nil {
		return nil
	}
	return &Panic{Value: v, Stack: stack()}
}

// Error returns "panic: " and the value, or its type in parentheses where that cannot
// be told without harm. It does not panic when the value's own methods do.
func (p *Panic) Error() string {
	switch v := p.Value.(type) {
	case error:
		return "panic: " + said(v, v.Error)
	case fmt.Stringer:
		return "panic: " + said(v, v.String)
	case fmt.Formatter:
	default:
		if k := reflect.ValueOf(v).Kind(); k == reflect.String || k <= reflect.Complex128 {
			return fmt.Sprintf("panic: %v", v)
		}
	}
	// fmt follows a value that contains itself until the stack overflows.
	return fmt.Sprintf("panic: (%T)", p.Value)
}

// said returns what a method of v returns. fmt would print what it panics with,
// however often that contains itself.
func said(v any, method func() string) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("(%T)", v)
		}
	}()
	return method()
}

// Unwrap returns the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// PanicOf returns the Panic in the tree of what err wraps, or nil. It never panics,
// whatever the methods of err do, and ends where err wraps itself.
func PanicOf(err error) (p *Panic) {
	defer func() {
		if recover() != nil {
			p = nil
		}
	}()
	p, _ = as[*Panic](err)
	return p
}

// stack describes the frames that led to the panic being recovered, or to the
// caller of Recovered when there is none.
func stack() string {
	// What called the sink is the same every time; the first frames tell the bug.
	const shown = 16
	var pcs [64]uintptr
	var lines []string
	panicking := false
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function == "runtime.gopanic" && !panicking {
			// Everything before is the recovery. A second one is an earlier panic.
			panicking, lines = true, nil
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s:%d", f.Function, f.File, f.Line))
	}
	return strings.Join(lines[:min(len(lines), shown)], "\n")
}
