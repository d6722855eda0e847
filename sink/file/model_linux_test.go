// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/sink/file"
)

var modelSeeds = flag.Int("model.seeds", 0, "how many histories of random seeds TestFault1And5And6And11And12 tries")

// TestFault1And5And6And11And12 lets a program that logs to a file through a durable
// queue go through random histories, of records, writes that fail or take a part,
// rotations, deaths at any call of the file system, recoveries and clean ends, and
// holds its files against a plain slice: every record that was acknowledged is there
// once, whole and in order. A seed that ever failed belongs into testdata/model.
func TestFault1And5And6And11And12ModelOfADurableFile(t *testing.T) {
	var seeds []uint64
	text, err := os.ReadFile(filepath.Join("testdata", "model"))
	assert.NilError(t, err)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			seed, err := strconv.ParseUint(line, 10, 64)
			assert.NilError(t, err)
			seeds = append(seeds, seed)
		}
	}
	for seed := range uint64(50) {
		seeds = append(seeds, seed)
	}
	for range *modelSeeds {
		seeds = append(seeds, rand.Uint64())
	}
	deaths, recovered := 0, 0
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			w := &world{t: t, dir: t.TempDir(), rings: t.TempDir(), random: rand.New(rand.NewPCG(seed, 1))}
			defer func() {
				if t.Failed() {
					t.Logf("seed %d:\n%s", seed, strings.Join(w.history, "\n"))
				}
			}()
			synctest.Test(t, func(*testing.T) { w.run() })
			w.check()
			deaths += w.lives
			recovered += w.recovered
		})
	}
	assert.Assert(t, deaths > len(seeds) && recovered > len(seeds), "%d deaths, %d records recovered", deaths, recovered)
}

// A world is a folder of logs, and the program that writes there, life after life.
type world struct {
	t          *testing.T
	dir, rings string
	random     *rand.Rand
	history    []string
	lives      int // that ended in death
	recovered  int

	next  int          // the number of the next record
	acked map[int]bool // those whose Handle returned nil in a life, before its death

	handler *hydra.Handler
	sink    *file.Sink
	life    *mortal
	ending  bool
	hasty   int // lives in a row that died before they had recovered it all
}

func (w *world) path() string { return filepath.Join(w.dir, "app.log") }

func (w *world) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

// run goes through a history.
func (w *world) run() {
	w.acked = make(map[int]bool)
	w.start()
	for range 15 + w.random.IntN(40) {
		w.step()
		if w.life.dead() {
			w.bury()
		}
	}
	w.note("the end")
	w.ending = true
	w.life.heal()
	settle()
	if w.life.dead() { // since before it was healed
		w.bury()
	}
	assert.Check(w.t, w.handler.Flush(context.Background()))
	w.end()
	left, err := os.ReadDir(w.ringDir())
	assert.Check(w.t, err)
	assert.Check(w.t, len(left) == 0, "left: %v", left)
}

// settle gives writers the time to take what was logged.
func settle() {
	time.Sleep(20 * time.Millisecond)
	synctest.Wait()
}

func (w *world) ringDir() string { return filepath.Join(w.rings, strconv.Itoa(w.lives)) }

// hastyMost is how many lives in a row may die before they have recovered it all: a
// queue that three could not recover is quarantined.
const hastyMost = 2

// queues returns how many files of queues there are: more than one as long as there
// is something to recover.
func (w *world) queues() int {
	entries, err := os.ReadDir(w.ringDir())
	if err != nil {
		w.t.Error(err)
	}
	return len(entries)
}

// start begins a life, which recovers what the one before left.
func (w *world) start() {
	w.life = &mortal{System: file.Everywhere, snapshot: w.snapshot}
	if !w.ending && w.hasty < hastyMost && w.random.IntN(4) == 0 {
		w.life.plan(1+w.random.IntN(12), w.random.IntN(3000))
		w.note("it will die at call %d, %d bytes", w.life.until, w.life.most)
	}
	w.sink = file.New(w.path(), &file.Options{MaxSize: 4 << 10})
	w.sink.SetSystem(w.life)
	w.handler = hydra.NewHandler(hydra.Config{
		MemoryLimit: -1, Fallback: io.Discard,
		Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
			Name: "d", Sink: w.sink, Format: plain{}, Policy: hydra.Block, RetryFor: time.Hour,
			Queue:   hydra.Queue{Records: 4096, Bytes: 256 << 10},
			Durable: &hydra.Durable{Dir: w.ringDir(), AllowDisk: true},
		}}}},
	})
	w.note("life %d", w.lives)
	if durable := w.handler.Health().Destinations[0].Durable; durable.Error != "" {
		w.t.Errorf("not durable: %s", durable.Error)
	}
	if w.hasty >= hastyMost {
		for tries := 0; w.queues() > 1; tries++ {
			if settle(); tries == 1000 {
				w.t.Errorf("life %d does not recover: %+v", w.lives, w.handler.Health().Destinations[0])
				break
			}
		}
	}
}

// step lets something happen.
func (w *world) step() {
	switch w.random.IntN(10) {
	case 0, 1, 2, 3:
		n := 1 + w.random.IntN(30)
		w.note("put %d from %d", n, w.next)
		for range n {
			w.put()
		}
	case 4, 5:
		w.note("settle")
		settle()
	case 6:
		n := w.random.IntN(4)
		w.note("fail %d writes", n)
		for range n {
			w.life.fail(w.random.IntN(600))
		}
	case 7:
		until, most := 1+w.random.IntN(8), w.random.IntN(3000)
		w.note("die at call %d, %d bytes", until, most)
		w.life.plan(until, most)
	case 8:
		w.note("rotate: %v", w.sink.Rotate())
	case 9:
		if w.random.IntN(2) == 0 {
			settle()
			w.note("die at rest")
			w.life.die()
			return
		}
		w.note("close")
		w.end()
		if !w.life.dead() {
			w.start()
		}
	}
}

// put logs one record. It counts if the program did not die meanwhile.
func (w *world) put() {
	n := w.next
	w.next++
	length := w.random.IntN(200)
	if w.random.IntN(20) == 0 {
		length = w.random.IntN(6000)
	}
	text := fmt.Sprintf("%d %d %s", n, length, strings.Repeat("x", length))
	if err := w.handler.Handle(context.Background(), slog.NewRecord(time.Now(), slog.LevelInfo, text, 0)); err != nil {
		w.t.Errorf("record %d: %v", n, err)
	}
	w.life.alive(func() { w.acked[n] = true })
}

// end ends a life well, unless it dies on the way.
func (w *world) end() {
	w.life.forgive()
	if err := w.handler.Close(context.Background()); err != nil && !w.life.dead() {
		w.t.Errorf("close: %v", err)
	}
	w.countRecovered()
}

func (w *world) countRecovered() {
	w.recovered += int(w.handler.Health().Destinations[0].Durable.Recovered)
}

// bury ends what is left of a dead life, which changes nothing any more, and starts
// the next.
func (w *world) bury() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = w.handler.Close(ctx) // fails, as everything does
	settle()
	w.countRecovered()
	w.lives++
	w.hasty++
	if w.queues() <= 1 {
		w.hasty = 0
	}
	if w.life.failed != nil {
		w.t.Error(w.life.failed)
	}
	w.start()
}

// snapshot keeps the queue as it is at the moment of death, for the next life.
func (w *world) snapshot() error {
	return os.CopyFS(filepath.Join(w.rings, strconv.Itoa(w.lives+1)), os.DirFS(w.ringDir()))
}

// check holds the files against the model.
func (w *world) check() {
	seen := make(map[int]bool)
	last := -1
	for _, text := range contents(w.t, w.path()) {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "hydra: ") {
				continue
			}
			var n, length int
			var pad string
			_, err := fmt.Sscanf(line, "%d %d", &n, &length)
			if _, rest, ok := strings.Cut(line, " "); ok {
				_, pad, _ = strings.Cut(rest, " ")
			}
			if err != nil || pad != strings.Repeat("x", length)+"\n" {
				w.t.Errorf("torn: %.80q", line)
				continue
			}
			if seen[n] {
				w.t.Errorf("record %d is there twice", n)
			} else if n < last {
				w.t.Errorf("record %d is behind %d", n, last)
			}
			seen[n], last = true, n
		}
	}
	for n := range w.next {
		if w.acked[n] && !seen[n] {
			w.t.Errorf("record %d is lost", n)
		}
	}
}

// plain is a format: the message alone.
type plain struct{}

func (plain) AppendRecord(dst []byte, r slog.Record, _ []slog.Attr) ([]byte, format.Flaws) {
	return append(append(dst, r.Message...), '\n'), 0
}

func (p plain) WithAttrs([]slog.Attr) format.Format { return p }
func (p plain) WithGroup(string) format.Format      { return p }
