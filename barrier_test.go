// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"errors"
	"testing"

	"gotest.tools/v3/assert"
)

func TestFlushDoesNotAnswerByChanceWhenAllComesAtOnce(t *testing.T) {
	errSink := errors.New("of the sink")
	errEnd := errors.New("of the end")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	over := make(chan struct{})
	close(over)
	tests := []struct {
		name                 string
		reached, taken, done bool
		want                 error
	}{
		{"all of it", true, true, true, errSink},
		{"abandoned, and back at last", false, true, true, errSinkHangs},
		{"abandoned", false, true, false, errSinkHangs},
		{"ended", false, false, true, errEnd},
		{"late", false, false, false, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 100 {
				d := &destination{writer: newWriter(), queue: newQueue(8, 1<<10)}
				d.ended = errEnd
				b := &barrier{}
				if tt.reached {
					b.over, b.err = true, errSink
				}
				if tt.taken {
					d.taken = over
				}
				if tt.done {
					d.done = over
				}
				assert.Equal(t, d.awaitBarrier(ctx, b).Err, tt.want)
			}
		})
	}
}

// A log call learns its ticket when the record is in the queue, and that may be after
// the writer was through with it.
func TestFault15ALogCallThatComesToItsBarrierLateIsToldWhatFailedMeanwhile(t *testing.T) {
	errDisk := errors.New("of the disk")
	tests := []struct {
		name   string
		ticket uint64
		want   error
	}{
		{"its record was with the sink", 4, errDisk},
		{"its record came later", 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &destination{writer: newWriter(), queue: newQueue(8, 1<<10)}
			b := armed()
			b.flush, b.sync = true, true
			d.putBarrier(b)
			d.books.next = 5
			d.pass(nil, errDisk, errDisk) // for another
			d.books.next = 6
			d.aimBarrier(b, tt.ticket)
			d.pass(d.books.passed(), nil, nil)
			assert.Assert(t, errors.Is(d.awaitBarrier(t.Context(), b).Err, tt.want))
		})
	}
}
