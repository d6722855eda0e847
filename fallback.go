// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/internal/errs"
)

// A fallback is the synchronous way out: it writes what no destination could
// take before it returns, or says that it could not.
//
// Its writer may hang, as standard error does when nobody reads it. Each write
// therefore runs in a goroutine of its own, and whoever waits for it gives up
// after fallbackPatience. A write that hangs keeps the turn, and until it returns
// every other one fails at once: there is never more than one such goroutine.
type fallback struct {
	w    io.Writer     // immutable
	turn chan struct{} // capacity 1: full while somebody writes

	torn bool   // whoever has the turn: the last write ended within a record
	seq  uint64 // whoever has the turn: number of the last write

	finished atomic.Uint64 // number of the last write that returned
	hanging  atomic.Uint64 // number of the last write that was given up
}

// fallbackPatience bounds the wait for the turn, and then that for the write.
const fallbackPatience = time.Second

var (
	errFallbackHangs = errors.New("the fallback hangs: a write to it has not returned for a second")
	errFallbackEnded = errors.New("the fallback ended the goroutine that wrote to it (runtime.Goexit)")
)

func newFallback(w io.Writer) *fallback {
	return &fallback{w: w, turn: make(chan struct{}, 1)}
}

// write writes p, which holds whole records, and returns how many of its bytes
// were taken, and an error if those are not all. It blocks for two seconds at
// most, is safe for concurrent use, and leaves p to the caller.
func (f *fallback) write(p []byte) (int, error) {
	if f.hanging.Load() > f.finished.Load() {
		return 0, errFallbackHangs
	}
	timer := time.NewTimer(fallbackPatience)
	defer timer.Stop()
	select {
	case f.turn <- struct{}{}:
	case <-timer.C:
		return 0, errFallbackHangs
	}
	f.seq++
	seq := f.seq
	reply := make(chan written, 1)
	// The goroutine may outlast this call, so it gets bytes of its own. It ends
	// when the writer returns; it has the turn until then.
	go f.carry(append(f.mend(len(p)), p...), len(p), seq, reply)
	timer.Reset(fallbackPatience)
	select {
	case w := <-reply:
		return w.n, w.err
	case <-timer.C:
		f.hanging.Store(seq)
		return 0, errFallbackHangs
	}
}

// written is the result of a Write.
type written struct {
	n   int
	err error
}

// mend returns an empty slice with room for n bytes, or one that ends the record
// that the last write left unfinished.
func (f *fallback) mend(n int) []byte {
	b := make([]byte, 0, n+1)
	if f.torn {
		b = append(b, '\n')
	}
	return b
}

// carry writes p, of which the last n bytes were asked for, and gives the turn
// back.
func (f *fallback) carry(p []byte, n int, seq uint64, reply chan<- written) {
	w := written{err: errFallbackEnded}
	defer func() { // also where the writer does not return
		f.finished.Store(seq)
		<-f.turn
		reply <- w
	}()
	w = f.attempt(p)
	if w.n > 0 {
		f.torn = p[w.n-1] != '\n'
	}
	w.n = max(w.n-(len(p)-n), 0)
}

// attempt calls the writer, contains its panics and holds it to its contract.
func (f *fallback) attempt(p []byte) (w written) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			w = written{err: err}
		}
	}()
	w.n, w.err = f.w.Write(p)
	w.n = min(max(w.n, 0), len(p))
	if w.n < len(p) && w.err == nil {
		w.err = io.ErrShortWrite
	}
	return w
}
