// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra

import (
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// Nobody reads the pipe until all is logged: a log call that waited would wait for
// ever.
func TestFault36LogCallsDoNotWaitForAStalledReader(t *testing.T) {
	const records = 10_000
	r, w := unreadPipe(t, false)
	h := NewHandler(Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]Layer{
		"default": {Destinations: []Destination{{Sink: &stdio{name: "stdout", file: w}, Queue: Queue{Records: 64}}}},
	}})
	log := slog.New(h)
	for i := range records {
		log.Info("m", "i", i, "x", strings.Repeat("x", 100))
	}
	read := make(chan string)
	go func() { // ends when the pipe is closed
		got, _ := io.ReadAll(r)
		read <- string(got)
	}()
	assert.NilError(t, h.Close(t.Context()))
	assert.NilError(t, w.Close())
	var lines, missing uint64
	for line := range strings.Lines(<-read) {
		var m struct {
			Msg     string
			Dropped uint64
		}
		assert.NilError(t, json.Unmarshal([]byte(line), &m), line)
		if m.Msg == GapMessage {
			missing += m.Dropped
		} else {
			lines++
		}
	}
	d := h.Health().Destinations[0]
	assert.Assert(t, missing > 0)
	assert.Equal(t, d.Written, lines)
	assert.Equal(t, d.Dropped, missing)
	assert.Equal(t, lines+missing, uint64(records))
}
