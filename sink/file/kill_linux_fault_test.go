// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build fault && linux

package file_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
)

// A model is what survives of a durable queue when its process is killed: which
// batch was under way, and what was noted of it. What is in a batch follows from its
// number. Of two states the one with the higher number counts, which is written last.
type model struct {
	memory []byte
	state  modelState
}

type modelState struct {
	batch      uint64
	settled    uint64 // bytes of the batch that need not be delivered any more
	from, upto uint64 // of the note
	place      []byte // empty: there is none
}

const modelSize = 4096

// openModel maps the model at path, which is made if it is not there.
func openModel(path string) (*model, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := &model{}
	if err := f.Truncate(modelSize); err != nil {
		return nil, err
	}
	m.memory, err = unix.Mmap(int(f.Fd()), 0, modelSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	b := m.slot(m.count().Load())
	m.state = modelState{
		batch: binary.LittleEndian.Uint64(b), settled: binary.LittleEndian.Uint64(b[8:]),
		from: binary.LittleEndian.Uint64(b[16:]), upto: binary.LittleEndian.Uint64(b[24:]),
		place: append([]byte(nil), b[40:40+binary.LittleEndian.Uint64(b[32:])]...),
	}
	return m, nil
}

func (m *model) count() *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&m.memory[0])) }

func (m *model) slot(n uint64) []byte { return m.memory[64+n%2*1024:] }

// keep makes s the state, in one step.
func (m *model) keep(s modelState) {
	n := m.count().Load() + 1
	b := m.slot(n)
	for i, v := range [...]uint64{s.batch, s.settled, s.from, s.upto, uint64(len(s.place))} {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	copy(b[40:], s.place)
	m.state = s
	m.count().Store(n)
}

// modelBatch returns the batch with a number of one of the processes.
func modelBatch(process string, n uint64) sink.Batch {
	r := rand.New(rand.NewPCG(n, 1))
	var lines []string
	for i := range 1 + r.IntN(30) {
		lines = append(lines, fmt.Sprintf("%s-%d-%d %s.", process, n, i, strings.Repeat("x", r.IntN(6000))))
	}
	return batchOf(lines...)
}

// deliver does what a durable queue does, until the process is killed.
func deliver(path, process string, opts *file.Options, acks *os.File) error {
	ctx := context.Background()
	m, err := openModel(filepath.Join(filepath.Dir(filepath.Dir(path)), "model-"+process))
	if err != nil {
		return err
	}
	s := file.New(path, opts)
	s.Trace(func(from, upto int, place []byte) {
		st := m.state
		st.from, st.upto, st.place = st.settled+uint64(from), st.settled+uint64(upto), place
		m.keep(st)
	})
	if st := m.state; len(st.place) > 0 {
		b := modelBatch(process, st.batch)
		p := sink.Batch{Bytes: b.Bytes[st.from:st.upto]}
		for _, end := range b.Ends {
			if uint64(end) > st.from && uint64(end) <= st.upto {
				p.Ends = append(p.Ends, end-int(st.from))
			}
		}
		n, err := s.Arrived(ctx, st.place, p.Bytes, p.Ends)
		if err != nil {
			return err
		}
		m.keep(modelState{batch: st.batch, settled: st.from + uint64(n)})
	}
	if err := s.Open(ctx); err != nil {
		return err
	}
	for {
		if b := rest(modelBatch(process, m.state.batch), int(m.state.settled)); len(b.Bytes) > 0 {
			if n, err := s.Write(ctx, b); err != nil || n < len(b.Bytes) {
				return fmt.Errorf("%d bytes written: %w", n, err)
			}
		}
		m.keep(modelState{batch: m.state.batch + 1})
		if _, err := fmt.Fprintf(acks, "%d\n", m.state.batch-1); err != nil {
			return err
		}
	}
}

// TestFault5 kills processes again and again, also while they recover from the kill
// before, and looks for each record of each batch.
func TestFault5EachRecordIsThereOnceWheneverAProcessIsKilled(t *testing.T) {
	tests := []struct {
		name      string
		processes int
		kills     int
		opts      file.Options
	}{
		{name: "alone", processes: 1, kills: 300},
		{name: "rotating", processes: 1, kills: 150, opts: file.Options{MaxSize: 64 << 10}},
		{name: "several rotating", processes: 3, kills: 60, opts: file.Options{MaxSize: 256 << 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if isChild(t) {
				process, dir, _ := strings.Cut(os.Getenv(childDir), ":")
				acks := os.NewFile(3, "acks")
				_, _ = fmt.Fprintln(acks, "failed: ", deliver(filepath.Join(dir, "app.log"), process, &tt.opts, acks))
				os.Exit(1)
			}
			dir := filepath.Join(t.TempDir(), "logs")
			assert.NilError(t, os.Mkdir(dir, 0o700))
			var wg sync.WaitGroup
			acked := make([]uint64, tt.processes) // batches
			for p := range tt.processes {
				wg.Go(func() {
					for range tt.kills {
						report, err := killed(t, fmt.Sprintf("%d:%s", p, dir), 1+rand.IntN(12))
						for _, line := range report {
							n, perr := strconv.ParseUint(line, 10, 64)
							err = errors.Join(err, perr)
							acked[p] = max(acked[p], n+1)
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			// The last kill may have been between the two steps of a rotation.
			s := opened(t, filepath.Join(dir, "app.log"), &tt.opts)
			assert.NilError(t, s.Close(t.Context()))
			seen := make(map[string]int)
			torn := 0
			for _, text := range contents(t, filepath.Join(dir, "app.log")) {
				for line := range strings.Lines(text) {
					id, rest, _ := strings.Cut(line, " ")
					if strings.Trim(rest, "x") != ".\n" {
						torn++
						continue
					}
					seen[id]++
				}
			}
			records := 0
			for p := range tt.processes {
				process := strconv.Itoa(p)
				for n := range acked[p] {
					for i := range modelBatch(process, n).Ends {
						records++
						id := fmt.Sprintf("%s-%d-%d", process, n, i)
						if seen[id] != 1 {
							t.Fatalf("%s, of %d records of its batch, is there %d times:%s", id, len(modelBatch(process, n).Ends), seen[id], around(t, dir, id))
						}
					}
				}
			}
			for id, n := range seen {
				assert.Equal(t, n, 1, id)
			}
			if tt.processes == 1 {
				// The last kill may have left the start of a line.
				assert.Assert(t, torn <= 1, "%d torn", torn)
			}
			t.Logf("%d kills, %d records acknowledged, 0 lost, 0 twice, %d torn", tt.processes*tt.kills, records, torn)
		})
	}
}

// around returns where in the files a record and its neighbours are, for who looks for
// it.
func around(t *testing.T, dir, id string) string {
	var found strings.Builder
	for i, text := range contents(t, filepath.Join(dir, "app.log")) {
		batch := id[:strings.LastIndexByte(id, '-')+1]
		for j, line := range strings.Split(text, "\n") {
			if strings.Contains(line, batch) {
				fmt.Fprintf(&found, "\nfile %d, line %d: %s", i, j, strings.ReplaceAll(line, "xxxxxxxxxx", "X"))
			}
		}
	}
	return found.String()
}
