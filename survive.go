// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"errors"
	"fmt"
	"time"
)

var errSinkEnded = errors.New("the sink ended the goroutine that called it (runtime.Goexit)")

// survive is called when the writer goroutine ends before its time: by a panic, err,
// which is a mistake in hydra itself, since those of sinks and formats are contained;
// or by runtime.Goexit in the sink, which nothing can contain, and err is nil. What
// the writer had in hand goes where the records of a sink that fails go. It reports
// whether another writer is to go on.
func (d *destination) survive(err error) (goOn bool) {
	if err == nil {
		err = errSinkEnded
	} else {
		err = fmt.Errorf("a mistake in hydra, please report it: %w", err)
	}
	d.noteError("writer", err)
	select {
	case <-d.emptied: // while the sink was flushed and closed
		d.ended = err
		return false
	default:
	}
	d.mu.Lock()
	abandoned := d.abandoned
	d.mu.Unlock()
	if abandoned { // Close has accounted for all, and named what the sink had in hand
		return false
	}
	d.handOn(err)
	d.mu.Lock()
	reached := d.books.passed()
	d.mu.Unlock()
	d.pass(reached, err, err)
	if time.Since(d.fell) < retryMost { // it may well happen again at once
		d.timer.Reset(retryMost)
		select {
		case <-d.timer.C:
		case <-d.shared.life.Done():
		}
	}
	d.fell = time.Now()
	return true
}

// handOn brings what the writer had in hand out of it. What cannot be, as that may be
// what the panic is about, counts as dropped.
func (d *destination) handOn(err error) {
	defer func() {
		if recover() != nil {
			d.torn = nil
		}
		d.batch = batch{}
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.torn == nil {
			d.books.divertTorn(0, d.books.torn)
		}
		d.books.divert(0, d.books.held)
		d.noteLosses(time.Now())
	}()
	if d.over() {
		d.keep()
		return
	}
	d.breakOff(err)
	d.divert()
}
