// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package fault has sinks and writers that misbehave on command and keep what they
// took, for tests of those who use sinks.
//
//	s := &fault.Sink{OnWrite: fault.At(3, fault.Short(10, syscall.ENOSPC))}
//
// takes 10 bytes of the third batch, fails, and takes everything else. It starts no
// goroutines and makes no channels, so it works in bubbles of testing/synctest
// when the test makes the channels inside.
package fault

import (
	"context"
	"runtime"
)

// Action is what one call does. The zero Action does the right thing.
type Action struct {
	err   error
	value any             // panic with it unless nil
	n     int             // how many bytes to take, and what to return
	fails bool            // n, err and value apply
	exits bool            // end the goroutine
	stall <-chan struct{} // wait for it before anything else
	deaf  bool            // do not look at the context meanwhile
}

// Fail takes nothing and returns err.
func Fail(err error) Action { return Short(0, err) }

// Short takes min(n, len) bytes and returns n and err. With a nil err, or n beyond
// the length, it breaks the contract of writers. On calls other than a write only
// err counts.
func Short(n int, err error) Action { return Action{n: n, err: err, fails: true} }

// Panic takes nothing and panics with value.
func Panic(value any) Action { return Action{value: value, fails: true} }

// Exit takes nothing and ends the goroutine, as the methods of testing.T do that end a
// test.
func Exit() Action { return Action{exits: true, fails: true} }

// Stall waits until released is closed or gives a value, then does the right thing.
// It returns the context's error, having taken nothing, when the context ends first.
func Stall(released <-chan struct{}) Action { return Action{stall: released} }

// Hang is Stall without an ear for the context.
func Hang(released <-chan struct{}) Action { return Action{stall: released, deaf: true} }

// Then returns a as what to do when the wait of Stall or Hang is over.
func (a Action) Then(next Action) Action {
	next.stall, next.deaf = a.stall, a.deaf
	return next
}

// Script says what the nth call of a kind does; n begins with 1. It is called once
// per call. A nil Script does the right thing always.
type Script func(n int) Action

// At does a at the nth call.
func At(n int, a Action) Script { return between(n, n, a) }

// First does a at the first n calls.
func First(n int, a Action) Script { return between(1, n, a) }

// From does a at the nth call and at every later one.
func From(n int, a Action) Script { return between(n, int(^uint(0)>>1), a) }

// Always does a at every call.
func Always(a Action) Script { return From(1, a) }

// Steps does actions one after the other, and the right thing after the last.
func Steps(actions ...Action) Script {
	return func(n int) Action {
		if n > len(actions) {
			return Action{}
		}
		return actions[n-1]
	}
}

func between(first, last int, a Action) Script {
	return func(n int) Action {
		if first <= n && n <= last {
			return a
		}
		return Action{}
	}
}

// do carries out s for the nth call: it hands as many bytes of p to take as the
// call is to take, and returns what the call is to return.
func (s Script) do(ctx context.Context, n int, p []byte, take func([]byte)) (int, error) {
	var a Action
	if s != nil {
		a = s(n)
	}
	if a.stall != nil {
		var ended <-chan struct{}
		if !a.deaf {
			ended = ctx.Done()
		}
		select {
		case <-a.stall:
		case <-ended:
			return 0, ctx.Err()
		}
	}
	if !a.fails {
		take(p)
		return len(p), nil
	}
	if a.exits {
		runtime.Goexit()
	}
	if a.value != nil {
		panic(a.value)
	}
	take(p[:max(0, min(a.n, len(p)))])
	return a.n, a.err
}
