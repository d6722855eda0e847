// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
)

// ordersEnv holds the orders of a process that will die, as JSON.
const ordersEnv = "HYDRA_CRASH_ORDERS"

// orders are what a process is told.
type orders struct {
	Life        int
	Mode        string
	Logs, Rings string        // folders
	Way         string        // of dying; empty to recover and end well
	After       time.Duration // how long it logs first; it is killed if Way is sigkill
	Group       string        // cgroup with little memory, to die in
}

const (
	producers    = 6
	queueRecords = 8192
	queueBytes   = 2 << 20
)

// inLife returns the orders of this process, if it has some.
func inLife() (o orders, ok bool) {
	text, ok := os.LookupEnv(ordersEnv)
	if !ok {
		return o, false
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fail(err)
	}
	return o, true
}

// A page is memory that outlives the process that maps it.
type page struct {
	words []atomic.Uint64
	bytes []byte // the same
}

func (p page) close() { _ = unix.Munmap(p.bytes) } // it cannot fail

// The words of a page. Counts of producers are a cache line apart from one another.
const (
	readyWord = 0 // it logs
	dyingWord = 1 // it is about to die of itself
	countWord = 8
	lineWords = 8
)

func (p page) count(producer int) *atomic.Uint64 { return &p.words[countWord+lineWords*producer] }

// pagePath returns the file of a life's page.
func pagePath(logs string, life int) string { return filepath.Join(logs, "page-"+strconv.Itoa(life)) }

// openPage maps the page in a file, and makes it if it is not there.
func openPage(path string) (page, error) {
	const size = 4096
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return page{}, err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return page{}, err
	}
	p, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return page{}, err
	}
	// A mapping begins with a page of the system, so its words are aligned.
	return page{unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&p[0])), size/8), p}, nil
}

// slow is a file whose writes take their time now and then, so that there is
// something in the queue when death comes.
type slow struct{ *file.Sink }

func (s slow) Write(ctx context.Context, b sink.Batch) (int, error) {
	if rand.IntN(20) == 0 {
		time.Sleep(rand.N(20 * time.Millisecond))
	}
	return s.Sink.Write(ctx, b)
}

// handler returns the handler of a life.
func handler(o orders) (*hydra.Handler, error) {
	d := hydra.Destination{
		Name:   "crash",
		Sink:   slow{file.New(filepath.Join(o.Logs, logName), &file.Options{MaxSize: 4 << 20})},
		Policy: hydra.Block, RetryFor: time.Hour,
		Queue: hydra.Queue{Records: queueRecords, Bytes: queueBytes},
	}
	if o.Mode == durableMode {
		d.Durable = &hydra.Durable{Dir: o.Rings}
		d.Audit = &hydra.Audit{Key: auditKey}
	}
	return hydra.Open(hydra.Config{
		MemoryLimit: -1, CloseTimeout: time.Minute,
		Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{d}}},
	})
}

// live does as it was told, and dies.
func live(o orders) {
	if o.Group != "" {
		if err := os.WriteFile(filepath.Join(o.Group, "cgroup.procs"), []byte("0"), 0o600); err != nil {
			fail(err)
		}
	}
	p, err := openPage(pagePath(o.Logs, o.Life))
	if err != nil {
		fail(err)
	}
	h, err := handler(o)
	if err != nil {
		fail(err)
	}
	if o.Way == "" {
		if err := h.Close(context.Background()); err != nil {
			fail(err)
		}
		os.Exit(0)
	}
	for n := range producers {
		go produce(h, o.Life, n, p.count(n)) // until the process dies
	}
	p.words[readyWord].Store(1)
	if o.Way == sigkill {
		select {} // until it is killed
	}
	time.Sleep(o.After)
	p.words[dyingWord].Store(1)
	ways[o.Way].die()
	fail(fmt.Errorf("it lives"))
}

// produce logs, in bursts, and counts the records whose Handle returned nil.
func produce(h *hydra.Handler, life, by int, count *atomic.Uint64) {
	for n := 1; ; n++ {
		text := id{life, by, n}.message()
		if err := h.Handle(context.Background(), slog.NewRecord(time.Now(), slog.LevelInfo, text, 0)); err != nil {
			fail(err)
		}
		count.Store(uint64(n))
		if rand.IntN(100) == 0 {
			time.Sleep(rand.N(6 * time.Millisecond))
		}
	}
}

// fail ends a life that did not go as it was told.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "crash: a life:", err)
	os.Exit(unexpected)
}

// unexpected is the exit status of a life that failed.
const unexpected = 9
