// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A mapping is the bytes of a file in memory, at addresses that stay its own.
type mapping struct {
	image image // immutable: where it is

	mu     sync.Mutex            // held by the one who retires it or lets go of it
	reason atomic.Pointer[error] // why it was retired
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

// try does something with the mapping. It reports false if that faulted.
func (f *file) try(do func()) (ok bool) {
	defer f.guard(debug.SetPanicOnFault(true), &ok)
	do()
	return true
}

// touch is try for what is stored there, unless nothing is any more. A fault retires the
// ring.
func (f *file) touch(do func()) bool {
	if f.idle.Load() {
		return false
	}
	if !f.try(do) {
		f.retire()
		return false
	}
	return true
}

// Look retires a ring whose file a later process would not find whole under its name:
// one that was cut, also if it was made longer again, and one that was deleted, renamed
// or replaced, or whose folder was, in which stores fault nowhere. It costs three system
// calls.
func (f *file) Look() {
	whole := true
	if f.touch(func() { whole = f.image.load(len(f.image)-8) == canary(f.salt) }) && (!whole || f.gone()) {
		f.retire()
	}
}

// retire gives the file up, once, and quarantines it: what is in it can no longer be
// believed, and another process must not deliver again what this one goes on with.
func (f *file) retire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.idle.Swap(true) {
		return
	}
	path, err := f.disown()
	why := "was cut or its device is gone"
	if errors.Is(err, fs.ErrNotExist) {
		why = "was deleted, renamed or replaced, or its folder was"
	}
	err = fmt.Errorf("ring: %s %s: the queue goes on in memory that ends with the process", path, why)
	f.reason.Store(&err)
}

// Retired returns why the file is no longer in use, if that is so: the queue goes on,
// but its records end with the process. It returns nil otherwise.
func (f *file) Retired() error {
	if e := f.reason.Load(); e != nil {
		return *e
	}
	return nil
}
