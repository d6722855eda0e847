// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"io"
	"runtime"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestALogCallThatIsStoppedWithinItsCopyHoldsUpNeitherHealthNorFlush(t *testing.T) {
	var check checker
	c := newCore(Config{Fallback: io.Discard, Layers: map[string]Layer{"default": {Destinations: []Destination{{Sink: Writer(io.Discard)}}}}}, &check)
	d := c.destinations[0]
	mark := reserve(t, d.queue, 1) // taken off its processor here
	d.queue.seal()
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		d.keep()
	}()
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for range 1000 { // keep gets there meanwhile
			(&Handler{core: c}).Health()
			runtime.Gosched()
		}
	}()
	select {
	case <-looked:
	case <-time.After(10 * time.Second):
		t.Error("whoever wants to look waits for the log call")
	}
	d.queue.fill(mark, []byte("a"), 1)
	<-kept
	<-looked
	assert.Equal(t, d.books.spooled, uint64(1))
}
