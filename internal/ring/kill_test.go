// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// childMode is the variable that makes of the test binary the process that dies, and
// says how. childDir is where.
const (
	childMode = "HYDRA_RING_CHILD"
	childDir  = "HYDRA_RING_DIR"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		if err := child(mode, os.Getenv(childDir)); err != nil {
			fmt.Println("error:", err)
		}
		os.Exit(3)
	}
	os.Exit(m.Run())
}

const (
	childProducers = 4
	childRecords   = 1 << 15
	childStride    = 128
	childEvery     = 256 // records between two signs of life
)

func childOptions(dir string) Options { return Options{Dir: dir, Name: "n", Program: "p"} }

func childRecord(n uint64) string {
	return fmt.Sprintf("%d %s\n", n, strings.Repeat("z", int(n%100)))
}

// child fills a ring from several goroutines, and notes in another mapped file which
// records are acknowledged: those whose Fill has returned.
func child(mode, dir string) error {
	if mode == "create" {
		_, err := Create(childOptions(dir), Geometry{Data: 16 << 20, Slots: 1024, Batch: 1024, BatchRecords: 8})
		return err
	}
	f, err := os.Create(filepath.Join(dir, "acknowledged"))
	if err != nil {
		return err
	}
	if err := f.Truncate(childRecords); err != nil {
		return err
	}
	acknowledged, err := unix.Mmap(int(f.Fd()), 0, childRecords, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	r, err := Create(childOptions(dir), Geometry{Data: childRecords * childStride, Slots: childRecords, Batch: 1024, BatchRecords: 8})
	if err != nil {
		return err
	}
	var next atomic.Uint64
	for range childProducers {
		go func() {
			for {
				n := next.Add(1) - 1
				if n >= childRecords {
					select {} // full
				}
				r.Fill(uint32(n), uint32(n)*childStride, []byte(childRecord(n)))
				acknowledged[n] = 1
				if n%childEvery == childEvery-1 {
					fmt.Print(".")
				}
				if n == childRecords/2 {
					die(mode)
				}
			}
		}()
	}
	for { // alive even when the ring is full and all others wait
		_ = unix.Pause() // until there is a signal
	}
}

// die ends this process in one of many ways.
func die(mode string) {
	switch mode {
	case "panic":
		panic("on purpose")
	case "os.Exit":
		os.Exit(1)
	case "SIGSEGV", "SIGABRT", "SIGTERM":
		unix.Kill(unix.Getpid(), map[string]unix.Signal{"SIGSEGV": unix.SIGSEGV, "SIGABRT": unix.SIGABRT, "SIGTERM": unix.SIGTERM}[mode])
	case "stack overflow":
		debug.SetMaxStack(16 << 20)
		var deeper func(n int) int
		deeper = func(n int) int { return deeper(n+1) + 1 }
		deeper(0)
	case "map race":
		m := make(map[int]int)
		for {
			go func() {
				for i := 0; ; i++ {
					m[i%8] = i
				}
			}()
		}
	case "memory":
		for p := []byte("x"); ; p = append(p, p...) {
			runtime.KeepAlive(p)
		}
	}
}

// start starts the process that is to die. signs are its signs of life.
func start(t testing.TB, mode, dir string, wrap ...string) (cmd *exec.Cmd, signs io.Reader) {
	t.Helper()
	exe, err := os.Executable()
	assert.NilError(t, err)
	args := append(wrap, exe)
	cmd = exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childMode+"="+mode, childDir+"="+dir)
	signs, err = cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	return cmd, signs
}

// survey adopts what the process left, and fails if a record that it had acknowledged is
// not there, or one is there that it did not make.
func survey(t testing.TB, dir string) (acknowledged int) {
	t.Helper()
	acks, err := os.ReadFile(filepath.Join(dir, "acknowledged"))
	assert.NilError(t, err)
	o := adopt(t, childOptions(dir))
	found := make(map[uint64]bool)
	for r := (Run{}); o.Take(&r, 1<<16, 1<<16); {
		start := 0
		for i, end := range r.Ends {
			n := r.First + uint64(i)
			assert.Equal(t, string(r.Bytes[start:end]), childRecord(n))
			assert.Assert(t, !found[n])
			found[n] = true
			start = end
		}
	}
	for n, a := range acks {
		if a == 1 {
			acknowledged++
			assert.Assert(t, found[uint64(n)], "record %d was acknowledged, and is lost", n)
		}
	}
	c := o.Counts()
	assert.Equal(t, c.Damaged+c.Dropped, uint64(0))
	assert.Assert(t, c.Holes <= childProducers && len(found) <= acknowledged+childProducers, "%+v, %d acknowledged", c, acknowledged)
	assert.NilError(t, o.Remove())
	return acknowledged
}

func TestFault1WhatWasAcknowledgedIsThereAfterSIGKILL(t *testing.T) {
	kills := 15
	if testing.Short() {
		kills = 5
	}
	random := rand.New(rand.NewPCG(1, 2))
	total := 0
	for range kills {
		dir := shm(t)
		cmd, signs := start(t, "SIGKILL", dir)
		_, err := io.ReadFull(signs, make([]byte, 1+random.IntN(childRecords/childEvery/2)))
		assert.NilError(t, err)
		found, _, err := Orphans(childOptions(dir))
		assert.NilError(t, err)
		assert.Equal(t, len(found), 0) // it lives: fault 74
		assert.NilError(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed
		total += survey(t, dir)
	}
	t.Logf("%d acknowledged records in %d processes", total, kills)
}

func TestFault3And4WhatWasAcknowledgedIsThereHoweverTheProcessEnds(t *testing.T) {
	for _, mode := range []string{"panic", "os.Exit", "SIGSEGV", "SIGABRT", "SIGTERM", "stack overflow", "map race"} {
		t.Run(mode, func(t *testing.T) {
			dir := shm(t)
			cmd, signs := start(t, mode, dir)
			_, err := io.Copy(io.Discard, signs) // until it has ended
			assert.NilError(t, err)
			_ = cmd.Wait()
			if n := survey(t, dir); n < childRecords/4 {
				t.Errorf("got %d acknowledged records, want about %d", n, childRecords/2)
			}
		})
	}
}
