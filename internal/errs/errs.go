// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package errs sorts the errors of sinks into a few kinds and keeps count of them.
package errs

import (
	"context"
	"io"
	"io/fs"
	"strings"
)

// The kinds that Kind returns. They appear in Health and in metrics, so they stay
// as they are; each stands for one thing that an operator does about it.
const (
	NoSpace      = "no space"       // the disk or the quota is full
	ReadOnly     = "read-only"      // the file system takes no writes
	Permission   = "permission"     // not allowed
	NotFound     = "not found"      // a file or directory is missing
	TooManyFiles = "too many files" // no file descriptor left
	TooLarge     = "too large"      // past the limit of a file or a datagram
	ClosedPipe   = "closed pipe"    // the reader or peer went away
	Refused      = "refused"        // nobody listens there
	Unreachable  = "unreachable"    // no way to the peer
	Timeout      = "timeout"        // a deadline passed
	Canceled     = "canceled"       // a context was cancelled
	Closed       = "closed"         // used after it was closed on this side
	ShortWrite   = "short write"    // fewer bytes taken than given
	IO           = "io"             // the device failed
	Panicked     = "panic"          // code that was called panicked
	Other        = "other"          // everything else
)

// kinds lists every kind in the order of their names: the order of Snapshot.
var kinds = [...]string{
	Canceled, Closed, ClosedPipe, IO, NoSpace, NotFound, Other, Panicked, Permission,
	ReadOnly, Refused, ShortWrite, Timeout, TooLarge, TooManyFiles, Unreachable,
}

// Is is errors.Is for a target that is comparable, but never panics, whatever the
// methods of err do, and ends where err wraps itself: it is false then.
func Is(err, target error) (same bool) {
	defer func() {
		if recover() != nil {
			same = false
		}
	}()
	return is(err, target)
}

// Kind returns the kind of err, one of the constants above, from the whole tree of
// what err wraps. Where several fit, a panic comes first, then what the system's
// error number says, then the rest. It is "" for nil, never panics, whatever the
// methods of err do, and ends where err wraps itself.
func Kind(err error) (kind string) {
	if err == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			kind = Other
		}
	}()
	if _, ok := as[*Panic](err); ok {
		return Panicked
	}
	if e, ok := as[errno](err); ok {
		if kind := errnoKind(e); kind != "" {
			return kind
		}
	}
	switch {
	case is(err, context.Canceled):
		return Canceled
	case timeout(err):
		return Timeout
	case is(err, fs.ErrPermission):
		return Permission
	case is(err, fs.ErrNotExist):
		return NotFound
	case is(err, io.ErrClosedPipe):
		return ClosedPipe
	case is(err, fs.ErrClosed), closedConn(err):
		return Closed
	case is(err, io.ErrShortWrite):
		return ShortWrite
	}
	return Other
}

// timeout reports whether err says so itself, as those of context, os, net and
// syscall do.
func timeout(err error) bool {
	t, ok := as[interface{ Timeout() bool }](err)
	return ok && t.Timeout() || is(err, context.DeadlineExceeded)
}

// closedConn reports whether err is net.ErrClosed. It goes by the text, which the
// standard library keeps for those who do so: importing net for its sake would make
// every program that logs 100 KB larger.
func closedConn(err error) bool {
	return strings.Contains(err.Error(), "use of closed network connection")
}
