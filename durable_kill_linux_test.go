// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
)

// shmDir returns a folder in memory, which the test removes.
func shmDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hydra-test-")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir)) })
	return dir
}

// durable returns a handler with one destination, whose queue is durable. Nothing is
// dropped there.
func durable(t *testing.T, dir string, s sink.Sink, set ...func(*hydra.Destination)) *hydra.Handler {
	t.Helper()
	d := hydra.Destination{
		Name: "d", Sink: s, Format: lines{}, Policy: hydra.Block, RetryFor: time.Hour,
		Durable: &hydra.Durable{Dir: dir},
	}
	for _, f := range set {
		f(&d)
	}
	h, err := hydra.Open(hydra.Config{
		MemoryLimit: -1,
		Fallback:    io.Discard,
		OnEvent: func(e hydra.Event) {
			if e.Kind == hydra.EventQuarantined {
				fmt.Fprintln(os.Stderr, e.Err) // also of a life that ends soon
				t.Errorf("%v", e.Err)
			}
		},
		Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{d}}},
	})
	assert.NilError(t, err)
	return h
}

// recoverAll lets a handler recover what is in dir, and returns its last state.
func recoverAll(t *testing.T, dir string, s sink.Sink, set ...func(*hydra.Destination)) hydra.DestinationHealth {
	t.Helper()
	h := durable(t, dir, s, set...)
	assert.NilError(t, h.Flush(t.Context()))
	assert.NilError(t, h.Close(t.Context()))
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0, "left behind: %v", left)
	return h.Health().Destinations[0]
}

// life is what a process that will die is told, by its environment.
const lifeEnv = "HYDRA_TEST_LIFE"

// inLife returns what this process was told for the test, if it is one that will
// die.
func inLife(t *testing.T) (told []string, ok bool) {
	told = strings.Split(os.Getenv(lifeEnv), "\n")
	return told[1:], told[0] == t.Name()
}

// newLife returns a process that runs the test again, in which inLife is true.
func newLife(t *testing.T, told ...string) *exec.Cmd {
	name := strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), lifeEnv+"="+strings.Join(append([]string{t.Name()}, told...), "\n"), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// acks is a file in memory where each producer counts the records whose Handle
// returned nil, so that the counts outlive the process.
type acks struct{ counts []atomic.Uint64 }

func openAcks(t *testing.T, path string) acks {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	assert.NilError(t, err)
	defer f.Close()
	assert.NilError(t, f.Truncate(4096))
	p, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, unix.Munmap(p)) })
	// The kernel gives out whole pages, so the words are aligned.
	return acks{unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&p[0])), killProducers)}
}

func (a acks) sum() (n uint64) {
	for i := range a.counts {
		n += a.counts[i].Load()
	}
	return n
}

const killProducers = 6

// logUntilKilled logs from several goroutines until the process dies.
func logUntilKilled(t *testing.T, h *hydra.Handler, life string, a acks) {
	var all sync.WaitGroup
	for p := range killProducers {
		all.Go(func() {
			for i := 0; ; i++ {
				text := fmt.Sprintf("r%s.%d.%d.%s", life, p, i, strings.Repeat("x", i*i%300))
				if err := say(h, text); err != nil {
					t.Error(err)
					return
				}
				a.counts[p].Add(1)
			}
		})
	}
	all.Wait()
}

func TestFault1EveryAcknowledgedRecordIsInTheFileOnce(t *testing.T) {
	if told, ok := inLife(t); ok {
		h := durable(t, told[0], file.New(told[1], nil))
		logUntilKilled(t, h, told[2], openAcks(t, told[3]))
		return
	}
	dir, path := shmDir(t), filepath.Join(t.TempDir(), "log")
	kills := 10
	if testing.Short() {
		kills = 3
	}
	var lives []acks
	for life := range kills {
		ackPath := filepath.Join(t.TempDir(), "acks"+strconv.Itoa(life))
		a := openAcks(t, ackPath)
		lives = append(lives, a)
		cmd := newLife(t, dir, path, strconv.Itoa(life), ackPath)
		cmd.Stderr = os.Stderr
		assert.NilError(t, cmd.Start())
		enough := 1000 + rand.Uint64N(20_000)
		poll.WaitOn(t, func(poll.LogT) poll.Result {
			if a.sum() < enough {
				return poll.Continue("%d records", a.sum())
			}
			return poll.Success()
		}, poll.WithDelay(time.Millisecond), poll.WithTimeout(time.Minute))
		assert.NilError(t, cmd.Process.Kill())
		var died *exec.ExitError
		assert.Assert(t, errors.As(cmd.Wait(), &died))
		assert.Equal(t, died.Sys().(syscall.WaitStatus).Signal(), syscall.SIGKILL)
	}
	recoverAll(t, dir, file.New(path, nil))
	p, err := os.ReadFile(path)
	assert.NilError(t, err)
	proveOnce(t, string(p), lives)
}

var living = regexp.MustCompile(`^r(\d+)\.(\d+)\.(\d+)\.(x*)$`)

// proveOnce checks that the text has every acknowledged record once, no other twice
// and none torn, and those of a producer in their order.
func proveOnce(t *testing.T, text string, lives []acks) {
	t.Helper()
	found := make(map[[3]int]int)
	latest := make(map[[2]int]int)
	recovered := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, hydra.RecoveredMessage) {
			recovered++
			continue
		}
		m := living.FindStringSubmatch(line)
		if !assert.Check(t, m != nil, "torn: %q", line) {
			continue
		}
		life, _ := strconv.Atoi(m[1])
		producer, _ := strconv.Atoi(m[2])
		i, _ := strconv.Atoi(m[3])
		assert.Check(t, len(m[4]) == i*i%300, "torn: %q", line)
		found[[3]int{life, producer, i}]++
		by := [2]int{life, producer}
		before, ok := latest[by]
		assert.Check(t, !ok || before < i, "%s comes after %d", line, before)
		latest[by] = i
	}
	acknowledged, lost, twice := 0, 0, 0
	for life, a := range lives {
		for p := range a.counts {
			n := int(a.counts[p].Load())
			acknowledged += n
			for i := range n {
				if found[[3]int{life, p, i}] == 0 {
					lost++
				}
			}
		}
	}
	for _, n := range found {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d lives, %d recoveries, %d records acknowledged, %d in the file", len(lives), recovered, acknowledged, len(found))
	assert.Equal(t, lost, 0)
	assert.Equal(t, twice, 0)
}

// deaths are ways to end that run no code of hydra's.
var deaths = []struct {
	name string
	die  func(group string)
}{
	{"Fault1 SIGKILL", func(string) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }},
	{outOfMemory, func(group string) {
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0o600); err != nil {
			fmt.Println(noGroup, err)
			os.Exit(1)
		}
		var all [][]byte
		for range 512 { // MiB: a group that does not limit must not cost the machine its memory
			all = append(all, bytes.Repeat([]byte("x"), 1<<20))
		}
		fmt.Println(noGroup, len(all), "MiB beyond its limit")
		os.Exit(1)
	}},
	{"Fault3 panic", func(string) { panic("boom") }},
	{"Fault3 fatal error", func(string) {
		m := map[int]int{}
		for range 8 {
			go func() {
				for {
					m[0]++
				}
			}()
		}
		select {}
	}},
	{"Fault3 stack overflow", func(string) {
		debug.SetMaxStack(1 << 20)
		_ = dive(0)
	}},
	{"Fault3 SIGSEGV", func(string) { _ = syscall.Kill(os.Getpid(), syscall.SIGSEGV) }},
	{"Fault3 SIGABRT", func(string) { _ = syscall.Kill(os.Getpid(), syscall.SIGABRT) }},
	{"Fault4 os.Exit", func(string) { os.Exit(1) }},
}

// outOfMemory needs a cgroup.
const outOfMemory = "Fault2 out of memory"

// noGroup is what a process says that cannot run out of memory.
const noGroup = "no cgroup:"

// dive returns for no n that is not negative.
func dive(n int) int {
	if n < 0 {
		return n
	}
	return dive(n+1) + 1
}

// stuck is a sink that takes nothing and never returns.
type stuck struct{ sink.Sink }

func (stuck) Open(context.Context) error { return nil }

func (stuck) Write(context.Context, sink.Batch) (int, error) { select {} }

func TestRecordsOutliveEveryDeath(t *testing.T) {
	for _, tt := range deaths {
		t.Run(tt.name, func(t *testing.T) {
			const records = 500
			if told, ok := inLife(t); ok {
				h := durable(t, told[0], stuck{})
				for i := range records {
					assert.NilError(t, say(h, strconv.Itoa(i+1)))
				}
				go tt.die(told[1]) // the testing package contains the panics of a test's own goroutine
				select {}
			}
			dir, path := shmDir(t), filepath.Join(t.TempDir(), "log")
			group := ""
			if tt.name == outOfMemory {
				var err error
				if group, err = fault.MemoryGroup(96 << 20); err != nil {
					t.Skip("no cgroup can be made here: ", err)
				}
				t.Cleanup(func() { _ = os.Remove(group) }) // what is left in memory may keep it for a moment
			}
			out, err := newLife(t, dir, group).CombinedOutput()
			assert.Assert(t, err != nil, "%s", out)
			if _, why, ok := strings.Cut(string(out), noGroup); ok {
				t.Skip(why)
			}
			d := recoverAll(t, dir, file.New(path, nil))
			assert.Equal(t, d.Durable.Recovered, uint64(records))
			p, err := os.ReadFile(path)
			assert.NilError(t, err)
			got := strings.Split(strings.TrimSuffix(string(p), "\n"), "\n")
			assert.DeepEqual(t, got[:len(got)-1], numbers(1, records))
			assert.Assert(t, strings.HasPrefix(got[len(got)-1], hydra.RecoveredMessage+" recovered=500 "), "got %q", got[len(got)-1])
		})
	}
}
