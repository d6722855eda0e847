// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A mapping is the bytes of a file in memory, at addresses that stay its own.
type mapping struct {
	image image // immutable: where it is

	mu     sync.Mutex            // held by the one who replaces it
	reason atomic.Pointer[error] // why it was replaced
}

// guard ends a function that touches the mapping, which calls it deferred, with the old
// value of SetPanicOnFault. *ok stays false after a fault in the mapping, which ends
// here; any other panic goes on.
func (f *file) guard(old bool, ok *bool) {
	debug.SetPanicOnFault(old)
	if *ok {
		return
	}
	r := recover()
	if r == nil {
		return
	}
	if fault, is := r.(interface{ Addr() uintptr }); is {
		// An address to compare, never to go to.
		first := uintptr(unsafe.Pointer(unsafe.SliceData(f.image)))
		if at := fault.Addr(); at >= first && at-first < uintptr(len(f.image)) {
			return
		}
	}
	panic(r)
}

// touch does something with the mapping, and again when it had to be replaced
// meanwhile, so do must be repeatable. It reports false if nothing holds records any
// more.
func (f *file) touch(do func()) bool {
	for {
		s := f.state.Load()
		if s == gone {
			return false
		}
		if s != switching && f.try(do) && f.state.Load() == s {
			return true
		}
		f.retire(s)
	}
}

func (f *file) try(do func()) (ok bool) {
	defer f.guard(debug.SetPanicOnFault(true), &ok)
	do()
	return true
}

// look retires a ring whose file was cut and made longer again, which faults nowhere.
func (f *file) look() {
	whole := true
	f.touch(func() { whole = f.image.load(len(f.image)-8) == canary(f.salt) })
	if !whole {
		f.retire(live)
	}
}

// retire puts ordinary memory in the place of the file, when it is seen for the first
// time that the file faults, and waits until somebody else has done so otherwise. seen
// is the state in which it faulted. It returns the state by then.
//
// Nothing is lost that could still be read. First the file becomes read-only: stores
// that came before are then visible, and those that come after fault, so that whoever
// stores will know, come here, wait, and store again. Then it is copied, page by page,
// and the copy moved over it at once.
func (f *file) retire(seen uint32) uint32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch s := f.state.Load(); {
	case s == replaced && seen == replaced:
		f.state.Store(gone) // ordinary memory faults: there is none
		f.reason.Store(&errGone)
	case s == live:
		f.state.Store(switching)
		lost, err := f.replace()
		next, reason := uint32(replaced), fmt.Errorf("ring: %s was cut or its device is gone: %d of its %d bytes are lost, "+
			"and the queue goes on in memory that ends with the process", f.Path(), lost, len(f.image))
		if err != nil {
			next, reason = gone, fmt.Errorf("%w: %w", errGone, err)
		}
		f.reason.Store(&reason)
		f.state.Store(next)
		f.disown()
	}
	return f.state.Load()
}

// Retired returns why the file is no longer in use, if that is so: the queue goes on,
// but its records end with the process. It returns nil otherwise.
func (f *file) Retired() error {
	if e := f.reason.Load(); e != nil {
		return *e
	}
	return nil
}

// rescue copies the pages of from that can be read to to, and returns how many bytes
// could not.
func (f *file) rescue(to, from []byte, page int) (lost int) {
	for at := 0; at < len(from); at += page {
		end := min(at+page, len(from))
		if !f.try(func() { copy(to[at:end], from[at:end]) }) {
			lost += end - at
		}
	}
	return lost
}
