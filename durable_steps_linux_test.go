// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/audit"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// A tape is an Exact sink in memory. Each Write takes as many bytes as its script
// says, and fails if that is not all; -1 is all.
type tape struct {
	mu     sync.Mutex // held during Write
	bytes  []byte
	script []int
	step   func() // called, with mu, before and after bytes arrive
	pad    int    // bytes by which its places are longer than they need be
	asked  [][]byte
	note   func(from, upto int, place []byte)
}

var _ sink.Exact = (*tape)(nil)

func (s *tape) Open(context.Context) error  { return nil }
func (s *tape) Flush(context.Context) error { return nil }
func (s *tape) Close(context.Context) error { return nil }

func (s *tape) Trace(note func(from, upto int, place []byte)) { s.note = note }

func (s *tape) Write(_ context.Context, b sink.Batch) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(b.Bytes)
	if len(s.script) > 0 {
		if s.script[0] >= 0 {
			n = min(n, s.script[0])
		}
		s.script = s.script[1:]
	}
	s.reached()
	place := binary.BigEndian.AppendUint64(nil, uint64(len(s.bytes)))
	s.note(0, len(b.Bytes), append(place, make([]byte, s.pad)...))
	s.reached()
	s.bytes = append(s.bytes, b.Bytes[:n]...)
	s.reached()
	if n < len(b.Bytes) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (s *tape) reached() {
	if s.step != nil {
		s.step()
	}
}

// Arrived cuts off what there is of a record, from its beginning on.
func (s *tape) Arrived(_ context.Context, place, p []byte, ends []int) (n int, err error) {
	s.asked = append(s.asked, bytes.Clone(place))
	off := int(binary.BigEndian.Uint64(place))
	for _, end := range ends {
		if bytes.HasPrefix(s.bytes[off:], p[:end]) {
			n = end
		}
	}
	if n == 0 {
		off = bytes.LastIndexByte(s.bytes[:off], '\n') + 1
	}
	s.bytes = s.bytes[:off+n]
	return n, nil
}

// A moment is everything that a process would leave if it ended there.
type moment struct {
	dir      string // a copy
	sink     []byte
	fallback []string
	logged   int
}

// copyDir copies the files of a folder to one of its own.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := shmDir(t)
	entries, err := os.ReadDir(from)
	assert.NilError(t, err)
	for _, e := range entries {
		p, err := os.ReadFile(filepath.Join(from, e.Name()))
		assert.NilError(t, err)
		assert.NilError(t, os.WriteFile(filepath.Join(to, e.Name()), p, 0o600))
	}
	return to
}

// stepScripts are what tapes do.
var stepScripts = []struct {
	name     string
	retryFor time.Duration
	script   []int // of the tape
}{
	{"all goes well", time.Hour, nil},
	{"fails at first", time.Hour, []int{0, 0, -1}},
	{"takes parts", time.Hour, []int{5, 7, 0, 20, 3, -1, 4, -1}},
	{"takes one part and breaks", -1, []int{5, 0, -1}},
	{"takes part after part and breaks", -1, []int{5, 3, 1, 0, 4, 9, -1}},
	{"tears one record after another", -1, []int{5, 15, 14, 33, 13, 1, 35, -1}},
	{"breaks again and again", -1, []int{-1, 0, -1, 0, 0, -1, -1, 0, -1}},
}

// TestFault5EndAtEveryStepLeavesWholeRecordsOnce takes what would be left at every
// step of a sink's work, also where it takes parts of records and where the fallback
// has to take over, and recovers from it.
func TestFault5EndAtEveryStepLeavesWholeRecordsOnce(t *testing.T) {
	for _, tt := range stepScripts {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, m := range momentsOf(t, tt.retryFor, tt.script, nil) {
					m.recover(t)
				}
			})
		})
	}
}

// TestEndAtEveryStepLeavesATrailThatIsProven does so with an audit trail.
func TestEndAtEveryStepLeavesATrailThatIsProven(t *testing.T) {
	for _, tt := range stepScripts {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				trail := &hydra.Audit{Key: auditKey}
				for i, m := range momentsOf(t, tt.retryFor, tt.script, trail) {
					for _, m := range m.prove(t, trail, i%20 == 13) { // it ends once more, within that
						m.prove(t, trail, false)
					}
				}
			})
		})
	}
}

func TestAPlaceThatIsTooLongIsForgottenAndNotCut(t *testing.T) {
	for _, tt := range []struct {
		name  string
		size  int
		asked bool
	}{
		{"the longest", sink.MaxPlace, true},
		{"longer", sink.MaxPlace + 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir, steps := shmDir(t), 0
				var last moment
				s := &tape{pad: tt.size - 8}
				s.step = func() {
					if steps++; steps == 3 { // what was written has arrived
						last = moment{copyDir(t, dir), bytes.Clone(s.bytes), nil, 1}
					}
				}
				h := durable(t, dir, s)
				assert.NilError(t, say(h, "record 1000"))
				assert.NilError(t, h.Close(t.Context()))

				next := &tape{bytes: last.sink}
				recoverAll(t, last.dir, next)
				assert.Equal(t, len(next.asked) == 1, tt.asked, "asked about %q", next.asked)
				for _, place := range next.asked {
					assert.Equal(t, len(place), tt.size)
				}
				want := map[bool]int{true: 1, false: 2}[tt.asked]
				assert.Equal(t, bytes.Count(next.bytes, []byte("record 1000\n")), want, "at least once, as with any other sink")
			})
		})
	}
}

// momentsOf logs to a tape, and returns what was there at each of its steps and
// after each record.
func momentsOf(t *testing.T, retryFor time.Duration, script []int, trail *hydra.Audit) []moment {
	dir := shmDir(t)
	s, fallback := &tape{script: script}, &fault.Writer{}
	var moments []moment
	logged := 0
	s.step = func() {
		moments = append(moments, moment{copyDir(t, dir), bytes.Clone(s.bytes), strays(fallback), logged})
	}
	h, err := hydra.Open(hydra.Config{MemoryLimit: -1, Fallback: fallback, Layers: map[string]hydra.Layer{
		"default": {Destinations: []hydra.Destination{{
			Name: "d", Sink: s, Format: lines{}, RetryFor: retryFor,
			Queue: hydra.Queue{Records: 64, Bytes: 4 << 10}, Durable: &hydra.Durable{Dir: dir}, Audit: trail,
		}}},
	}})
	assert.NilError(t, err)
	for round := range 12 {
		for i := range round%3 + 1 {
			assert.NilError(t, say(h, fmt.Sprintf("record %d", 1000+logged+i)))
		}
		if round%4 == 3 { // the fallback takes it, and a gap marker comes alone
			assert.NilError(t, say(h, strings.Repeat("x", 1000)))
		}
		synctest.Wait() // so nothing is logged in the middle of a step
		s.mu.Lock()
		logged += round%3 + 1
		s.mu.Unlock()
		time.Sleep(time.Duration(round%4) * 400 * time.Millisecond)
		synctest.Wait()
		s.mu.Lock()
		s.step()
		s.mu.Unlock()
	}
	time.Sleep(5 * time.Second)
	err = h.Close(t.Context())
	t.Logf("%d moments, %d records; close: %v", len(moments), logged, err)
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
	return append(moments, moment{dir, s.bytes, strays(fallback), logged})
}

// recover starts a handler with what is left, and checks that every record is in the
// sink once, or in the fallback.
func (m *moment) recover(t *testing.T) {
	t.Helper()
	s := &tape{bytes: m.sink}
	recoverAll(t, m.dir, s)
	found := make(map[string]int)
	for line := range strings.Lines(string(s.bytes)) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case strings.HasPrefix(line, hydra.RecoveredMessage), strings.HasPrefix(line, hydra.GapMessage):
		default:
			n, err := strconv.Atoi(strings.TrimPrefix(line, "record "))
			assert.Assert(t, err == nil && n >= 1000 && len(line) == len("record 1000"), "torn: %q in %q", line, s.bytes)
			found[line]++
			assert.Equal(t, found[line], 1, "%s in %q", line, s.bytes)
		}
	}
	for _, line := range m.fallback {
		found[line]++
	}
	for i := range m.logged {
		record := fmt.Sprintf("record %d", 1000+i)
		assert.Assert(t, found[record] > 0, "%s is lost; sink %q, fallback %q", record, s.bytes, m.fallback)
	}
}

// prove starts a handler with what is left, and checks that the sink and the fallback
// prove that every record is in one of them, and once. It returns the steps of that,
// if they are wanted.
func (m *moment) prove(t *testing.T, trail *hydra.Audit, wanted bool) (steps []moment) {
	t.Helper()
	s := &tape{bytes: m.sink, script: []int{9, -1, 0, -1}}
	if wanted {
		s.step = func() {
			steps = append(steps, moment{copyDir(t, m.dir), bytes.Clone(s.bytes), m.fallback, m.logged})
		}
	}
	recoverAll(t, m.dir, s, func(d *hydra.Destination) { d.Audit = trail })
	aside := strings.Join(append(m.fallback, ""), "\n")
	report := audited(t, s.bytes, []byte(aside))
	for _, run := range report.Runs { // what did not fit the queue has no trail, in the fallback
		assert.Equal(t, run.Verdict, audit.Proven, "%+v\n%s\nfallback %s", report, s.bytes, aside)
	}
	assert.Equal(t, report.Files[0].Bare.Count, uint64(0), "%s", s.bytes)
	for i := range m.logged {
		record := fmt.Sprintf("record %d ", 1000+i)
		assert.Assert(t, strings.Contains(string(s.bytes)+aside, record), "%q is lost; sink %s\nfallback %s", record, s.bytes, aside)
	}
	return steps
}
